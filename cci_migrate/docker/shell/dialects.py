"""The shell that a step runs in."""

from __future__ import annotations

import re
from enum import Enum

from cci_migrate.docker.word_sets import names


class Dialect(Enum):
    """A family of shells whose scripts are read in the same way; those of OTHER are not read."""

    POSIX = "posix"
    """bash, sh, dash, ash, ksh, zsh."""
    POWERSHELL = "powershell"
    CMD = "cmd"
    OTHER = "other"
    """Anything else, such as ``python``: nothing is read from its scripts."""


_BY_PROGRAM = {
    **dict.fromkeys(names("bash sh dash ash ksh zsh busybox"), Dialect.POSIX),
    **dict.fromkeys(names("powershell pwsh"), Dialect.POWERSHELL),
    "cmd": Dialect.CMD,
}

#: Words that precede the shell in ``shell:`` (``/usr/bin/env bash``, ``sudo -E bash -e``).
_BEFORE_PROGRAM = names("env sudo exec command")


def dialect_of(shell: str | None) -> Dialect:
    r"""The dialect of a step whose ``shell:`` is ``shell``; None is CircleCI's default, bash.

    ``shell`` is a program, possibly with a path (of either kind of slash) and options:
    ``/bin/bash -eo pipefail``, ``powershell.exe -ExecutionPolicy Bypass``,
    ``C:\Program Files\Git\bin\bash.exe``. On Windows executors the orb sets it, so None means
    bash if nothing but the config decides.
    https://circleci.com/docs/reference/configuration-reference/#default-shell-options
    """
    if shell is None or not shell.strip():
        return Dialect.POSIX
    # A path with blanks is common on Windows: use what follows the last slash before the first
    # option.
    program = re.split(r"\s-|\s/[a-zA-Z]\b", shell.strip(), maxsplit=1)[0]
    for word in re.split(r"[\\/]", program.strip("\"' "))[-1].split():
        name = word.lower().removesuffix(".exe").strip("\"'")
        if name not in _BEFORE_PROGRAM:
            return _BY_PROGRAM.get(name, Dialect.OTHER)
    return Dialect.OTHER
