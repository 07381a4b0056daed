"""Whose the campaign's branch is, told by its content: a name or a trailer anybody can write."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import PurePosixPath

from cci_migrate.batch.host import Delivery, Host, HostError
from cci_migrate.batch.ledger import Entry
from cci_migrate.batch.planning import FileHash
from cci_migrate.batch.repository import Branch, BranchContent, PullRequest, PullState, Snapshot
from cci_migrate.git.process import GitDirectory

#: Links and submodules: their content is another file's name, or a commit.
_NOT_FILES = frozenset({"120000", "160000"})
_FOLDER = "040000"


def recognise(
    host: Host, snapshot: Snapshot, planned: Sequence[FileHash], recorded: Entry | None
) -> Snapshot:
    """``snapshot`` with what its branch and its pull request are to this campaign.

    ``planned`` is the change that is wanted now, ``recorded`` what the ledger has. A commit that
    the ledger recorded is ours by its id, any other by its content. Raises what hosts raise.
    """
    if snapshot.branch is None or host.delivery is Delivery.FILES:
        return _with_pull(snapshot, recorded)
    content = _content(host, snapshot, snapshot.branch, planned, recorded)
    return _with_pull(replace(snapshot, branch=replace(snapshot.branch, content=content)), recorded)


def _content(
    host: Host,
    snapshot: Snapshot,
    branch: Branch,
    planned: Sequence[FileHash],
    recorded: Entry | None,
) -> BranchContent:
    content = branch.content
    if content is BranchContent.NOTHING:
        return content
    if planned:
        content = host.branch_content(snapshot, planned)
    if content is not BranchContent.OTHER or recorded is None:
        return content
    if recorded.branch == branch.oid:
        return BranchContent.EARLIER
    if recorded.files and recorded.files != tuple(planned):
        content = host.branch_content(snapshot, recorded.files)
        return BranchContent.EARLIER if content is BranchContent.PLANNED else content
    return content


def _with_pull(snapshot: Snapshot, recorded: Entry | None) -> Snapshot:
    pull, branch = snapshot.pull, snapshot.branch
    if pull is None:
        return snapshot
    is_ours = branch is not None and branch.content.is_ours
    if recorded is not None and recorded.pull is not None and recorded.branch:
        # People may have added to it since.
        is_ours |= recorded.pull.number == pull.number
    return replace(snapshot, pull=replace(pull, is_ours=is_ours))


def own_branch(snapshot: Snapshot, recorded: Entry | None) -> str:
    """The newest commit of this campaign on the branch, for the ledger; empty for none."""
    branch = snapshot.branch
    if branch is None:
        return ""
    if branch.content.is_ours:
        return branch.oid
    return recorded.branch if recorded is not None else ""


def own_pull(snapshot: Snapshot) -> PullRequest | None:
    """The pull request, for the ledger: not one that proposes something else."""
    pull = snapshot.pull
    is_foreign = pull is not None and pull.state is PullState.OPEN and not pull.is_ours
    return None if is_foreign else pull


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
