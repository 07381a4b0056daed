"""Repositories at plain git URLs, changed by push."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from cci_migrate.forges.git_clones import GitClones
from cci_migrate.forges.host import DeliveredChange, Delivery, Proposal, RepositoryPage
from cci_migrate.forges.repository import (
    Branch,
    BranchContent,
    FileHash,
    Kind,
    Observation,
    RepositoryRef,
    Snapshot,
)
from cci_migrate.forges.without_pull_requests import WithoutPullRequests
from cci_migrate.transport.git.remote_urls import read_remote_url
from cci_migrate.transport.host_errors import HostError
from cci_migrate.transport.pace import Lane
from cci_migrate.transport.write_kinds import WriteKind


class GitSource:
    """A git URL as a source."""

    def __init__(self, url: str) -> None:
        self._ref = git_ref(url)
        self.name = self._ref.address

    def pages(self, cursor: str, known: Sequence[str]) -> Iterator[RepositoryPage]:
        """The one repository."""
        del cursor, known
        yield RepositoryPage(refs=(self._ref,))


def git_ref(url: str) -> RepositoryRef:
    """The repository at ``url``. Raises ValueError for a URL with a login, or without a server.

    The user of an ssh address is no login; in other URLs it may be a token.
    """
    if read_remote_url(url).url != url:
        raise ValueError("URLs must not contain a user or password; use a git credential helper")
    return ref_at(url)


def ref_at(url: str) -> RepositoryRef:
    """The repository at ``url``, whose login is left out. Raises ValueError if it is no git URL."""
    remote = read_remote_url(url)
    if "://" in remote.url:
        parts = urlsplit(remote.url)
        host, path = parts.netloc, parts.path
    elif remote.protocol == "ssh":
        host, _, path = remote.url.partition(":")
    else:
        host, path = "", remote.url
    return RepositoryRef(
        Kind.GIT, host.rpartition("@")[2], path.strip("/").removesuffix(".git"), remote.url
    )


class GitHost(WithoutPullRequests):
    """Repositories at git URLs. A change is delivered as a pushed branch."""

    delivery = Delivery.BRANCH

    def __init__(self, branch: str, lane: Lane) -> None:
        self._branch = branch
        self._lane = lane
        self._clones = GitClones(branch, lane, lambda snapshot: snapshot.ref.address)

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The head, configs and branch of each repository."""
        return self._clones.observe_all(map(Snapshot, refs))

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files at the snapshot's head."""
        return self._clones.read(snapshot, paths)

    def branch_content(
        self, snapshot: Snapshot, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        """What the branch adds to the default branch."""
        return self._clones.branch_content(snapshot, self._branch, tip, files)

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Push the branch with one commit on top of the head."""
        commit = self._clones.commit(snapshot, proposal)
        self._lane.take(WriteKind.PULL_REQUEST)  # each starts a build, as a pull request does
        self._clones.push(snapshot, commit)
        return Branch(commit, BranchContent.PLANNED)

    def close(self, snapshot: Snapshot) -> None:
        """Delete the branch. Raises HostError if it is not disposable."""
        if snapshot.disposable_branch is None:
            raise HostError("this campaign has no branch there")
        self._clones.push(snapshot, "")

    def revert(self, snapshot: Snapshot, delivered: DeliveredChange) -> str:
        """Delete the branch; returns its name."""
        del delivered
        self.close(snapshot)
        return self._branch

    def end(self) -> None:
        """Remove the scratch clones."""
        self._clones.end()
