"""A scratch folder that goes with its process, even with one that was killed.

A killed process removes nothing. Each folder therefore has a lock file that its process holds; the
next process removes the folders whose lock is free.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "cci-migrate-scratch-"
_LOCK = "in-use"


class ScratchFolder:
    """A folder for temporary files, made when it is first used."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._lock: FileLock | None = None

    @property
    def path(self) -> Path:
        """The folder. Raises OSError if it can't be made."""
        if self._path is None:
            _remove_abandoned()
            path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            self._lock = _lock_in(path)
            self._lock.acquire()
            self._path = path
        return self._path

    def remove(self) -> None:
        """Delete the folder, if it was made."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
        self._path = self._lock = None


def _lock_in(folder: Path) -> FileLock:
    return FileLock(folder / _LOCK, timeout=0, mode=0o600, thread_local=False)


def _remove_abandoned() -> None:
    """Delete the folders of processes of this user that no longer run."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):
            is_own = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
            # One without a lock file is just being made.
            if folder.is_symlink() or not is_own or not (folder / _LOCK).is_file():
                continue
            with _lock_in(folder):
                shutil.rmtree(folder, ignore_errors=True)
