"""Files of our own that are written whole or not at all: reports, baselines, diffs, answers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

#: What only the user may read and write, whatever the umask.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def write_whole(path: Path, data: bytes | Iterable[bytes], *, is_private: bool = False) -> None:
    """Put ``data`` at ``path``: all of it, or what was there before. Raises OSError.

    Folders on the way are made. A symbolic link stays; what is no file (``/dev/null``) is written
    to as it is. ``is_private``: the file and the folders made are for the user alone.
    """
    path = path.resolve()
    parts = [data] if isinstance(data, bytes) else data
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            stream.writelines(parts)
        return
    if is_private:
        make_private_folder(path.parent)
        mode = PRIVATE_FILE
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A temporary file is for nobody else's eyes; this is to be passed on.
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def make_private_folder(path: Path) -> None:
    """Make the folder ``path``, and those above it, for the user alone; what is there stays.

    Raises OSError.
    """
    if not path.is_dir():
        make_private_folder(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(PRIVATE_FOLDER)


def make_private_file(path: Path) -> None:
    """Have ``path`` be a file for the user alone: an empty one if there is none. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
    path.chmod(PRIVATE_FILE)


def cannot_write(path: Path) -> str | None:
    """Why ``path`` cannot be written, as far as that can be told beforehand; None if it can."""
    if path.is_dir():
        return "it is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.exists() and not path.is_file():
        return None if os.access(path, os.W_OK) else "it cannot be written to"
    if not os.access(path.parent, os.W_OK):
        return f"the folder {path.parent} is read-only"
    return None
