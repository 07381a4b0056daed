"""Files that a repository may name or hold, read without waiting and only up to a size."""

from __future__ import annotations

import stat
from pathlib import Path


class UnreadableFileError(Exception):
    """A file cannot be read; the text says why, for people."""


def read_bounded(path: Path, most: int) -> bytes:
    """The bytes of the regular file ``path``, of which there may be ``most``.

    Devices and pipes, which may never end, are not opened. Raises UnreadableFileError.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableFileError("not a regular file")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise UnreadableFileError(error.strerror or type(error).__name__) from None
    if len(data) > most:
        raise UnreadableFileError(f"larger than {most // 2**20} MB")
    return data
