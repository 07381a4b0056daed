"""Writes the program's own files atomically: reports, baselines, diffs, answers; not configs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

#: The mode of a file that only the user can read and write, whatever the umask.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def write_atomically(
    path: Path, data: bytes | Iterable[bytes], *, is_private: bool = False
) -> None:
    """Write ``data`` to ``path``, completely or not at all. Raises OSError.

    Creates missing folders. Keeps a symbolic link, and writes directly to anything that isn't a
    regular file (``/dev/null``). ``is_private``: the file and new folders are for the user only.
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
        # A temporary file is private by default; this one is not.
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
    """Create the folder ``path`` and its parents for the user only; existing ones don't change.

    Raises OSError.
    """
    if not path.is_dir():
        make_private_folder(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(PRIVATE_FOLDER)


def make_private_file(path: Path) -> None:
    """Make ``path`` a file for the user only, an empty one if it is missing. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
    path.chmod(PRIVATE_FILE)


def cannot_write(path: Path) -> str | None:
    """Why ``path`` can't be written, as far as is known in advance; None if it can."""
    if path.is_dir():
        return "it is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.exists() and not path.is_file():
        return None if os.access(path, os.W_OK) else "it cannot be written to"
    if not os.access(path.parent, os.W_OK):
        return f"the folder {path.parent} is read-only"
    return None
