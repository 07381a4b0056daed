"""Where a script of the shell is, as its own text asks for it: ``$(dirname "$0")``."""

from __future__ import annotations

import re

_SELF = r"(?:\$0|\$\{0\}|\$BASH_SOURCE|\$\{BASH_SOURCE(?:\[0\])?(?::-\$0)?\})"
_QUOTED = rf"\"?{_SELF}\"?"
_FILE = rf"(?:{_QUOTED}|\"?\$\((?:readlink -f|realpath)(?: --)? {_QUOTED}\)\"?)"
_DIRNAME = re.compile(rf"\$\([ ]?dirname(?: --)? {_FILE}[ ]?\)|`dirname(?: --)? {_QUOTED}`")
_TRIMMED = re.compile(r"\$\{(?:BASH_SOURCE(?:\[0\])?|0)%/\*\}")
#: ``$(cd FOLDER && pwd)``: the same folder by its whole path.
_WHOLE_PATH = (
    r"\$\([ ]?cd(?: -P| --)? \"?({})((?:/[\w.-]+)*)/?\"?(?:[ ]?\d?>(?:&\d|[ ]?[\w./]+))*"
    r"[ ]?(?:&&|;)[ ]?pwd(?: -P)?[ ]?\)"
)


def with_own_folder(text: str, folder: str) -> str:
    """The script ``text`` with ``folder`` where it asks for the folder that it is in.

    The lines stay as many.
    """
    if "$0" not in text and "${0" not in text and "BASH_SOURCE" not in text:
        return text
    text = _TRIMMED.sub(lambda _: folder, _DIRNAME.sub(lambda _: folder, text))
    return re.sub(_WHOLE_PATH.format(re.escape(folder)), r"\1\2", text)
