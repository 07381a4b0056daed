"""What a branch adds to the default branch, decided by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import PurePosixPath

from cci_migrate.forges.repository import BranchContent, FileHash
from cci_migrate.transport.git.process import GitDirectory

#: Links and submodules: their content is another file's name, or a commit.
_NOT_FILES = frozenset({"120000", "160000"})
_FOLDER = "040000"


def content_in_git(
    repository: GitDirectory,
    tip: str,
    head: str,
    files: Sequence[FileHash],
    read: Callable[[Sequence[str]], Mapping[str, bytes]],
) -> BranchContent:
    """What the commit ``tip`` adds to ``head`` (see `Host.branch_content`).

    ``files`` are those of the planned change, ``read`` returns blobs by their ids. Raises GitError.
    """
    added = repository.text(["rev-list", "--parents", "--max-count=2", tip, f"^{head}"])
    if not added:
        return BranchContent.NOTHING
    commits = [line.split() for line in added.splitlines()]
    # The one commit that it adds, and the one parent of that.
    if [len(ids) for ids in commits] != [2] or commits[0][0] != tip:
        return BranchContent.OTHER
    parent = commits[0][1]
    folders = {str(folder) for file in files for folder in PurePosixPath(file.path).parents}
    changed = _modified_files(repository, parent, tip, folders)
    if changed is None or changed.keys() != {file.path for file in files}:
        return BranchContent.OTHER
    blobs = read(list(changed.values()))
    return compare_with_plan(files, {path: blobs.get(oid) for path, oid in changed.items()})


def compare_with_plan(
    files: Sequence[FileHash], contents: Mapping[str, bytes | None]
) -> BranchContent:
    """PLANNED if ``contents`` has exactly the new content of each of ``files``, else OTHER."""
    for file in files:
        data = contents.get(file.path)
        if data is None or hashlib.sha256(data).hexdigest() != file.after:
            return BranchContent.OTHER
    return BranchContent.PLANNED


def _modified_files(
    repository: GitDirectory, old: str, new: str, folders: Set[str], inside: str = ""
) -> dict[str, str] | None:
    """The new blob of each file that the tree ``new`` modifies; None if it has other changes.

    Only ``folders`` are compared: others can contain more than git has memory for.
    """
    fields = repository.run(["diff-tree", "-z", "--raw", "--no-renames", old, new]).split(b"\0")[
        :-1
    ]
    changed: dict[str, str] = {}
    for meta, name in zip(fields[::2], fields[1::2], strict=True):
        old_mode, mode, old_oid, oid, status = meta.decode().removeprefix(":").split(" ")
        path = inside + name.decode("utf-8", "surrogateescape")
        if status != "M" or old_mode != mode or mode in _NOT_FILES:
            return None
        if mode != _FOLDER:
            changed[path] = oid
            continue
        below = (
            _modified_files(repository, old_oid, oid, folders, f"{path}/")
            if path in folders
            else None
        )
        if below is None:
            return None
        changed |= below
    return changed
