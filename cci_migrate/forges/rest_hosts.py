"""The common base of GitLab, Bitbucket and Gitea: changes are made and reverted by REST APIs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import quote, urlsplit

from msgspec import Struct

from cci_migrate.circleci.packing import CONFIG_FOLDER
from cci_migrate.forges.campaign_identity import is_own_comment
from cci_migrate.forges.extras import NO_EXTRAS, Extras, MissingExtra
from cci_migrate.forges.git_clones import GitClones
from cci_migrate.forges.host import (
    DeliveredChange,
    Delivery,
    NewPullRequest,
    Proposal,
)
from cci_migrate.forges.pull_request_reviews import Reviews
from cci_migrate.forges.repository import (
    Blocker,
    Branch,
    BranchContent,
    Checks,
    FileHash,
    Kind,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Unreadable,
    newest_pull,
)
from cci_migrate.forges.repository_errors import FATAL_ERRORS, describe_error
from cci_migrate.forges.reverting import (
    files_before,
    foreign_branch,
    merged_pull,
    reversal_url,
    revert_message,
    reverting_pull,
)
from cci_migrate.forges.tokens import host_of
from cci_migrate.transport.git.remote_urls import basic_login
from cci_migrate.transport.host_errors import HostError, OverloadedError, RefusedError
from cci_migrate.transport.host_patience import HostPatience
from cci_migrate.transport.http import Api, MissingError, Response
from cci_migrate.transport.pace import Lane
from cci_migrate.transport.write_kinds import WriteKind

_Read = TypeVar("_Read")
_Item = TypeVar("_Item")


class IncompleteError(Exception):
    """An answer that lacks necessary data of a repository."""


class BranchTip(Struct, frozen=True):
    """The commit at a branch's tip."""

    id: str
    message: str = ""


class PullRequestAnswer(Protocol):
    """A host's answer about a pull request."""

    @property
    def pull(self) -> PullRequest:
        """The pull request as a campaign has it."""

    def is_from(self, repository: str, branch: str) -> bool:
        """Whether it is from ``branch`` of ``repository``, which it is for; not from a fork."""


class ExtrasWriter(Protocol):
    """Adds labels, reviewers and assignees to the pull requests of a host."""

    def impossible(self, owner: str, extras: Extras) -> Iterable[MissingExtra]:
        """Those of ``extras`` that no pull request of ``owner`` can have."""

    def add(self, snapshot: Snapshot, path: str, extras: Extras) -> Iterable[MissingExtra]:
        """Add those that the host knows to the pull request at ``path``; those refused there."""


