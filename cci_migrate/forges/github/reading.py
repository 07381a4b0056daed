"""GitHub's answers as types, and snapshots made from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.bounds.limits import SIZE_LIMIT, TOO_LARGE
from cci_migrate.circleci.packing import CONFIG_FOLDER
from cci_migrate.engine.outcomes import Failed
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.files.config_paths import config_paths
from cci_migrate.forges.blob_text import contents_within_limit, exact_bytes
from cci_migrate.forges.campaign_identity import campaign_of_pull_request
from cci_migrate.forges.repository import (
    MISSING_DEFAULT,
    Branch,
    Checks,
    Fork,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Traits,
    Visibility,
    newest_pull,
    seconds_since_1970,
)
from cci_migrate.transport.graphql import Nodes, NodesPage
from cci_migrate.transport.host_errors import HostError

_MAY_WRITE = frozenset({"ADMIN", "MAINTAIN", "WRITE"})
_SYMLINK = 0o120000
_PLAIN = 0o100644

#: Reads a blob of a repository by its id, for which GraphQL has no exact text.
RawBlob = Callable[[str, str], bytes]


# -- GraphQL: https://docs.github.com/en/graphql/reference


class TreeEntry(Struct, frozen=True):
    """An entry of a folder."""

    name: str
    type: str
    mode: int
    object: GitObject | None = None


class GitObject(Struct, frozen=True, rename="camel"):
    """A blob, which has a size, or a folder, which has entries."""

    oid: str = ""
    text: str | None = None
    byte_size: int | None = None
    entries: tuple[TreeEntry, ...] | None = None

    __repr__ = repr_without("text")

    @property
    def is_too_large(self) -> bool:
        """Whether it is a blob larger than any file that is read."""
        return self.byte_size is not None and self.byte_size > SIZE_LIMIT


class Tip(Struct, frozen=True):
    """A commit, by its id; that of the campaign's branch with its message."""

    oid: str
    message: str = ""


class GitReference(Struct, frozen=True):
    """A branch."""

    target: Tip | None
    name: str = ""


def tip_of(reference: GitReference | None) -> str:
    """The commit at the tip of a branch; empty without one."""
    return reference.target.oid if reference is not None and reference.target is not None else ""


class _RepositoryName(Struct, frozen=True, rename="camel"):
    name_with_owner: str


class PullNode(Struct, frozen=True, rename="camel"):
    """A pull request. One from a fork ``is_cross_repository``; without a head if that is gone."""

    id: str
    number: int
    url: str
    state: Literal["OPEN", "CLOSED", "MERGED"] = "OPEN"
    is_cross_repository: bool = False
    body: str = ""
    head_repository: _RepositoryName | None = None

    @property
    def fork(self) -> str | None:
        """The fork with its branch, in lower case; empty for none, None for one that is gone."""
        if not self.is_cross_repository:
            return ""
        return self.head_repository.name_with_owner.lower() if self.head_repository else None

    @property
    def pull(self) -> PullRequest:
        """The pull request as a campaign has it."""
        return PullRequest(
            self.number,
            self.url,
            PullState(self.state.lower()),
            self.id,
            campaign_of_pull_request(self.body),
        )


class _TopicName(Struct, frozen=True):
    name: str


class _Topic(Struct, frozen=True):
    topic: _TopicName


class _Parent(Struct, frozen=True):
    id: str


class ForkNode(Struct, frozen=True, rename="camel"):
    """The answer to the ``fork`` fragment; without a parent it is no fork."""

    id: str
    name_with_owner: str
    is_empty: bool
    parent: _Parent | None
    default_branch_ref: GitReference | None
    branch: GitReference | None


class RepositoryNode(Struct, frozen=True, rename="camel"):
    """The answer to the ``outline`` fragment, or to ``repository``, which adds the files."""

    id: str
    name_with_owner: str
    is_archived: bool
    is_fork: bool
    is_empty: bool
    visibility: Literal["PUBLIC", "INTERNAL", "PRIVATE"]
    viewer_permission: str | None
    repository_topics: Nodes[_Topic]
    default_branch_ref: GitReference | None
    branch: GitReference | None
    pull_requests: Nodes[PullNode]
    circleci: GitObject | None
    pushed_at: datetime | None = None


class Repositories(Struct, frozen=True):
    """The list of an owner's repositories, each a `RepositoryNode` without files if complete."""

    repositories: NodesPage[dict[str, Any]]


class OwnerReply(Struct, frozen=True, rename="camel"):
    """The answer to `queries.OWNER`."""

    repository_owner: Repositories | None = None


class _Rollup(Struct, frozen=True):
    state: str


