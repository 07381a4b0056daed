"""Writes proven changes of configs to their files, each atomically.

The new bytes go to a temporary file in the same folder, which is flushed to the disk and renamed
over the old one, so that readers see either version. A change of several files is written
completely or not at all, as far as a file system can guarantee that.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from cci_migrate.engine.proof import FileChange, ProvenChange
from cci_migrate.files.linkless_files import Folder, NotRegularError, is_link_error, opened_folder


class WriteError(Exception):
    """A change was not written, not even in part.

    ``path`` is the file that caused it, as the change names it; the message says why.
    """

    def __init__(self, path: str, problem: str, instead: str = "") -> None:
        super().__init__(problem)
        self.path = path
        self.problem = problem
        self.instead = instead


class _TargetFile(Struct, frozen=True):
    """A file to replace; the new one keeps its mode and owner (``status``)."""

    change: FileChange
    folder: Folder
    name: str
    status: os.stat_result


_Leftovers = list[tuple[Folder, str]]


class Restoration(Struct, frozen=True):
    """Files that this tool changed, to be put back as they were."""

    files: tuple[FileChange, ...]


def write(change: ProvenChange | Restoration, root: Path) -> None:
    """Write the files of ``change``, whose paths are relative to ``root``.

    Keeps mode and, if permitted, owner. Raises WriteError if a file changed since it was read, is a
    symbolic link or behind one, is read-only or can't be written; then no file has changed.
    """
    with ExitStack() as folders, _removed_at_the_end() as leftovers:
        targets = [_target(file, root, folders) for file in change.files]
        staged = [_stage(target, target.change.after, leftovers) for target in targets]
        # Going back must not need disk space, so the old bytes are prepared as well.
        backups = (
            [_stage(target, target.change.before, leftovers) for target in targets]
            if len(targets) > 1
            else []
        )
        for target in targets:
            _check_unchanged(target)
        _replace_all(targets, staged, backups)
        for target in targets:
            # Not every system can flush a rename; the files are complete in any case.
            with suppress(OSError):
                target.folder.flush()


def _target(change: FileChange, root: Path, folders: ExitStack) -> _TargetFile:
    path, _, name = change.path.rpartition("/")
    try:
        folder = folders.enter_context(opened_folder(root, path))
        _, status = folder.read(name)
        is_writable = folder.is_writable(name)
    except OSError as error:
        raise _error(change.path, "cannot be written", error) from None
    if not stat.S_IMODE(status.st_mode) & 0o222 or not is_writable:
        raise WriteError(change.path, "is read-only", "make it writable and run again")
    return _TargetFile(change, folder, name, status)


@contextmanager
def _removed_at_the_end() -> Iterator[_Leftovers]:
    """A list for temporary files; those that still exist at the end are removed."""
    leftovers: _Leftovers = []
    try:
        yield leftovers
    finally:
        for folder, name in leftovers:
            with suppress(OSError):
                folder.remove(name)


def _stage(target: _TargetFile, data: bytes, leftovers: _Leftovers) -> str:
    """Write ``data`` to a temporary file beside ``target``, flushed to disk; return its name."""
    name = f".cci-migrate-{secrets.token_hex(8)}.tmp"
    try:
        handle = target.folder.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        leftovers.append((target.folder, name))
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _keep_owner_and_mode(handle, target.folder.path / name, target.status)
            os.fsync(handle)
    except OSError as error:
        raise _error(target.change.path, "cannot be written", error) from None
    return name


def _keep_owner_and_mode(handle: int, path: Path, status: os.stat_result) -> None:
    # The owner first: changing it clears the set-id bits.
    if hasattr(os, "chown") and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(OSError):  # only root may give files away
            os.chown(handle, status.st_uid, status.st_gid)
    by = handle if os.chmod in os.supports_fd else path
    os.chmod(by, stat.S_IMODE(status.st_mode))  # noqa: PTH101 - a Path has no handle


def _check_unchanged(target: _TargetFile) -> None:
    try:
        now, _ = target.folder.read(target.name)
    except OSError as error:
        raise _error(target.change.path, "can't be read again", error) from None
    if now != target.change.before:
        raise WriteError(target.change.path, "changed since it was read", "run again")


def _replace_all(targets: list[_TargetFile], staged: list[str], backups: list[str]) -> None:
    done = 0
    try:
        for target, temporary in zip(targets, staged, strict=True):
            target.folder.replace(target.name, temporary)
            done += 1
    except BaseException as error:
        # Whatever the reason, Ctrl-C included: half a change is worse than none.
        for target, backup in zip(targets[:done], backups, strict=False):
            with suppress(OSError):
                target.folder.replace(target.name, backup)
        if isinstance(error, OSError):
            raise _error(targets[done].change.path, "cannot be written", error) from None
        raise


def _error(path: str, failure: str, error: OSError) -> WriteError:
    if is_link_error(error):
        return WriteError(path, "became a symbolic link since it was read", "run again")
    if isinstance(error, NotRegularError):
        return WriteError(path, "is no longer a regular file")
    return WriteError(path, f"{failure}: {error.strerror or error}")
