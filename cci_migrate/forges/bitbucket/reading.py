"""Bitbucket's answers as types.

https://developer.atlassian.com/cloud/bitbucket/rest/intro/
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Generic, Literal, TypeVar

from msgspec import Struct

from cci_migrate.forges.campaign_identity import campaign_of_pull_request
from cci_migrate.forges.config_listing import PLAIN
from cci_migrate.forges.repository import (
    Checks,
    PullRequest,
    PullState,
    Traits,
    Visibility,
    seconds_since_1970,
)

STATES = {
    "OPEN": PullState.OPEN,
    "MERGED": PullState.MERGED,
    "DECLINED": PullState.CLOSED,
    "SUPERSEDED": PullState.CLOSED,
}
State = Literal["OPEN", "MERGED", "DECLINED", "SUPERSEDED"]

_Item = TypeVar("_Item")


class BitbucketPage(Struct, Generic[_Item], frozen=True):
    """https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination"""

    values: tuple[_Item, ...]
    next: str = ""
    size: int = 0


class _MainBranch(Struct, frozen=True):
    name: str = ""


class BitbucketRepository(Struct, frozen=True):
    """A repository."""

    full_name: str
    is_private: bool
    mainbranch: _MainBranch | None = None
    updated_on: datetime | None = None
    parent: object = None

    @property
    def default_branch(self) -> str:
        """Its default branch; empty without any."""
        return self.mainbranch.name if self.mainbranch is not None else ""

    @property
    def traits(self) -> Traits:
        """Its properties."""
        return Traits(
            fork=bool(self.parent),
            empty=not self.default_branch,
            active_at=seconds_since_1970(self.updated_on),
            visibility=Visibility.PRIVATE if self.is_private else Visibility.PUBLIC,
        )


class Commit(Struct, frozen=True):
    """A commit."""

    hash: str
    message: str = ""


class NamedBranch(Struct, frozen=True):
    """A branch."""

    name: str
    target: Commit


class FolderEntry(Struct, frozen=True):
    """An entry of a folder: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/"""

    type: str
    path: str
    size: int | None = None
    attributes: tuple[str, ...] | None = None

    @property
    def mode(self) -> str:
        """Its git mode."""
        return "100755" if "executable" in (self.attributes or ()) else PLAIN

    @property
    def is_special(self) -> bool:
        """Whether it is a link, or its content is elsewhere."""
        return not {"link", "lfs"}.isdisjoint(self.attributes or ())


class CommitStatus(Struct, frozen=True):
    """One of the results of CI for a commit."""

    state: str


def checks_of(statuses: Iterable[CommitStatus]) -> Checks:
    """The result of CI that ``statuses`` amount to."""
    states = {status.state for status in statuses}
    if not states:
        return Checks.NONE
    if states & {"FAILED", "STOPPED"}:
        return Checks.FAILED
    return Checks.PENDING if "INPROGRESS" in states else Checks.PASSED


class Member(Struct, frozen=True):
    """Who belongs to a workspace, or reviews a pull request."""

    uuid: str
    nickname: str = ""
    account_id: str = ""


class Membership(Struct, frozen=True):
    """A member of a workspace."""

    user: Member


class Reviewed(Struct, frozen=True):
    """Who reviews a pull request."""

    title: str
    reviewers: tuple[Member, ...] = ()


class _Markup(Struct, frozen=True):
    raw: str = ""


class PullComment(Struct, frozen=True):
    """A comment on a pull request."""

    content: _Markup = _Markup()


class _Address(Struct, frozen=True):
    href: str


class _Links(Struct, frozen=True):
    html: _Address


class FullName(Struct, frozen=True):
    """A repository, by its name."""

    full_name: str


class PullRequestEnd(Struct, frozen=True):
    """What a pull request is from, or for."""

    repository: FullName | None = None


class PullRequestAnswer(Struct, frozen=True):
    """A pull request."""

    id: int
    links: _Links
    state: State
    source: PullRequestEnd
    description: str | None = None

    @property
    def pull(self) -> PullRequest:
        """The pull request as a campaign has it."""
        return PullRequest(
            self.id,
            self.links.html.href,
            STATES[self.state],
            campaign=campaign_of_pull_request(self.description),
        )

    def is_from(self, repository: str, branch: str) -> bool:
        """Whether its branch, which was asked for, is in ``repository``; false if that is gone."""
        del branch
        source = self.source.repository
        return source is not None and source.full_name.lower() == repository.lower()
