"""Reads files of unknown kind and size without blocking and up to a limit."""

from __future__ import annotations

import stat
from pathlib import Path


class UnreadableFileError(Exception):
    """A file can't be read; the message says why, for people."""


def read_bounded(path: Path, limit: int) -> bytes:
    """The content of the regular file ``path``.

    Devices and pipes, which may never end, are not opened. Raises UnreadableFileError, also for a
    file larger than ``limit`` bytes.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableFileError("not a regular file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UnreadableFileError(error.strerror or type(error).__name__) from None
    if len(data) > limit:
        raise UnreadableFileError(f"larger than {limit // 2**20} MB")
    return data


def read_bounded_text(path: Path, limit: int) -> str:
    """The content of the text file ``path``, without a BOM. Raises UnreadableFileError."""
    try:
        return read_bounded(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFileError("not UTF-8 text") from None
