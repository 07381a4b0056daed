"""Opens files of a repository by their real paths, without following symbolic links.

A path is checked during discovery, but a link created since then would lead elsewhere. So each
folder on the way is opened by handle (https://man7.org/linux/man-pages/man2/openat.2.html) if the
system supports it; otherwise (Windows) the path is checked again.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from msgspec import Struct

_HAS_HANDLES = {os.open, os.unlink, os.access, os.rename} <= os.supports_dir_fd
_LINK = {errno.ELOOP, errno.EMLINK, errno.ENOTDIR}
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
#: A named pipe opens at once, instead of waiting for its other end.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)


class NotRegularError(OSError):
    """The file to read is a folder, a pipe or a device."""


class TooLargeError(OSError):
    """A file is larger than the limit: ``size`` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(errno.EFBIG, os.strerror(errno.EFBIG))
        self.size = size


class Folder(Struct, frozen=True):
    """An open folder. ``handle`` is None if the system has none; then ``path`` is used."""

    path: Path
    handle: int | None

    def open(self, name: str, flags: int) -> int:
        """Open the file ``name`` in it, as `os.open` does. Raises OSError."""
        return os.open(self._at(name), flags | _FLAGS, 0o600, dir_fd=self.handle)

    def read(self, name: str, limit: int | None = None) -> tuple[bytes, os.stat_result]:
        """The content and the status of the regular file ``name``.

        Raises NotRegularError, TooLargeError (``limit`` bytes) and other OSErrors.
        """
        handle = self.open(name, os.O_RDONLY | _AT_ONCE)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise NotRegularError(errno.EINVAL, "not a regular file")
            if limit is not None and status.st_size > limit:
                raise TooLargeError(status.st_size)
            data = file.read() if limit is None else file.read(limit + 1)
        if limit is not None and len(data) > limit:
            raise TooLargeError(len(data))
        return data, status

    def is_writable(self, name: str) -> bool:
        """Whether the user can write to the file ``name``."""
        return os.access(self._at(name), os.W_OK, dir_fd=self.handle)

    def replace(self, name: str, source: str) -> None:
        """Replace the file ``name`` by the file ``source``, atomically."""
        os.replace(self._at(source), self._at(name), src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def remove(self, name: str) -> None:
        """Remove the file ``name``."""
        os.unlink(self._at(name), dir_fd=self.handle)

    def flush(self) -> None:
        """Flush renames in it to the disk, if the system supports that."""
        if self.handle is not None:
            os.fsync(self.handle)

    def _at(self, name: str) -> str | Path:
        return self.path / name if self.handle is None else name


@contextmanager
def opened_folder(root: Path, path: str) -> Iterator[Folder]:
    """Open the folder at the POSIX ``path`` in ``root``.

    Raises OSError if there is none, or if a symbolic link is on the way.
    """
    parts = PurePosixPath(path).parts
    if ".." in parts or path.startswith("/"):
        raise OSError(errno.EINVAL, "it is outside of the folder", path)
    folder = root.joinpath(*parts)
    if not _HAS_HANDLES:
        if folder.resolve(strict=True) != root.resolve().joinpath(*parts):
            raise _linked(path)
        yield Folder(folder, None)
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    handle = os.open(root, flags)
    try:
        for part in parts:
            try:
                inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=handle)
            except OSError as error:
                raise (_linked(path) if error.errno in _LINK else error) from None
            os.close(handle)
            handle = inner
        yield Folder(folder, handle)
    finally:
        os.close(handle)


def read_file(root: Path, path: str, limit: int) -> bytes:
    """The content of the regular file at ``path`` in ``root``, of at most ``limit`` bytes.

    Raises NotRegularError, TooLargeError and other OSErrors.
    """
    folder, _, name = path.rpartition("/")
    with opened_folder(root, folder) as opened:
        return opened.read(name, limit)[0]


def is_link_error(error: OSError) -> bool:
    """Whether ``error`` means that there is a symbolic link instead of a file or a folder."""
    return error.errno in _LINK


def _linked(path: str) -> OSError:
    return OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
