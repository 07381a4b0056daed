"""What a branch adds to the default branch, told by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import PurePosixPath

from cci_migrate.forges.repository import BranchContent, FileHash, PullRequest, PullState
from cci_migrate.transport.git.process import GitDirectory
from cci_migrate.transport.host_errors import HostError

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

    ``read`` gives the blobs of some ids. Raises GitError.
    """
    own = repository.text(["rev-list", "--max-count=2", tip, f"^{head}"]).split()
    if not own:
        return BranchContent.NOTHING
    _, *parents = repository.text(["rev-list", "--parents", "--max-count=1", tip]).split()
    if own != [tip] or len(parents) != 1:
        return BranchContent.OTHER
    folders = {str(folder) for file in files for folder in PurePosixPath(file.path).parents}
    changed = _changed(repository, parents[0], tip, folders)
    if changed is None or changed.keys() != {file.path for file in files}:
        return BranchContent.OTHER
    blobs = read(list(changed.values()))
    return holds(files, {path: blobs.get(oid) for path, oid in changed.items()})


def holds(files: Sequence[FileHash], contents: Mapping[str, bytes | None]) -> BranchContent:
    """PLANNED if ``contents`` are exactly what ``files`` are to become, else OTHER."""
    for file in files:
        data = contents.get(file.path)
        if data is None or hashlib.sha256(data).hexdigest() != file.after:
            return BranchContent.OTHER
    return BranchContent.PLANNED


def checked_reversal(pull: PullRequest, content: BranchContent) -> str:
    """Where a pull request that takes a change back can be seen.

    ``content`` is that of its branch, compared with the files as they were before the change.
    Raises HostError for one that does not do that.
    """
    if pull.state is PullState.CLOSED:
        raise HostError(f"{pull.url}, which would take it back, was closed")
    if pull.state is PullState.OPEN and content is not BranchContent.PLANNED:
        raise HostError(f"{pull.url} is open from the branch, and does not take the change back")
    return pull.url


def _changed(
    repository: GitDirectory, old: str, new: str, folders: Set[str], inside: str = ""
) -> dict[str, str] | None:
    """The new blob of each file that the tree ``new`` modifies; None if it does anything else.

    Only ``folders`` are looked into: others can hold more than git has memory for.
    """
    words = repository.run(["diff-tree", "-z", "--raw", "--no-renames", old, new]).split(b"\0")[:-1]
    changed: dict[str, str] = {}
    for meta, name in zip(words[::2], words[1::2], strict=True):
        old_mode, mode, old_oid, oid, status = meta.decode().removeprefix(":").split(" ")
        path = inside + name.decode("utf-8", "surrogateescape")
        if status != "M" or old_mode != mode or mode in _NOT_FILES:
            return None
        if mode != _FOLDER:
            changed[path] = oid
            continue
        below = _changed(repository, old_oid, oid, folders, f"{path}/") if path in folders else None
        if below is None:
            return None
        changed |= below
    return changed