class CheckedCommit(Struct, frozen=True, rename="camel"):
    """A commit with the result of its CI."""

    status_check_rollup: _Rollup | None = None

    @property
    def checks(self) -> Checks:
        """https://docs.github.com/en/graphql/reference/enums#statusstate"""
        if self.status_check_rollup is None:
            return Checks.NONE
        state = self.status_check_rollup.state
        if state == "SUCCESS":
            return Checks.PASSED
        return Checks.FAILED if state in ("FAILURE", "ERROR") else Checks.PENDING


class CheckedReference(Struct, frozen=True):
    """A branch whose tip is a `CheckedCommit`."""

    target: CheckedCommit | None = None


class PullCommit(Struct, frozen=True):
    """A commit of a pull request."""

    commit: CheckedCommit


class RepositoryChecks(Struct, frozen=True, rename="camel"):
    """The answer to `queries.HEAD_CHECKS`."""

    default_branch_ref: CheckedReference | None


def checks_of(commit: CheckedCommit | None, branch: CheckedReference | None) -> Checks:
    """The result of CI for ``commit``, or without one for the tip of ``branch``."""
    checked = commit or (None if branch is None else branch.target)
    return Checks.NONE if checked is None else checked.checks


class FileEntry(Struct, frozen=True):
    """A file of a commit."""

    mode: int
    oid: str | None

    def is_edit_of(self, before: FileEntry) -> bool:
        """Whether it has another content than ``before``, in the same mode."""
        return self.oid != before.oid and self.mode == before.mode


class _Comparison(Struct, frozen=True, rename="camel"):
    ahead_by: int
    head_target: Tip


class _ComparedReference(Struct, frozen=True):
    compare: _Comparison | None = None


class CommitParents(Struct, frozen=True, rename="camel"):
    """The parents of a commit, with the planned files in them."""

    changed_files_if_available: int | None = None
    parents: Nodes[dict[str, FileEntry | None]] = Nodes()


class BranchReply(Struct, frozen=True, rename="camel"):
    """The answer to `queries.branch_content`."""

    commit: CommitParents | None
    files: dict[str, FileEntry | None] | None
    default_branch_ref: _ComparedReference | None = None

    @property
    def compared(self) -> Compared | None:
        """The branch compared with the default branch; None if it can't be."""
        compared = self.default_branch_ref.compare if self.default_branch_ref else None
        return Compared(compared.ahead_by, compared.head_target.oid) if compared else None


class Compared(Struct, frozen=True):
    """How many commits a branch is ahead of another one, and the commit that it is at."""

    ahead_by: int
    tip: str


class RevertedRepository(Struct, frozen=True, rename="camel"):
    """The answer to `queries.REVERTED`."""

    branch: GitReference | None
    pull_requests: Nodes[PullNode]


# -- REST


class _Author(Struct, frozen=True):
    type: str


class Comment(Struct, frozen=True):
    """A comment, or a review; without a user if the account was deleted.

    https://docs.github.com/en/rest/issues/comments
    """

    body: str | None = None
    user: _Author | None = None

    @property
    def is_human(self) -> bool:
        """Whether no bot wrote it."""
        return self.user is None or self.user.type != "Bot"


class _FullName(Struct, frozen=True):
    full_name: str


class ForkedRepository(Struct, frozen=True):
    """https://docs.github.com/en/rest/repos/forks#create-a-fork"""

    full_name: str
    parent: _FullName


class _ComparedCommit(Struct, frozen=True):
    sha: str


class NetworkComparison(Struct, frozen=True):
    """https://docs.github.com/en/rest/commits/commits#compare-two-commits"""

    ahead_by: int
    merge_base_commit: _ComparedCommit
    commits: tuple[_ComparedCommit, ...]

    @property
    def compared(self) -> Compared:
        """The comparison; the tip is right if the branch is at most one commit ahead."""
        last = self.commits[-1] if self.commits else self.merge_base_commit
        return Compared(self.ahead_by, last.sha)


class _TreeFile(Struct, frozen=True):
    path: str
    mode: str
    type: str


class TreeListing(Struct, frozen=True):
    """https://docs.github.com/en/rest/git/trees#get-a-tree"""

    truncated: bool
    tree: tuple[_TreeFile, ...]


# -- to snapshots


def read_outline(node: RepositoryNode, ref: RepositoryRef) -> Snapshot:
    """The snapshot of ``ref`` from ``node``, without files.

    Raises HostError if there are files but no default branch.
    """
    default = node.default_branch_ref
    head = tip_of(default)
    if not head and not node.is_empty:
        raise HostError(MISSING_DEFAULT)
    return Snapshot(
        ref=ref,
        head=head,
        default_branch=default.name if default is not None else "",
        traits=Traits(
            archived=node.is_archived,
            fork=node.is_fork,
            empty=node.is_empty or not head,
            visibility=Visibility(node.visibility.lower()),
            topics=tuple(topic.topic.name for topic in node.repository_topics.present),
            may_write=None
            if node.viewer_permission is None
            else node.viewer_permission in _MAY_WRITE,
            active_at=seconds_since_1970(node.pushed_at),
        ),
        config_tree="" if node.circleci is None else node.circleci.oid,
        branch=_branch(node.branch, head),
        pull=own_pull(node.pull_requests),
        node=node.id,
        renamed_to=ref.new_name(node.name_with_owner),
    )


