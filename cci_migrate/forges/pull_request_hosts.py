"""What GitLab and Bitbucket have in common: how their REST APIs write, and take back."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from cci_migrate.forges.branch_content import checked_reversal
from cci_migrate.forges.faults import FATAL_ERRORS, described
from cci_migrate.forges.git_remotes import GitClones
from cci_migrate.forges.host import TRAILER, Delivered, Delivery, Page, Proposal
from cci_migrate.forges.repository import (
    Blocker,
    Branch,
    BranchContent,
    Checks,
    FileHash,
    Observation,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Unreadable,
)
from cci_migrate.transport.git.remote_urls import basic_login
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    RefusedError,
    StaleSnapshot,
)
from cci_migrate.transport.http import Api, MissingError, OverloadedError
from cci_migrate.transport.pace import OTHER, Lane
from cci_migrate.transport.page_size import HOST_PATIENCE


class IncompleteError(Exception):
    """An answer does not show all of a repository that has to be seen."""


class Opening(Struct, frozen=True):
    """A pull request that is to be opened from ``branch``."""

    branch: str
    title: str
    body: str
    draft: bool = False
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()


class PullRequestHost(ABC):
    """A host with a REST API for changes. ``user`` is the name that goes with the token in git."""

    user: str

    def __init__(self, api: Api, lane: Lane, branch: str) -> None:
        self._api = api
        self._lane = lane
        self._branch = branch
        self._clones = GitClones(branch, lambda: git_login(api.root, self.user, api.token() or ""))
        self._faults = 0

    @property
    def delivery(self) -> Delivery:
        """Pull requests."""
        return Delivery.PULL_REQUEST

    def observation(
        self, ref: RepositoryRef, read: Callable[[RepositoryRef], Observation]
    ) -> Observation:
        """What ``read`` sees, or why it sees nothing.

        Raises HostUnavailable when several in a row got no answer: the host is down.
        """
        try:
            seen = read(ref)
        except MissingError as error:
            return Unreadable(ref, Blocker.NOT_FOUND, str(error))
        except RefusedError as error:
            return Unreadable(ref, Blocker.FORBIDDEN, str(error))
        except HostError as error:
            return Unreadable(ref, Blocker.FAILED, str(error))
        except OverloadedError as error:
            self._faults += 1
            if self._faults >= HOST_PATIENCE:
                raise HostUnavailable(
                    f"{ref.host} gives no answers ({error}); run it again later"
                ) from None
            return Unreadable(ref, Blocker.FAILED, f"{ref.host} gives no answer ({error})")
        except (IncompleteError, *FATAL_ERRORS):
            raise
        except Exception as error:  # noqa: BLE001 - the other repositories of the answer go on
            return Unreadable(ref, Blocker.FAILED, described(error))
        self._faults = 0
        return seen

    def branch_content(self, snapshot: Snapshot, files: Sequence[FileHash]) -> BranchContent:
        """What the branch adds to the default branch, told by git: the APIs show no modes."""
        if snapshot.branch is None:
            return BranchContent.NOTHING
        return self._content(snapshot, self._branch, snapshot.branch.oid, files)

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Bring the branch to one commit of ours on top of the head.

        A branch that is there already is replaced by git, which alone can make sure that it still
        is as it was seen; and files with other modes than the plain one go by git, since the APIs
        do not take modes.
        """
        is_odd = any(path in snapshot.modes for path in proposal.contents)
        if is_odd or snapshot.branch is not None:
            url = self.git_url(snapshot.ref)
            oid = self._clones.commit(snapshot, url, proposal)
            self._lane.take(OTHER)
            self._clones.push(snapshot, url, oid)
        else:
            oid = self.commit(snapshot, proposal.branch, proposal.message, proposal.contents)
        return Branch(oid, BranchContent.PLANNED)

    def checks(self, snapshot: Snapshot) -> Checks:
        """What the CI says of the branch's tip, beside what it says of the head."""
        tip = snapshot.branch.oid if snapshot.branch is not None else snapshot.head
        here = self.commit_checks(snapshot, tip)
        return here.beside(lambda: self.commit_checks(snapshot, snapshot.head))

    def close(self, snapshot: Snapshot) -> None:
        """Close the pull request, then delete the branch if it is disposable."""
        if snapshot.pull is not None and snapshot.pull.state is PullState.OPEN:
            self.close_pull(snapshot, snapshot.pull)
        if snapshot.branch is not None and snapshot.branch.content.is_disposable:
            self.delete_branch(snapshot)

    def git_url(self, ref: RepositoryRef) -> str:
        """Where git finds a repository."""
        return f"{web_root(self._api.root)}/{ref.name}.git"

    def open_pull_request(self, snapshot: Snapshot, proposal: Proposal) -> PullRequest:
        """Open it, with its labels and reviewers."""
        return self.open(
            snapshot,
            Opening(
                proposal.branch,
                proposal.title,
                proposal.body,
                proposal.draft,
                proposal.labels,
                proposal.reviewers,
            ),
        )

    def set_labels_and_reviewers(self, snapshot: Snapshot, proposal: Proposal) -> None:
        """Labels and reviewers went with the pull request when it was opened."""
        del snapshot, proposal

    def revert(self, snapshot: Snapshot, delivered: Delivered) -> str:
        """Open the pull request that puts the files back as they were before a merged one.

        What they were is read from the commit that the change was planned on, and told by its
        hash. A file that somebody changed since is not put back.
        """
        pull = snapshot.pull
        if pull is None or pull.state is not PullState.MERGED:
            raise HostError("there is no merged pull request")
        branch = f"revert-{pull.number}-{self._branch}"
        there = self.pull_from(snapshot, branch)
        made = self.branch_seen(snapshot, branch)
        content = BranchContent.OTHER
        if made is not None:
            content = self._content(snapshot, branch, made.oid, delivered.taken_back)
        if there is not None:
            return checked_reversal(there, content)
        if made is None:
            contents = self._before(snapshot, delivered, pull)
            digest = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:32]
            message = f"Revert what {pull.url} changed\n\n{TRAILER}: {digest}\n"
            self.commit(snapshot, branch, message, contents)
        elif content is not BranchContent.PLANNED:
            raise HostError(f"the branch {branch} is there, and does not take the change back")
        title = f"Revert the change of {pull.number}"
        return self.open(snapshot, Opening(branch, title, f"Takes back {pull.url}.")).url

    def end(self) -> None:
        """Close the connections and remove the scratch clones."""
        self._api.close()
        self._clones.end()

    def _content(
        self, snapshot: Snapshot, branch: str, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        url = self.git_url(snapshot.ref)
        return self._clones.branch_content(snapshot, url, branch, tip, files)

    def _before(
        self, snapshot: Snapshot, delivered: Delivered, pull: PullRequest
    ) -> dict[str, bytes]:
        contents = {}
        for file in delivered.files:
            if file.path in snapshot.modes:
                raise HostError(
                    f"{file.path} is not a plain file; use the Revert button of {pull.url}"
                )
            now = self.content(snapshot, snapshot.head, file.path)
            if hashlib.sha256(now).hexdigest() != file.after:
                raise HostError(f"{file.path} was changed since; take it back by hand")
            before = self.content(snapshot, delivered.head, file.path)
            if hashlib.sha256(before).hexdigest() != file.before:
                raise StaleSnapshot(f"{file.path} is not at {delivered.head} as it was planned")
            contents[file.path] = before
        return contents

    @abstractmethod
    def observe(self, refs: Sequence[RepositoryRef]) -> Iterator[Observation]:
        """See each of ``refs`` as it is now."""

    @abstractmethod
    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files at the snapshot's head."""

    @abstractmethod
    def close_pull(self, snapshot: Snapshot, pull: PullRequest) -> None:
        """Close an open pull request."""

    @abstractmethod
    def delete_branch(self, snapshot: Snapshot) -> None:
        """Delete the campaign's branch."""

    @abstractmethod
    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """What the CI says of a commit."""

    @abstractmethod
    def owner_pages(self, owner: str, cursor: str) -> Iterator[Page]:
        """All repositories of a group or workspace."""

    @abstractmethod
    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """A file as it is in a commit. Raises MissingError."""

    @abstractmethod
    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """Make a commit on the snapshot's head and a new branch there by the API; its id."""

    @abstractmethod
    def open(self, snapshot: Snapshot, opening: Opening) -> PullRequest:
        """Open a pull request to the default branch."""

    @abstractmethod
    def branch_seen(self, snapshot: Snapshot, branch: str) -> Branch | None:
        """A branch as it is now."""

    @abstractmethod
    def pull_from(self, snapshot: Snapshot, branch: str) -> PullRequest | None:
        """The newest pull request from a branch."""


def git_login(root: str, user: str, token: str) -> dict[str, str]:
    """The settings by which git is let in at the host whose API is at ``root``."""
    parts = urlsplit(web_root(root))
    return basic_login(f"{parts.scheme}://{parts.netloc}", user, token)


def web_root(root: str) -> str:
    """The address that people know, from that of the API."""
    parts = urlsplit(root)
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"
