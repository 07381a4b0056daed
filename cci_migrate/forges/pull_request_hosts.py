"""The common base of GitLab, Bitbucket and Gitea: writing and reverting changes by REST APIs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from cci_migrate.forges.branch_content import reversal_url
from cci_migrate.forges.campaign_identity import is_own_comment
from cci_migrate.forges.git_remotes import GitClones
from cci_migrate.forges.host import (
    NO_EXTRAS,
    DeliveredChange,
    Delivery,
    Extras,
    NewPullRequest,
    Proposal,
    RepositoryPage,
)
from cci_migrate.forges.pull_request_reviews import Reviews
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
from cci_migrate.forges.repository_errors import FATAL_ERRORS, describe_error
from cci_migrate.forges.reverted_files import files_before, revert_message
from cci_migrate.transport.git.remote_urls import basic_login
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    OverloadedError,
    RefusedError,
)
from cci_migrate.transport.http import Api, MissingError
from cci_migrate.transport.pace import OTHER, Lane
from cci_migrate.transport.page_size import HOST_PATIENCE

_Read = TypeVar("_Read")


class IncompleteError(Exception):
    """An answer that lacks necessary data of a repository."""


class PullRequestHost(ABC):
    """A host with a REST API for changes. ``user`` is git's user name for the token.

    ``is_nested``: search for configs below the root too.
    ``opens_with_extras``: `create_pull_request` adds the extras at once.
    """

    user: str
    opens_with_extras = True

    def __init__(self, api: Api, lane: Lane, branch: str, *, is_nested: bool = False) -> None:
        self._is_nested = is_nested
        self._api = api
        self._lane = lane
        self._branch = branch
        self._clones = GitClones(
            branch,
            lane,
            lambda: git_login(api.root, *self.git_credentials(api.token() or "")),
            "" if is_nested else ".circleci",
        )
        self._faults = 0
        #: The extras of the pull requests that this process opened, by the address.
        self._opened_with: dict[str, Extras] = {}

    @property
    def delivery(self) -> Delivery:
        """Pull requests."""
        return Delivery.PULL_REQUEST

    @property
    @abstractmethod
    def reviews(self) -> Reviews:
        """Its pull requests: their reviews and merges."""

    def observation(
        self, ref: RepositoryRef, read: Callable[[RepositoryRef], _Read]
    ) -> _Read | Unreadable:
        """What ``read`` reads of ``ref``, or Unreadable for its error.

        Raises HostUnavailable if several in a row got no answer: the host is down.
        """
        try:
            read_data = read(ref)
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
                    f"{ref.host} does not answer ({error}); run it again later"
                ) from None
            return Unreadable(ref, Blocker.FAILED, f"{ref.host} does not answer ({error})")
        except (IncompleteError, *FATAL_ERRORS):
            raise
        except Exception as error:  # noqa: BLE001 - the other repositories of the answer go on
            return Unreadable(ref, Blocker.FAILED, describe_error(error))
        self._faults = 0
        return read_data

    def branch_content(self, snapshot: Snapshot, files: Sequence[FileHash]) -> BranchContent:
        """What the branch adds to the default branch, from git, since the APIs show no modes."""
        if snapshot.branch is None:
            return BranchContent.NOTHING
        return self._content(snapshot, self._branch, snapshot.branch.oid, files)

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Set the branch to one commit of ours on top of the head.

        An existing branch is replaced by git, which alone can check that it is still as in the
        snapshot. Files with unusual modes are committed by git, since the APIs have no modes.
        """
        is_odd = any(path in snapshot.modes for path in proposal.contents)
        if is_odd or snapshot.branch is not None:
            url = self.git_url(snapshot)
            oid = self._clones.commit(snapshot, url, proposal)
            self._lane.take(OTHER)
            self._clones.push(snapshot, url, oid)
        else:
            oid = self.commit(snapshot, proposal.branch, proposal.message, proposal.contents)
        return Branch(oid, BranchContent.PLANNED)

    def base_checks(self, snapshot: Snapshot) -> Checks:
        """The result of CI for the head."""
        return self.commit_checks(snapshot, snapshot.head)

    def close(self, snapshot: Snapshot) -> None:
        """Close the pull request, then delete the branch if it is disposable."""
        if snapshot.pull is not None and snapshot.pull.state is PullState.OPEN:
            self.close_pull_request(snapshot, snapshot.pull)
        if snapshot.branch is not None and snapshot.branch.content.is_disposable:
            self.delete_branch(snapshot)

    def git_credentials(self, token: str) -> tuple[str, str]:
        """The user name and password for git, from the token."""
        return self.user, token

    def git_url(self, snapshot: Snapshot) -> str:
        """The URL of the git repository under its current name: git follows no redirects."""
        return f"{web_root(self._api.root)}/{snapshot.current_name}.git"

    def open_pull_request(self, snapshot: Snapshot, proposal: Proposal) -> PullRequest:
        """Open the pull request with those of its extras that the host knows."""
        opening = NewPullRequest(
            proposal.branch, proposal.title, proposal.body, proposal.draft, proposal.extras
        )
        pull = self.create_pull_request(snapshot, opening)
        if self.opens_with_extras:
            self._opened_with[pull.url] = proposal.extras
        return pull

    def add_extras(self, snapshot: Snapshot, extras: Extras) -> tuple[str, ...]:
        """Add ``extras`` unless the pull request was opened with them."""
        pull = snapshot.pull
        if pull is None:
            return ()
        refused: tuple[str, ...] = ()
        if not extras.are_in(self._opened_with.get(pull.url, NO_EXTRAS)):
            refused = self.extend_pull_request(snapshot, pull, extras)
        owner = snapshot.current_name.partition("/")[0]
        return (*refused, *self.impossible_extras(owner, extras))

    def revert(self, snapshot: Snapshot, delivered: DeliveredChange) -> str:
        """Open the pull request that puts the files back as they were before a merged one.

        What they were is read from the commit that the change was planned on, and checked by its
        hash. A file that somebody changed since is not put back.
        """
        pull = snapshot.pull
        if pull is None or pull.state is not PullState.MERGED:
            raise HostError("there is no merged pull request")
        if not delivered.files:
            raise HostError(
                f"the campaign has no record of the changes in {pull.url}; revert it by hand"
            )
        branch = f"revert-{pull.number}-{self._branch}"
        pull_request = self.find_pull_request(snapshot, branch)
        existing_branch = self.find_branch(snapshot, branch)
        content = BranchContent.OTHER
        if existing_branch is not None:
            content = self._content(snapshot, branch, existing_branch.oid, delivered.reversed_files)
        if pull_request is not None:
            return reversal_url(pull_request, content)
        if existing_branch is None:
            read = partial(self.content, snapshot)
            contents = files_before(snapshot, delivered, pull, read)
            self.commit(snapshot, branch, revert_message(pull, contents), contents)
        elif content is not BranchContent.PLANNED:
            raise HostError(f"the branch {branch} exists, but does not revert the change")
        title = f"Revert the change of {pull.number}"
        return self.create_pull_request(
            snapshot, NewPullRequest(branch, title, f"Reverts {pull.url}.")
        ).url

    def end(self) -> None:
        """Close the connections and remove the scratch clones."""
        self._api.close()
        self._clones.end()

    def _content(
        self, snapshot: Snapshot, branch: str, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        url = self.git_url(snapshot)
        return self._clones.branch_content(snapshot, url, branch, tip, files)

    @abstractmethod
    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The current state of each of ``refs``."""

    @abstractmethod
    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """The content of ``paths`` at the snapshot's head; None for a file that does not exist."""

    @abstractmethod
    def close_pull_request(self, snapshot: Snapshot, pull: PullRequest) -> None:
        """Close an open pull request."""

    @abstractmethod
    def delete_branch(self, snapshot: Snapshot) -> None:
        """Delete the campaign's branch."""

    @abstractmethod
    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """The result of CI for a commit."""

    @abstractmethod
    def owner_pages(
        self, owner: str, cursor: str, known: Sequence[str]
    ) -> Iterator[RepositoryPage]:
        """The pages of all repositories of a group or workspace."""

    @abstractmethod
    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """The content of a file in a commit. Raises MissingError if it does not exist."""

    @abstractmethod
    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """Make a new branch with one commit on the snapshot's head by the API; returns its id."""

    @abstractmethod
    def create_pull_request(self, snapshot: Snapshot, opening: NewPullRequest) -> PullRequest:
        """Open a pull request against the default branch."""

    @abstractmethod
    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """The texts of all comments on the pull request."""

    def is_discussed(self, snapshot: Snapshot) -> bool:
        """Whether there are comments that `batch comment` did not write."""
        return not all(map(is_own_comment, self.comments(snapshot)))

    @abstractmethod
    def comment(self, snapshot: Snapshot, text: str) -> None:
        """Comment on the pull request."""

    @abstractmethod
    def impossible_extras(self, owner: str, extras: Extras) -> tuple[str, ...]:
        """Why for each of ``extras`` that no pull request of ``owner`` can have."""

    @abstractmethod
    def extend_pull_request(
        self, snapshot: Snapshot, pull: PullRequest, extras: Extras
    ) -> tuple[str, ...]:
        """Add those of ``extras`` that the host knows to an open pull request.

        Returns why for each that this repository refuses.
        """

    @abstractmethod
    def find_branch(self, snapshot: Snapshot, branch: str) -> Branch | None:
        """The branch called ``branch``; None if it does not exist."""

    @abstractmethod
    def find_pull_request(self, snapshot: Snapshot, branch: str) -> PullRequest | None:
        """The open or else the newest pull request from ``branch``; None if there is none."""


def git_login(root: str, user: str, token: str) -> dict[str, str]:
    """The git settings with the login to the host whose API is at ``root``."""
    parts = urlsplit(web_root(root))
    return basic_login(f"{parts.scheme}://{parts.netloc}", user, token)


def web_root(root: str) -> str:
    """The address of the web interface, from that of the API, which may be below a path.

    https://docs.gitlab.com/install/relative_url/
    """
    parts = urlsplit(root)
    path = parts.path.removesuffix("/api/v4").removesuffix("/api/v1").removesuffix("/2.0")
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}{path}"