def read_repository(node: RepositoryNode, ref: RepositoryRef, raw: RawBlob) -> Snapshot:
    """The snapshot of ``ref`` from ``node``; ``raw`` reads blobs. Raises what ``raw`` raises."""
    files, modes, problems = _files(node.circleci, ref, raw)
    return replace(
        read_outline(node, ref),
        files=files,
        modes=modes,
        problems=problems,
        has_links=_has_links(node.circleci),
    )


def blob_bytes(blob: GitObject, name: str, raw: RawBlob) -> bytes:
    """The exact content of a blob of the repository ``name``."""
    data = exact_bytes(blob.text, blob.oid)
    return raw(name, blob.oid) if data is None else data


def own_pull(pulls: Nodes[PullNode], fork: str = "") -> PullRequest | None:
    """The newest pull request from ``fork``, or (empty) from the repository itself.

    Other forks may have a branch of that name. Raises HostError if one is not shown.
    """
    if pulls.has_gaps:
        raise HostError("GitHub does not show all of its pull requests")
    return newest_pull(node.pull for node in pulls.present if node.fork == fork.lower())


def with_fork(snapshot: Snapshot, node: RepositoryNode, fork: ForkNode) -> Snapshot:
    """``snapshot``, which was made from ``node``, with the branch and pull request of ``fork``.

    Raises HostError if that is no fork of it, or not ready.
    """
    if fork.parent is None or fork.parent.id != node.id:
        raise HostError(f"{fork.name_with_owner} is not a fork of {node.name_with_owner}")
    if fork.is_empty:
        raise HostError(f"GitHub has not copied the commits to {fork.name_with_owner} yet")
    default = fork.default_branch_ref
    return replace(
        snapshot,
        branch=_branch(fork.branch, snapshot.head),
        pull=own_pull(node.pull_requests, fork.name_with_owner),
        fork=Fork(fork.name_with_owner, fork.id, is_current=tip_of(default) == snapshot.head),
    )


def without_fork(snapshot: Snapshot, node: RepositoryNode) -> Snapshot:
    """``snapshot``, made from ``node``, of which the fork is gone with the campaign's branch.

    Its pull request stays, and does not show where it is from any more; the campaign's names one.
    """
    orphans = (pull.pull for pull in node.pull_requests.present if pull.fork is None)
    pull = newest_pull(orphan for orphan in orphans if orphan.campaign)
    return replace(snapshot, branch=None, pull=pull)


def _files(
    tree: GitObject | None, ref: RepositoryRef, raw: RawBlob
) -> tuple[dict[str, bytes], dict[str, str], tuple[Failed, ...]]:
    entries = {} if tree is None else dict(_walk(tree, CONFIG_FOLDER))
    paths = config_paths(entries)
    blobs = {path: entries[path][1] for path in paths}
    files = contents_within_limit(
        (path, blob_bytes(blob, ref.name, raw))
        for path, blob in blobs.items()
        if not blob.is_too_large
    )
    modes = {path: f"{entries[path][0]:06o}" for path in paths if entries[path][0] != _PLAIN}
    too_large = (path for path in sorted(blobs) if blobs[path].is_too_large)
    return files, modes, tuple(Failed((path,), TOO_LARGE) for path in too_large)


def _has_links(tree: GitObject | None) -> bool:
    """Whether the folder is a link or contains one."""
    if tree is None:
        return False
    if tree.entries is None:
        return bool(tree.oid)
    return any(
        entry.mode == _SYMLINK or (entry.type == "tree" and _has_links(entry.object))
        for entry in tree.entries
    )


def _walk(tree: GitObject, folder: str) -> Iterator[tuple[str, tuple[int, GitObject]]]:
    """The mode and the blob of each file below ``folder``, without links."""
    for entry in tree.entries or ():
        path, below = f"{folder}/{entry.name}", entry.object
        if below is None or entry.mode == _SYMLINK:
            continue
        if entry.type == "tree":
            yield from _walk(below, path)
        elif entry.type == "blob" and below.byte_size is not None:
            yield path, (entry.mode, below)


def _branch(reference: GitReference | None, head: str) -> Branch | None:
    if reference is None or reference.target is None:
        return None
    return Branch.at(reference.target.oid, head, reference.target.message)
