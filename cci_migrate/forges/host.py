"""The interface of hosts: places where repositories live and changes are delivered to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import Struct

from cci_migrate.engine.proof import ProvenChange
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.extras import NO_EXTRAS, Extras, MissingExtra
from cci_migrate.forges.repository import (
    Branch,
    BranchContent,
    Checks,
    FileHash,
    Observation,
    PullRequest,
    RepositoryRef,
    Snapshot,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

#: The trailer with the change's hash in our commits, for people: nothing is decided by it.
CHANGE_TRAILER = "Cci-Migrate-Change"


class Delivery(Enum):
    """How a host delivers a change."""

    FILES = "files"
    BRANCH = "branch"
    PULL_REQUEST = "pull-request"


class NewPullRequest(Struct, frozen=True):
    """A pull request to open from ``branch``."""

    branch: str
    title: str
    body: str
    draft: bool = False
    extras: Extras = NO_EXTRAS


class Proposal(NewPullRequest, frozen=True, kw_only=True):
    """The proven changes of one repository, with their commit's text, and the pull request for it.

    ``files`` are the hashes of each changed file, before and after.
    """

    changes: tuple[ProvenChange, ...]
    files: tuple[FileHash, ...]
    message: str

    @property
    def contents(self) -> dict[str, bytes]:
        """The new content of each changed file, by path."""
        return {file.path: file.after for change in self.changes for file in change.files}


class DeliveredChange(Struct, frozen=True):
    """A delivered change as the campaign recorded it: the ``head`` it was planned on, its files."""

    head: str
    files: tuple[FileHash, ...]

    @property
    def reversed_files(self) -> tuple[FileHash, ...]:
        """The files of the change that reverts it."""
        return tuple(FileHash(file.path, file.after, file.before) for file in self.files)


class WantedFiles(Struct, frozen=True):
    """Files of a repository to read at the snapshot's head."""

    snapshot: Snapshot
    paths: tuple[str, ...]


class Host(Protocol):
    """A host under one identity, used by one thread; it may have threads of its own.

    Methods that read raise HostError, RefusedError or HostUnavailable; those that write raise
    StaleSnapshot as well.
    """

    @property
    def delivery(self) -> Delivery:
        """How this host delivers changes."""

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The current state of each of ``refs``, in any order.

        Takes a few more of ``refs`` than it has returned observations of.

        A repository that can't be read is Unreadable. Raises HostUnavailable.
        """

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """The content of ``paths`` at the snapshot's head; None for a file that does not exist."""

    def branch_content(
        self, snapshot: Snapshot, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        """What the branch adds to the default branch: NOTHING, PLANNED or OTHER.

        ``tip`` is the commit at its tip.

        PLANNED is one commit on top of a commit of the default branch that gives each of
        ``files`` its new content, in its old mode, and changes nothing else.
        """

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Write the change to the branch, which is returned, or to the files (None).

        Raises StaleSnapshot if the branch or the head differs from ``snapshot``, or if the effect
        is unknown.
        """

    def open_pull_request(self, snapshot: Snapshot, opening: NewPullRequest) -> PullRequest:
        """Open the pull request from the branch."""

    def impossible_extras(self, owner: str, extras: Extras) -> tuple[MissingExtra, ...]:
        """Those of ``extras`` that no pull request in repositories of ``owner`` can have.

        Only reads. What the host does not say is not among them.
        """

    def add_extras(self, snapshot: Snapshot, extras: Extras) -> tuple[MissingExtra, ...]:
        """Add ``extras`` to the pull request; doing it twice changes nothing.

        Returns those that could not be added.
        """

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """The texts of all comments on the pull request."""

    def comment(self, snapshot: Snapshot, text: str) -> None:
        """Comment on the pull request."""

    def is_discussed(self, snapshot: Snapshot) -> bool:
        """Whether somebody has commented on the pull request, besides this program."""

    def close(self, snapshot: Snapshot) -> None:
        """Close the open pull request, and delete the branch if it is disposable."""

    def revert(self, snapshot: Snapshot, delivered: DeliveredChange) -> str:
        """Revert ``delivered``; returns its pull request's address, branch or folder."""

    def base_checks(self, snapshot: Snapshot) -> Checks:
        """The result of CI for the head of the default branch."""

    @property
    def token_problem(self) -> str:
        """What the token lacks for any write, as far as earlier answers show; empty if nothing."""

    def access(self, snapshot: Snapshot) -> TokenAccess:
        """What the token may do in the repository. Only reads."""

    def end(self) -> None:
        """Close connections and remove scratch folders."""


@runtime_checkable
class BatchReader(Protocol):
    """A host that reads files of several repositories in one request."""

    #: The most files in one request.
    files_together: int

    def begin_reading(
        self, wanted: Sequence[WantedFiles]
    ) -> Future[Mapping[str, Mapping[str, bytes | None]]]:
        """What `Host.read` returns, by the repository's key. Fails for all if it does for one."""


@runtime_checkable
class ForkingHost(Protocol):
    """A host on which a change can be proposed from a fork, to a repository that is only read.

    `Host.observe` of a reference with a fork has that fork; none if it is gone. It is Unreadable
    until the fork can be written to, and if the repository of that name isn't a fork of it.
    """

    def fork(self, snapshot: Snapshot, organization: str | None) -> str:
        """Fork the repository into ``organization`` (None: the token's own account).

        Returns the fork's name. Doing it twice makes one fork. Raises what `Host.write` raises.
        """

    def access_by_fork(self, snapshot: Snapshot) -> TokenAccess:
        """What the token may do if the branch is in a fork. Only reads."""


class RepositoryPage(Struct, frozen=True):
    """A page of a source's repositories. ``cursor`` is that of the next page, empty at the end.

    ``refs`` have to be observed; ``observations`` were made while listing; ``outlines`` are
    snapshots without the files, which `Host.observe` reads. ``problems`` say why for each that is
    listed without its name.
    """

    refs: tuple[RepositoryRef, ...] = ()
    observations: tuple[Observation, ...] = ()
    cursor: str = ""
    outlines: tuple[Snapshot, ...] = ()
    problems: tuple[str, ...] = ()

    __repr__ = repr_without("observations")


class Source(Protocol):
    """A source of repositories that the user named."""

    @property
    def name(self) -> str:
        """Its name in the ledger."""

    def pages(self, cursor: str, known: Sequence[str]) -> Iterator[RepositoryPage]:
        """The pages from ``cursor`` on (empty: from the first).

        ``known`` are the cursors of the last listing in order, those of the later pages.
        """


@runtime_checkable
class ListedHost(Protocol):
    """A host on which an owner has repositories."""

    def owner_pages(
        self, owner: str, cursor: str, known: Sequence[str]
    ) -> Iterator[RepositoryPage]:
        """The pages of the repositories of ``owner``; the arguments are those of `Source.pages`."""


class OwnerSource:
    """An organisation, group, workspace or user as a source."""

    def __init__(self, host: ListedHost, ref: RepositoryRef) -> None:
        self._host = host
        self._owner = ref.name
        self.name = ref.key

    def pages(self, cursor: str, known: Sequence[str]) -> Iterator[RepositoryPage]:
        """Its repositories."""
        return self._host.owner_pages(self._owner, cursor, known)
