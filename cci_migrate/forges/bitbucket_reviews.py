"""Approvals and merges of pull requests on Bitbucket Cloud.

https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from cci_migrate.forges.campaign_identity import campaign_of_pull_request
from cci_migrate.forges.pull_request_reviews import (
    MergeMethod,
    MergeStatus,
    OwnPull,
    PullRequestReview,
    ReadOne,
    ReviewDecision,
)
from cci_migrate.forges.repository import Checks, PullState, RepositoryRef, Unreadable
from cci_migrate.transport.host_errors import HostError, StaleSnapshot
from cci_migrate.transport.http import Api
from cci_migrate.transport.pace import MERGE

STATES = {
    "OPEN": PullState.OPEN,
    "MERGED": PullState.MERGED,
    "DECLINED": PullState.CLOSED,
    "SUPERSEDED": PullState.CLOSED,
}
#: The usual names of ``merge_strategy``; a repository may allow only some.
_STRATEGIES = {
    MergeMethod.MERGE: "merge_commit",
    MergeMethod.SQUASH: "squash",
    MergeMethod.REBASE: "rebase_fast_forward",
}

#: The result of CI for a commit of a repository.
ChecksOf = Callable[[RepositoryRef, str], Checks]


class _User(Struct, frozen=True):
    display_name: str = ""
    nickname: str = ""

    @property
    def name(self) -> str:
        return self.nickname or self.display_name


class _Participant(Struct, frozen=True):
    """Who reviews: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""

    user: _User
    role: str
    approved: bool
    state: Literal["approved", "changes_requested"] | None = None


class _Commit(Struct, frozen=True):
    hash: str


class _Branch(Struct, frozen=True):
    name: str
    default_merge_strategy: str = ""


class _Name(Struct, frozen=True):
    full_name: str


class _End(Struct, frozen=True):
    branch: _Branch
    commit: _Commit | None = None
    repository: _Name | None = None


class _PullRequest(Struct, frozen=True):
    id: int
    state: Literal["OPEN", "MERGED", "DECLINED", "SUPERSEDED"]
    source: _End
    destination: _End
    created_on: datetime
    updated_on: datetime
    participants: tuple[_Participant, ...] = ()
    description: str | None = None
    author: _User | None = None
    draft: bool = False
    merge_commit: _Commit | None = None


class _Merged(Struct, frozen=True):
    state: Literal["OPEN", "MERGED", "DECLINED", "SUPERSEDED"]


class BitbucketReviews:
    """The pull requests of Bitbucket. ``read_one`` turns errors of one into Unreadable.

    Bitbucket has no auto-merge, and doesn't say whether there are conflicts before the merge.
    """

    merge_methods = frozenset(MergeMethod)

    def __init__(self, api: Api, read_one: ReadOne, checks_of: ChecksOf) -> None:
        self._api = api
        self._read_one = read_one
        self._checks_of = checks_of

    def read(self, pulls: Sequence[OwnPull]) -> Iterator[PullRequestReview | Unreadable]:
        """The state of each of ``pulls``, in two requests for each, or more for many statuses."""
        return self._api.threads.in_order(
            lambda pull: self._read_one(pull.ref, self._reader(pull)), pulls
        )

    def wait_for_turn(self, kind: str) -> None:
        """Wait until a write of ``kind`` is allowed."""
        self._api.wait_for_turn(kind)

    def merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> PullState:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/

        Bitbucket can't be given the commit that it may merge, so the branch is read right before.
        """
        request = self._request(pull)
        if request.destination.branch.name != review.base:
            raise StaleSnapshot("somebody changed its base")
        tip = self._tip(pull, request.source.branch.name)
        if not review.has_head(tip):
            raise StaleSnapshot("somebody pushed to its branch")
        strategy = _STRATEGIES[method] if method is not None else review.default_method
        body = {"type": "pullrequest_merge_parameters"}
        if strategy:
            body["merge_strategy"] = strategy
        # Reads of an old name are redirected, writes are not.
        name = review.repository or pull.ref.name
        path = f"/repositories/{name}/pullrequests/{pull.pull.number}/merge"
        answer = self._api.write(MERGE, "POST", path, json=body)
        # 202: it takes longer than one request may.
        return PullState.OPEN if answer.status == 202 else STATES[answer.body(_Merged).state]

    def enable_auto_merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> None:
        """Raise HostError: the API has no auto-merge."""
        del pull, review, method
        raise HostError("Bitbucket's API has no auto-merge")

    def base_checks(self, pull: OwnPull) -> Checks:
        """The result of CI for the merge commit, or for the base's tip."""
        request = self._request(pull)
        if request.merge_commit is not None:
            return self._checks_of(pull.ref, request.merge_commit.hash)
        return self._checks_of(pull.ref, self._tip(pull, request.destination.branch.name))

    def _tip(self, pull: OwnPull, branch: str) -> str:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/"""
        path = f"/repositories/{pull.ref.name}/refs/branches/{quote(branch, safe='')}"
        return self._api.read("GET", path).body(_Commit, "target").hash

    def _reader(self, pull: OwnPull) -> Callable[[RepositoryRef], PullRequestReview]:
        def read(ref: RepositoryRef) -> PullRequestReview:
            request = self._request(pull)
            head = request.source.commit.hash if request.source.commit is not None else ""
            is_open = STATES[request.state] is PullState.OPEN
            checks = self._checks_of(ref, head) if head and is_open else Checks.NONE
            return _review(request, head, checks)

        return read

    def _request(self, pull: OwnPull) -> _PullRequest:
        return self._api.read("GET", _path(pull)).body(_PullRequest)


def _path(pull: OwnPull) -> str:
    return f"/repositories/{pull.ref.name}/pullrequests/{pull.pull.number}"


def _review(request: _PullRequest, head: str, checks: Checks) -> PullRequestReview:
    people = request.participants
    return PullRequestReview(
        state=STATES[request.state],
        head=head,
        base=request.destination.branch.name,
        campaign=campaign_of_pull_request(request.description or ""),
        checks=checks,
        decision=_decision(people),
        merge_status=MergeStatus.MERGEABLE,
        is_draft=request.draft,
        author=request.author.name if request.author is not None else "",
        reviewers=tuple(
            person.user.name
            for person in people
            if person.role == "REVIEWER" and person.state is None and not person.approved
        ),
        approved_by=tuple(person.user.name for person in people if person.approved),
        created_at=request.created_on.timestamp(),
        updated_at=request.updated_on.timestamp(),
        default_method=request.destination.branch.default_merge_strategy,
        repository=_repository(request),
    )


def _repository(request: _PullRequest) -> str:
    repository = request.destination.repository
    return repository.full_name if repository is not None else ""


def _decision(people: Sequence[_Participant]) -> ReviewDecision:
    if any(person.state == "changes_requested" for person in people):
        return ReviewDecision.CHANGES_REQUESTED
    is_approved = any(person.approved for person in people)
    return ReviewDecision.APPROVED if is_approved else ReviewDecision.NONE
