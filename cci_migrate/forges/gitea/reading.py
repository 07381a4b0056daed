"""Gitea's and Forgejo's answers as types, and lists read page by page.

https://docs.gitea.com/api/, https://codeberg.org/api/swagger: version 1 of the API, which Forgejo
kept. What one of them does not send has a default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from cci_migrate.forges.campaign_identity import campaign_of_pull_request
from cci_migrate.forges.repository import (
    Checks,
    PullRequest,
    PullState,
    Traits,
    Visibility,
)
from cci_migrate.transport.http import Api, Response

#: The most that a server shows at a time unless it is set up otherwise
#: (https://docs.gitea.com/administration/config-cheat-sheet#api-api, ``MAX_RESPONSE_ITEMS``).
PAGE = 50


def pages(api: Api, path: str, query: Mapping[str, object], page: int = 1) -> Iterator[Response]:
    """The answers with all pages of a list, from ``page`` on.

    https://docs.gitea.com/development/api-usage#pagination
    """
    seen = 0
    while True:
        answer = api.read("GET", path, params={**query, "page": page, "limit": PAGE})
        yield answer
        shown = len(answer.json) if isinstance(answer.json, list) else 0
        seen += shown
        # Lists of labels and reviews have no Link, but a count.
        total = answer.headers.get("x-total-count", "")
        is_counted = "link" not in answer.headers and total.isdecimal() and shown > 0
        if not has_next(answer) and not (is_counted and seen < int(total)):
            return
        page += 1


def has_next(answer: Response) -> bool:
    """Whether there is a next page: https://docs.gitea.com/development/api-usage#pagination"""
    return 'rel="next"' in answer.headers.get("link", "")


class _Permission(Struct, frozen=True):
    push: bool = False


class GiteaRepository(Struct, frozen=True):
    """A repository. ``permissions`` are the user's, as far as the token shows."""

    id: int
    full_name: str
    default_branch: str = ""
    archived: bool = False
    empty: bool = False
    fork: bool = False
    internal: bool = False
    mirror: bool = False
    private: bool = False
    permissions: _Permission | None = None
    topics: tuple[str, ...] | None = None

    @property
    def traits(self) -> Traits:
        """Its properties. Nobody can push to a mirror."""
        visibility = Visibility.PRIVATE if self.private else Visibility.PUBLIC
        if self.internal:
            visibility = Visibility.INTERNAL
        may_write = None if self.permissions is None else self.permissions.push
        return Traits(
            archived=self.archived,
            fork=self.fork,
            empty=self.empty,
            visibility=visibility,
            topics=self.topics or (),
            may_write=False if self.mirror else may_write,
        )


class GitEntry(Struct, frozen=True):
    """An entry of a git tree: ``tree``, ``blob``, or ``commit`` for a submodule."""

    path: str
    mode: str
    type: str
    sha: str


class Tree(Struct, frozen=True):
    """A page of a git tree; ``truncated``: there are more."""

    tree: tuple[GitEntry, ...] | None = None
    truncated: bool = False


class _Repository(Struct, frozen=True):
    default_merge_style: str = ""


class _End(Struct, frozen=True):
    ref: str = ""
    repo_id: int = 0
    repo: _Repository | None = None


class _Head(_End, frozen=True):
    label: str = ""
    sha: str = ""


class PullRequestAnswer(Struct, frozen=True):
    """A pull request. A merged one is closed.

    Once the branch is deleted, ``ref`` of its head is ``refs/pull/N/head``; ``label`` stays.
    """

    number: int
    html_url: str
    state: Literal["open", "closed"]
    head: _Head
    base: _End
    merged: bool = False
    body: str | None = None

    @property
    def pull(self) -> PullRequest:
        """The pull request as a campaign has it."""
        closed = PullState.MERGED if self.merged else PullState.CLOSED
        return PullRequest(
            self.number,
            self.html_url,
            PullState.OPEN if self.state == "open" else closed,
            campaign=campaign_of_pull_request(self.body),
        )

    def is_from(self, repository: str, branch: str) -> bool:
        """Whether it is from ``branch`` of the repository that it is for, ``repository``."""
        del repository
        return self.head.repo_id == self.base.repo_id and branch in (self.head.ref, self.head.label)


class User(Struct, frozen=True):
    """A user."""

    login: str


class Assigned(Struct, frozen=True):
    """Who a pull request is assigned to."""

    assignees: tuple[User, ...] | None = None


class Label(Struct, frozen=True):
    """A label of a repository or of an organisation."""

    id: int
    name: str


class PullComment(Struct, frozen=True):
    """A comment on a pull request."""

    body: str


class CommitStatus(Struct, frozen=True):
    """One of the statuses that a ``context`` had on a commit; the last has the highest id."""

    id: int
    context: str
    status: str


def checks_of(statuses: Iterable[CommitStatus]) -> Checks:
    """The result of the last of ``statuses`` of each context. A warning is no failure."""
    last: dict[str, CommitStatus] = {}
    for status in statuses:
        if status.context not in last or status.id > last[status.context].id:
            last[status.context] = status
    states = {status.status for status in last.values()}
    if not states:
        return Checks.NONE
    if states & {"error", "failure"}:
        return Checks.FAILED
    return Checks.PENDING if "pending" in states else Checks.PASSED