class RestHost(ABC):
    """A host with a REST API for changes. ``user`` is git's user name for the token.

    ``repositories`` is where the API has the repositories; ``branches``, ``pulls`` and
    ``comment_lists`` (``{}``: the number) are below the path of one. ``closing`` are the method,
    the path below the pull request and the fields that close it.

    ``is_nested``: search for configs below the root too.
    ``opens_with_extras``: a pull request is created with the extras.
    """

    kind: Kind
    user: str
    repositories: str
    branches: str
    pulls: str
    comment_lists: str
    closing: tuple[str, str, Mapping[str, str] | None]
    pull_answer: type[PullRequestAnswer]
    opens_with_extras = True
    delivery = Delivery.PULL_REQUEST
    #: Its pull requests: their reviews and merges.
    reviews: Reviews
    extras: ExtrasWriter

    def __init__(self, api: Api, lane: Lane, branch: str, *, is_nested: bool = False) -> None:
        self._is_nested = is_nested
        self.api = api
        self._lane = lane
        self._branch = branch
        self._clones = GitClones(
            branch,
            lane,
            self.git_url,
            lambda: git_login(api.root, *self.git_credentials(api.token() or "")),
            "" if is_nested else CONFIG_FOLDER,
        )
        self._patience = HostPatience()
        #: The extras of the pull requests that this process opened, by the address.
        self._opened_with: dict[str, Extras] = {}

    def observation(self, ref: RepositoryRef, read: Callable[[], _Read]) -> _Read | Unreadable:
        """What ``read`` reads of ``ref``, or Unreadable for its error.

        Raises HostUnavailable if several in a row got no answer: the host is down.
        """
        try:
            read_data = read()
        except MissingError as error:
            return Unreadable(ref, Blocker.NOT_FOUND, str(error))
        except RefusedError as error:
            return Unreadable(ref, Blocker.FORBIDDEN, str(error))
        except OverloadedError as error:
            self._patience.record_failure(ref.host, error)
            return Unreadable(ref, Blocker.FAILED, f"{ref.host} does not answer ({error})")
        except (IncompleteError, *FATAL_ERRORS):
            raise
        except Exception as error:  # noqa: BLE001 - the other repositories of the answer go on
            return Unreadable(ref, Blocker.FAILED, describe_error(error))
        self._patience.record_answer()
        return read_data

    def branch_content(
        self, snapshot: Snapshot, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        """What the branch adds to the default branch, from git, since the APIs show no modes."""
        return self._clones.branch_content(snapshot, self._branch, tip, files)

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Set the branch to one commit of ours on top of the head.

        An existing branch is replaced by git, which alone can check that it is still as in the
        snapshot. Files with unusual modes are committed by git, since the APIs have no modes.
        """
        is_odd = any(path in snapshot.modes for path in proposal.contents)
        if is_odd or snapshot.branch is not None:
            oid = self._clones.commit(snapshot, proposal)
            self._lane.take(WriteKind.OTHER)
            self._clones.push(snapshot, oid)
        else:
            oid = self.commit(snapshot, proposal.branch, proposal.message, proposal.contents)
        return Branch(oid, BranchContent.PLANNED)

    def base_checks(self, snapshot: Snapshot) -> Checks:
        """The result of CI for the head."""
        return self.commit_checks(snapshot, snapshot.head)

    def close(self, snapshot: Snapshot) -> None:
        """Close the pull request, then delete the branch if it is disposable."""
        if snapshot.pull is not None and snapshot.pull.state is PullState.OPEN:
            method, below, fields = self.closing
            path = self.pull_path(snapshot, snapshot.pull.number) + below
            self.api.write(method, path, json=fields)
        if snapshot.disposable_branch is not None:
            self.api.write("DELETE", self.branch_path(snapshot, self._branch))

    def git_credentials(self, token: str) -> tuple[str, str]:
        """The user name and password for git, from the token."""
        return self.user, token

    def git_url(self, snapshot: Snapshot) -> str:
        """The URL of the git repository under its current name: git follows no redirects."""
        return f"{web_root(self.api.root)}/{snapshot.current_name}.git"

    def open_pull_request(self, snapshot: Snapshot, opening: NewPullRequest) -> PullRequest:
        """Open the pull request with those of its extras that the host knows."""
        path = f"{self.path(snapshot)}/{self.pulls}"
        fields = self.opening_fields(snapshot, opening)
        answer = self.api.write("POST", path, WriteKind.PULL_REQUEST, json=fields)
        pull = answer.body(self.pull_answer).pull
        if self.opens_with_extras:
            self._opened_with[pull.url] = opening.extras
        return pull

    def add_extras(self, snapshot: Snapshot, extras: Extras) -> tuple[MissingExtra, ...]:
        """Add ``extras`` unless the pull request was opened with them."""
        pull = snapshot.pull
        if pull is None:
            return ()
        refused: tuple[MissingExtra, ...] = ()
        if not extras.are_in(self._opened_with.get(pull.url, NO_EXTRAS)):
            path = self.pull_path(snapshot, pull.number)
            refused = tuple(self.extras.add(snapshot, path, extras))
        owner = snapshot.current_name.partition("/")[0]
        return (*refused, *self.impossible_extras(owner, extras))

    def impossible_extras(self, owner: str, extras: Extras) -> tuple[MissingExtra, ...]:
        """Those of ``extras`` that no pull request of ``owner`` can have."""
        return tuple(self.extras.impossible(owner, extras))

    def revert(self, snapshot: Snapshot, delivered: DeliveredChange) -> str:
        """Open the pull request that puts the files back as they were before a merged one.

        A file that somebody changed since is not put back.
        """
        pull = merged_pull(snapshot)
        if not delivered.files:
            raise HostError(
                f"the campaign has no record of the changes in {pull.url}; revert it by hand"
            )
        opening = reverting_pull(pull, self._branch)
        pull_request = self.find_pull_request(snapshot, opening.branch)
        tip = self.tip(snapshot, opening.branch)
        content = BranchContent.OTHER
        if tip is not None:
            files = delivered.reversed_files
            content = self._clones.branch_content(snapshot, opening.branch, tip.id, files)
        if pull_request is not None:
            return reversal_url(pull_request, content)
        if tip is None:
            read = partial(self.content, snapshot)
            contents = files_before(snapshot, delivered, pull, read)
            self.commit(snapshot, opening.branch, revert_message(pull, contents), contents)
        elif content is not BranchContent.PLANNED:
            raise foreign_branch(opening.branch)
        return self.open_pull_request(snapshot, opening).url

    def is_discussed(self, snapshot: Snapshot) -> bool:
        """Whether there are comments that `batch comment` did not write."""
        return not all(map(is_own_comment, self.comments(snapshot)))

    def comment(self, snapshot: Snapshot, text: str) -> None:
        """Comment on the pull request."""
        self.api.write("POST", self.comments_path(snapshot), json={"body": text})

    def tip(self, snapshot: Snapshot, branch: str) -> BranchTip | None:
        """The commit at the tip of ``branch``; None if it does not exist."""
        try:
            return self.read_tip(self.api.read("GET", self.branch_path(snapshot, branch)))
        except MissingError:
            return None

    def read_tip(self, answer: Response) -> BranchTip:
        """The commit at the tip of the branch that ``answer`` is about."""
        return answer.body(BranchTip, "commit")

    def find_pull_request(self, snapshot: Snapshot, branch: str) -> PullRequest | None:
        """The open or else the newest pull request from ``branch``; None if there is none."""
        path = f"{self.path(snapshot)}/{self.pulls}"
        answers = self.items(path, self.pull_answer, **self.pulls_query(branch))
        name = snapshot.current_name
        return newest_pull(answer.pull for answer in answers if answer.is_from(name, branch))

    def path(self, snapshot: Snapshot) -> str:
        """Where the API has the repository."""
        return f"/{self.repositories}/{snapshot.current_name}"

    def branch_path(self, snapshot: Snapshot, branch: str) -> str:
        """Where the API has a branch."""
        return f"{self.path(snapshot)}/{self.branches}/{quote(branch, safe='')}"

    def pull_path(self, snapshot: Snapshot, number: int) -> str:
        """Where the API has a pull request."""
        return f"{self.path(snapshot)}/{self.pulls}/{number}"

    def comments_path(self, snapshot: Snapshot) -> str:
        """Where the API has the comments on the pull request."""
        return f"{self.path(snapshot)}/{self.comment_lists.format(snapshot.pull_number)}"

    def ref(self, name: str) -> RepositoryRef:
        """The repository called ``name``."""
        return RepositoryRef(self.kind, host_of(self.api.root), name, self.api.root)

    def end(self) -> None:
        """Close the connections and remove the scratch clones."""
        self.api.close()
        self._clones.end()

    @abstractmethod
    def items(self, path: str, kind: type[_Item], /, **query: object) -> Iterator[_Item]:
        """The items on all pages of a list."""

    @abstractmethod
    def pulls_query(self, branch: str) -> dict[str, object]:
        """The query for the pull requests from ``branch`` in any state, and maybe for others."""

    @abstractmethod
    def opening_fields(self, snapshot: Snapshot, opening: NewPullRequest) -> dict[str, object]:
        """The fields that open a pull request against the default branch."""

    @abstractmethod
    def commit_checks(self, snapshot: Snapshot, commit: str) -> Checks:
        """The result of CI for a commit."""

    @abstractmethod
    def content(self, snapshot: Snapshot, commit: str, path: str) -> bytes:
        """The content of a file in a commit. Raises MissingError if it does not exist."""

    @abstractmethod
    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """Make a new branch with one commit on the snapshot's head by the API; returns its id."""

    @abstractmethod
    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """The texts of all comments on the pull request."""


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
