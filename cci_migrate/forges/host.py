"""What the batch asks of a place where repositories live, and how such a place says no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Protocol, runtime_checkable

from msgspec import Struct

from cci_migrate.engine.proof import ProvenChange
from cci_migrate.escaping.hidden_fields import repr_without
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

#: The trailer that tells people which change a commit of ours is. Anybody can write it: what a
#: branch is, its content says.
TRAILER = "Cci-Migrate-Change"


class Delivery(Enum):
    """How a change gets to a repository's people."""

    FILES = "files"
    BRANCH = "branch"
    PULL_REQUEST = "pull-request"


class Proposal(Struct, frozen=True):
    """What is to be written to one repository: proven changes, and the words that go with them."""

    changes: tuple[ProvenChange, ...]
    digest: str
    branch: str
    message: str
    title: str = ""
    body: str = ""
    draft: bool = False
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()

    @property
    def contents(self) -> dict[str, bytes]:
        """Each changed file's new content."""
        return {file.path: file.after for change in self.changes for file in change.files}


class Delivered(Struct, frozen=True):
    """What a campaign recorded of a change: the ``head`` it was planned on, and its files."""

    head: str
    files: tuple[FileHash, ...]

    @property
    def taken_back(self) -> tuple[FileHash, ...]:
        """What a change that takes it back does to the files."""
        return tuple(FileHash(file.path, file.after, file.before) for file in self.files)


class Host(Protocol):
    """A place where repositories live. One object a host and identity; used by one thread."""

    @property
    def delivery(self) -> Delivery:
        """How changes are delivered here."""

    def observe(self, refs: Sequence[RepositoryRef]) -> Iterator[Observation]:
        """See each of ``refs`` as it is now, in any order."""

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files of the repository at the snapshot's head; None for what is not there."""

    def branch_content(self, snapshot: Snapshot, files: Sequence[FileHash]) -> BranchContent:
        """What the branch that ``snapshot`` saw adds: NOTHING, PLANNED or OTHER.

        PLANNED is one commit on top of a commit of the default branch that gives each of
        ``files`` its new content, in its old mode, and changes nothing else.
        """

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Put the change into the files (None) or onto the branch.

        Raises StaleSnapshot, RefusedError, HostError or HostUnavailable.
        """

    def open_pull_request(self, snapshot: Snapshot, proposal: Proposal) -> PullRequest:
        """Open the pull request from the branch. Raises what `write` raises."""

    def set_labels_and_reviewers(self, snapshot: Snapshot, proposal: Proposal) -> None:
        """Put labels on the pull request and ask for reviews; twice is as good as once."""

    def close(self, snapshot: Snapshot) -> None:
        """Close the open pull request and delete the branch, if it is disposable."""

    def revert(self, snapshot: Snapshot, delivered: Delivered) -> str:
        """Take back what was delivered; returns where that can be seen. Raises HostError."""

    def checks(self, snapshot: Snapshot) -> Checks:
        """What the CI says of the pull request's commit."""

    def end(self) -> None:
        """Let go of connections and scratch folders."""


class Page(Struct, frozen=True):
    """Some repositories of a source. ``cursor`` is where the next page begins, empty at the end.

    ``refs`` are still to be looked at; ``observations`` were seen while listing.
    """

    refs: tuple[RepositoryRef, ...] = ()
    observations: tuple[Observation, ...] = ()
    cursor: str = ""

    __repr__ = repr_without("observations")


class Source(Protocol):
    """Something the user named that stands for repositories."""

    @property
    def name(self) -> str:
        """As the user wrote it."""

    def pages(self, cursor: str) -> Iterator[Page]:
        """The repositories from ``cursor`` on (empty: from the first)."""


@runtime_checkable
class ListedHost(Protocol):
    """A host on which an owner has repositories."""

    def owner_pages(self, owner: str, cursor: str) -> Iterator[Page]:
        """All repositories of an organisation, group, workspace or user."""


class OwnerSource:
    """An organisation, group, workspace or user as a source."""

    def __init__(self, host: ListedHost, ref: RepositoryRef) -> None:
        self._host = host
        self._owner = ref.name
        self.name = ref.key

    def pages(self, cursor: str) -> Iterator[Page]:
        """Its repositories."""
        return self._host.owner_pages(self._owner, cursor)
