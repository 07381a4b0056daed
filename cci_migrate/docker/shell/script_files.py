"""Files with a script: the shell that reads each, and the words of a command that name one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cci_migrate.docker.shell.dialects import Dialect
from cci_migrate.docker.shell.facts import Word
from cci_migrate.docker.word_sets import names

#: Shells that Windows brings, and those that read the same scripts elsewhere.
WINDOWS_SHELLS = names("powershell pwsh cmd")
_SCRIPT = re.compile(r"[^:%$]*[^\\/:%$]\.(?:ps1|bat|cmd|sh)", re.IGNORECASE)
_BY_SUFFIX = {"ps1": Dialect.POWERSHELL, "bat": Dialect.CMD, "cmd": Dialect.CMD}


def dialect_of_file(path: str) -> Dialect:
    """The dialect of the script at ``path``, by the end of its name."""
    return _BY_SUFFIX.get(path.rpartition(".")[2].lower(), Dialect.POSIX)


def is_script_file(word: Word) -> bool:
    r"""Whether ``word`` is a script's path in the checkout: ``.\ci\build.ps1``, no ``C:\x.ps1``."""
    return _SCRIPT.fullmatch(word.value) is not None


def script_of_shell(words: Sequence[Word]) -> Word | None:
    """The script that a shell of Windows with the arguments ``words`` runs.

    ``pwsh -File ci/x.ps1``, ``cmd /c x.bat``.
    """
    return next((word for word in words if is_script_file(word)), None)
