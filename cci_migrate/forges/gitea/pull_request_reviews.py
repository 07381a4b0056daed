"""Approvals and merges of pull requests on Gitea and Forgejo.

https://docs.gitea.com/api/: the reviews of a pull request, and the rules of its base branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from cci_migrate.forges.gitea.reading import PullRequestAnswer, User
from cci_migrate.forges.pull_request_reviews import (
    MergeMethod,
    MergeStatus,
    OwnPull,
    PullRequestReview,
    ReviewDecision,
)
from cci_migrate.forges.repository import Checks, PullState, seconds_since_1970
from cci_migrate.forges.rest_reviews import RestReviews
from cci_migrate.transport.write_kinds import WriteKind


class _Team(Struct, frozen=True):
    name: str


class _PullRequest(PullRequestAnswer, frozen=True, kw_only=True):
    created_at: datetime
    updated_at: datetime
    mergeable: bool = False
    draft: bool = False
    merge_commit_sha: str | None = None
    user: User | None = None
    requested_reviewers: tuple[User, ...] | None = None
    requested_reviewers_teams: tuple[_Team, ...] | None = None


class _Review(Struct, frozen=True):
    """A review; ``user`` is None for one that was asked of a team.

    It is ``official`` if its author may write, or may approve by the rules of the base, and
    ``stale`` if it is of an earlier commit.
    """

    id: int
    state: str
    user: User | None = None
    dismissed: bool = False
    stale: bool = False
    official: bool = False


class _Rules(Struct, frozen=True):
    """A branch, and what its protection asks of a merge."""

    enable_status_check: bool = False
    required_approvals: int = 0
    user_can_merge: bool | None = None


class GiteaReviews(RestReviews[_PullRequest]):
    """The pull requests of one host, an open one read in four requests."""

    answer = _PullRequest

    def merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> PullState:
        """Merge it, only if the last commit of its branch is that of ``review``."""
        self._merge(WriteKind.MERGE, pull, review, method, {})
        return self.request(pull).pull.state

    def enable_auto_merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> None:
        """https://docs.gitea.com/usage/automatically-merge-pull-request"""
        self._merge(WriteKind.OTHER, pull, review, method, {"merge_when_checks_succeed": True})

    def base_checks(self, pull: OwnPull) -> Checks:
        """The result of CI for the merge commit, or for the base's tip."""
        request = self.request(pull)
        if request.merged and request.merge_commit_sha:
            return self.checks(pull, request.merge_commit_sha)
        tip = self.host.read_tip(self.branch(pull, request.base.ref))
        return self.checks(pull, tip.id)

    def _merge(
        self,
        kind: WriteKind,
        pull: OwnPull,
        review: PullRequestReview,
        method: MergeMethod | None,
        options: dict[str, object],
    ) -> None:
        style = method.value if method is not None else review.default_method or "merge"
        body = {"do": style, "head_commit_id": review.head, **options}
        self.api.write("POST", f"{self.path(pull)}/merge", kind, json=body)

    def review_of(self, pull: OwnPull) -> PullRequestReview:
        """The state of ``pull``; reviews, rules and CI only of an open one."""
        request = self.request(pull)
        if request.pull.state is not PullState.OPEN:
            return _review(request, (), _Rules(), Checks.NONE)
        reviews = tuple(self.host.items(f"{self.path(pull)}/reviews", _Review))
        rules = self.branch(pull, request.base.ref).body(_Rules)
        return _review(request, reviews, rules, self.checks(pull, request.head.sha))


def _review(
    request: _PullRequest, reviews: Sequence[_Review], rules: _Rules, checks: Checks
) -> PullRequestReview:
    last = {
        review.user.login: review
        for review in sorted(reviews, key=lambda review: review.id)
        if review.user is not None and review.state in ("APPROVED", "REQUEST_CHANGES")
    }
    valid = [review for review in last.values() if not review.dismissed]
    approved_by = [r.user.login for r in valid if r.state == "APPROVED" and r.user is not None]
    teams = (team.name for team in request.requested_reviewers_teams or ())
    decision = _decision(valid, rules)
    return PullRequestReview(
        state=request.pull.state,
        head=request.head.sha,
        base=request.base.ref,
        campaign=request.pull.campaign,
        checks=checks,
        decision=decision,
        # It is false for a draft too.
        merge_status=MergeStatus.MERGEABLE
        if request.mergeable or request.draft
        else MergeStatus.CONFLICTS,
        is_draft=request.draft,
        author=request.user.login if request.user is not None else "",
        reviewers=(*(user.login for user in request.requested_reviewers or ()), *teams),
        approved_by=tuple(approved_by),
        created_at=seconds_since_1970(request.created_at),
        updated_at=seconds_since_1970(request.updated_at),
        auto_merges=None,
        # Gitea keeps a scheduled merge when somebody pushes, so an approval must still be missing.
        can_auto_merge=bool(
            rules.user_can_merge
            and rules.enable_status_check
            and decision is ReviewDecision.REQUIRED
        ),
        may_merge=rules.user_can_merge,
        default_method=request.base.repo.default_merge_style if request.base.repo else "",
    )


def _decision(reviews: Sequence[_Review], rules: _Rules) -> ReviewDecision:
    """What valid ``reviews`` amount to. Anybody can write one that is not official."""
    if any(review.state == "REQUEST_CHANGES" for review in reviews):
        return ReviewDecision.CHANGES_REQUESTED
    approvals = [review for review in reviews if review.official]
    if len(approvals) < rules.required_approvals:
        return ReviewDecision.REQUIRED
    if not rules.required_approvals:
        # Whether an approval of an earlier commit counts is up to the rules, where there are some.
        approvals = [approval for approval in approvals if not approval.stale]
    return ReviewDecision.APPROVED if approvals else ReviewDecision.NONE
