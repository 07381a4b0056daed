"""Proven changes to files: each replaced at once, or left as it was.

The new bytes go to a temporary file in the same folder, which is flushed to the disk and then
renamed over the old one; whoever looks sees the one or the other. A change of several files is
written whole or not at all, as far as a file system can promise that.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cci_migrate.proof import FileChange, ProvenChange


class WriteError(Exception):
    """A change was not written, and nothing of it is on the disk.

    ``path`` is the file that stood in the way, as the change names it; the text says why.
    """

    def __init__(self, path: str, problem: str, instead: str = "") -> None:
        super().__init__(problem)
        self.path = path
        self.problem = problem
        self.instead = instead


@dataclass(frozen=True, slots=True)
class _Target:
    """A file to be replaced: the one a symbolic link names, with what it is to keep."""

    change: FileChange
    file: Path
    status: os.stat_result


def write(change: ProvenChange, root: Path) -> None:
    """Put the files of ``change``, whose paths are relative to ``root``, in place.

    Mode and owner are kept (the owner where the user may). A symbolic link stays, and the file it
    names is written. Raises WriteError when a file is not as it was read, lies outside ``root``,
    is read-only or cannot be written; then every file is as it was.
    """
    targets = [_target(file, root) for file in change.files]
    with _removed_at_the_end() as leftovers:
        staged = [_stage(target, target.change.after, leftovers) for target in targets]
        # To go back must not need room on the disk: the old bytes are laid ready as well.
        backups = (
            [_stage(target, target.change.before, leftovers) for target in targets]
            if len(targets) > 1
            else []
        )
        for target in targets:
            _check_unchanged(target)
        _replace_all(targets, staged, backups)
    for folder in {target.file.parent for target in targets}:
        _flush_folder(folder)


def _target(change: FileChange, root: Path) -> _Target:
    named = root / change.path
    try:
        file = named.resolve(strict=True)
        status = file.stat()
    except (OSError, RuntimeError) as error:
        raise _error(change.path, "cannot be written", error) from None
    if not file.is_relative_to(root.resolve()):
        raise WriteError(
            change.path,
            "is a symbolic link to a file outside the repository",
            f"run cci-migrate on {file} itself",
        )
    if not stat.S_IMODE(status.st_mode) & 0o222 or not os.access(file, os.W_OK):
        raise WriteError(change.path, "is read-only", "make it writable and run again")
    return _Target(change, file, status)


@contextmanager
def _removed_at_the_end() -> Iterator[list[Path]]:
    """A list for temporary files; those that are still there at the end are removed."""
    leftovers: list[Path] = []
    try:
        yield leftovers
    finally:
        for path in leftovers:
            with suppress(OSError):
                path.unlink()


def _stage(target: _Target, data: bytes, leftovers: list[Path]) -> Path:
    """A temporary file beside ``target`` with ``data`` in it, safe on the disk."""
    try:
        handle, name = tempfile.mkstemp(
            prefix=".cci-migrate-", suffix=".tmp", dir=target.file.parent
        )
        leftovers.append(Path(name))
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _keep_owner_and_mode(name, target.status)
            os.fsync(file.fileno())
    except OSError as error:
        raise _error(target.change.path, "cannot be written", error) from None
    return Path(name)


def _keep_owner_and_mode(name: str, status: os.stat_result) -> None:
    # The owner first: changing it clears set-id bits.
    if hasattr(os, "chown") and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(OSError):  # only root may give files away
            os.chown(name, status.st_uid, status.st_gid)
    Path(name).chmod(stat.S_IMODE(status.st_mode))


def _check_unchanged(target: _Target) -> None:
    try:
        now = target.file.read_bytes()
    except OSError as error:
        raise _error(target.change.path, "cannot be read again", error) from None
    if now != target.change.before:
        raise WriteError(target.change.path, "changed since it was read", "run again")


def _replace_all(targets: list[_Target], staged: list[Path], backups: list[Path]) -> None:
    done = 0
    try:
        for target, temporary in zip(targets, staged, strict=True):
            temporary.replace(target.file)
            done += 1
    except BaseException as error:
        # Whatever stops it, Ctrl-C included: half a change is worse than none.
        for target, backup in zip(targets[:done], backups, strict=False):
            with suppress(OSError):
                backup.replace(target.file)
        if isinstance(error, OSError):
            raise _error(targets[done].change.path, "cannot be written", error) from None
        raise


def _flush_folder(folder: Path) -> None:
    """Make the renames in ``folder`` last. Not every system can; the files are whole either way."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _error(path: str, what: str, error: OSError | RuntimeError) -> WriteError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return WriteError(path, f"{what}: {reason}")
