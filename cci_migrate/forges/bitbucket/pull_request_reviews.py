"""Approvals and merges of pull requests on Bitbucket Cloud.

https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from cci_migrate.forges.bitbucket.reading import (
    STATES,
    Commit,
    PullRequestAnswer,
    PullRequestEnd,
    State,
)
from cci_migrate.forges.pull_request_reviews import (
    MergeMethod,
    MergeStatus,
    OwnPull,
    PullRequestReview,
    ReviewDecision,
)
from cci_migrate.forges.repository import Checks, PullState, Snapshot, seconds_since_1970
from cci_migrate.forges.rest_reviews import RestReviews
from cci_migrate.transport.host_errors import HostError, StaleSnapshot
from cci_migrate.transport.write_kinds import WriteKind

#: The usual names of ``merge_strategy``; a repository may allow only some.
_STRATEGIES = {
    MergeMethod.MERGE: "merge_commit",
    MergeMethod.SQUASH: "squash",
    MergeMethod.REBASE: "rebase_fast_forward",
}


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


class _Branch(Struct, frozen=True):
    name: str
    default_merge_strategy: str = ""


class _End(PullRequestEnd, frozen=True, kw_only=True):
    branch: _Branch
    commit: Commit | None = None


class _PullRequest(PullRequestAnswer, frozen=True, kw_only=True):
    source: _End
    destination: _End
    created_on: datetime
    updated_on: datetime
    participants: tuple[_Participant, ...] = ()
    author: _User | None = None
    draft: bool = False
    merge_commit: Commit | None = None


class _Merged(Struct, frozen=True):
    state: State


class BitbucketReviews(RestReviews[_PullRequest]):
    """The pull requests of Bitbucket, each read in two requests, or more for many statuses.

    Bitbucket has no auto-merge, and doesn't say whether there are conflicts before the merge.
    """

    answer = _PullRequest

    def merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> PullState:
        """https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/

        Bitbucket can't be given the commit that it may merge, so the branch is read right before.
        """
        request = self.request(pull)
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
        current = Snapshot(pull.ref, renamed_to=review.repository)
        path = f"{self.host.pull_path(current, pull.pull.number)}/merge"
        answer = self.api.write("POST", path, WriteKind.MERGE, json=body)
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
        request = self.request(pull)
        if request.merge_commit is not None:
            return self.checks(pull, request.merge_commit.hash)
        return self.checks(pull, self._tip(pull, request.destination.branch.name))

    def _tip(self, pull: OwnPull, branch: str) -> str:
        return self.host.read_tip(self.branch(pull, branch)).id

    def review_of(self, pull: OwnPull) -> PullRequestReview:
        """The state of ``pull``; of CI only for an open one."""
        request = self.request(pull)
        head = request.source.commit.hash if request.source.commit is not None else ""
        is_open = request.pull.state is PullState.OPEN
        checks = self.checks(pull, head) if head and is_open else Checks.NONE
        return _review(request, head, checks)


def _review(request: _PullRequest, head: str, checks: Checks) -> PullRequestReview:
    people = request.participants
    return PullRequestReview(
        state=request.pull.state,
        head=head,
        base=request.destination.branch.name,
        campaign=request.pull.campaign,
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
        created_at=seconds_since_1970(request.created_on),
        updated_at=seconds_since_1970(request.updated_on),
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
