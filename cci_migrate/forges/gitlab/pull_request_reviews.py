"""Approvals and merges of merge requests on GitLab.

https://docs.gitlab.com/api/merge_requests/#get-single-mr
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from cci_migrate.forges.gitlab.reading import STATES, MergeRequest, checks_of_status
from cci_migrate.forges.pull_request_reviews import (
    MergeMethod,
    MergeStatus,
    OwnPull,
    PullRequestReview,
    ReviewDecision,
)
from cci_migrate.forges.repository import Checks, PullState, Snapshot, seconds_since_1970
from cci_migrate.forges.rest_reviews import RestReviews
from cci_migrate.transport.host_errors import StaleSnapshot
from cci_migrate.transport.write_kinds import WriteKind

#: https://docs.gitlab.com/api/merge_requests/#merge-status; any other blocks the merge.
_STATUSES = {
    "mergeable": MergeStatus.MERGEABLE,
    "conflict": MergeStatus.CONFLICTS,
    "need_rebase": MergeStatus.BEHIND,
    "approvals_syncing": MergeStatus.UNKNOWN,
    "checking": MergeStatus.UNKNOWN,
    "preparing": MergeStatus.UNKNOWN,
    "unchecked": MergeStatus.UNKNOWN,
}
_UNAPPROVED = frozenset({"not_approved", "code_owners_approval"})


class _User(Struct, frozen=True):
    username: str


class _Pipeline(Struct, frozen=True):
    status: str


class _Rights(Struct, frozen=True):
    can_merge: bool | None = None


class _MergeRequest(MergeRequest, frozen=True, kw_only=True):
    """https://docs.gitlab.com/api/merge_requests/#get-single-mr"""

    sha: str | None
    created_at: datetime
    updated_at: datetime
    target_branch: str
    detailed_merge_status: str
    has_conflicts: bool = False
    draft: bool = False
    author: _User | None = None
    reviewers: tuple[_User, ...] | None = None
    head_pipeline: _Pipeline | None = None
    merge_when_pipeline_succeeds: bool = False
    user: _Rights = _Rights()
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None


class _Approval(Struct, frozen=True):
    user: _User


class _Approvals(Struct, frozen=True):
    """https://docs.gitlab.com/api/merge_request_approvals/"""

    approved_by: tuple[_Approval, ...] = ()


class GitLabReviews(RestReviews[_MergeRequest]):
    """The merge requests of GitLab, each read in two requests.

    A project's settings decide whether GitLab merges with a commit, or rebases and fast-forwards
    (https://docs.gitlab.com/user/project/merge_requests/methods/): REBASE can't be asked for.
    """

    answer = _MergeRequest
    merge_methods = frozenset({MergeMethod.MERGE, MergeMethod.SQUASH})

    def merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> PullState:
        """https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request

        GitLab merges only if ``sha`` is the last commit.
        """
        return self._merge(WriteKind.MERGE, pull, review, method, {})

    def enable_auto_merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> None:
        """https://docs.gitlab.com/user/project/merge_requests/auto_merge/

        GitLab forgets it when a commit is pushed. ``auto_merge`` is new in GitLab 17.11, and older
        versions ignore what they don't know; the other name is deprecated.
        """
        automatic = {"auto_merge": True, "merge_when_pipeline_succeeds": True}
        self._merge(WriteKind.OTHER, pull, review, method, automatic)

    def base_checks(self, pull: OwnPull) -> Checks:
        """The result of all pipelines for the merge commit, or for the base's tip."""
        request = self.request(pull)
        commit = request.target_branch
        if request.pull.state is PullState.MERGED:
            commit = request.merge_commit_sha or request.squash_commit_sha or request.sha or commit
        return self.checks(pull, commit)

    def _merge(
        self,
        kind: WriteKind,
        pull: OwnPull,
        review: PullRequestReview,
        method: MergeMethod | None,
        more: dict[str, bool],
    ) -> PullState:
        body = {"sha": review.head, **more}
        if method is not None:
            body["squash"] = method is MergeMethod.SQUASH
        # Reads of an old name are redirected, writes are not.
        current = Snapshot(pull.ref, node=review.repository)
        path = f"{self.host.pull_path(current, pull.pull.number)}/merge"
        answer = self.api.write("PUT", path, kind, json=body)
        state = STATES.get(answer.body(str, "state"))
        if state is None:
            raise StaleSnapshot("GitLab does not say what became of the merge request")
        return state

    def review_of(self, pull: OwnPull) -> PullRequestReview:
        """The state of ``pull``, with its approvals."""
        request = self.request(pull)
        approvals = self.api.read("GET", f"{self.path(pull)}/approvals").body(_Approvals)
        return _review(request, tuple(each.user.username for each in approvals.approved_by))


def _review(request: _MergeRequest, approved_by: tuple[str, ...]) -> PullRequestReview:
    status = request.detailed_merge_status
    merge_status = _STATUSES.get(status, MergeStatus.BLOCKED)
    if request.has_conflicts:
        merge_status = MergeStatus.CONFLICTS
    checks = checks_of_status(request.head_pipeline.status if request.head_pipeline else None)
    decision = _decision(status, approved_by)
    reviewers = tuple(user.username for user in request.reviewers or ())
    return PullRequestReview(
        state=request.pull.state,
        head=request.sha or "",
        base=request.target_branch,
        campaign=request.pull.campaign,
        checks=checks,
        decision=decision,
        merge_status=merge_status,
        blocked_by=status.replace("_", " ") if merge_status is MergeStatus.BLOCKED else "",
        is_draft=request.draft,
        author=request.author.username if request.author is not None else "",
        reviewers=tuple(name for name in reviewers if name not in approved_by),
        code_owners=reviewers if status == "code_owners_approval" else (),
        approved_by=approved_by,
        created_at=seconds_since_1970(request.created_at),
        updated_at=seconds_since_1970(request.updated_at),
        auto_merges=request.merge_when_pipeline_succeeds,
        can_auto_merge=_can_auto_merge(request, checks, decision),
        may_merge=request.user.can_merge,
        repository=str(request.target_project_id),
    )


def _decision(status: str, approved_by: tuple[str, ...]) -> ReviewDecision:
    if status in _UNAPPROVED:
        return ReviewDecision.REQUIRED
    if status == "requested_changes":
        return ReviewDecision.CHANGES_REQUESTED
    return ReviewDecision.APPROVED if approved_by else ReviewDecision.NONE


def _can_auto_merge(request: _MergeRequest, checks: Checks, decision: ReviewDecision) -> bool:
    """Whether there is something that GitLab can wait for, and it would not merge at once.

    Without a pipeline, and after a failed one, versions of GitLab have merged at once
    (https://gitlab.com/gitlab-org/gitlab/-/issues/37292,
    https://gitlab.com/gitlab-org/gitlab-ce/issues/56698).
    """
    if request.user.can_merge is False or request.head_pipeline is None:
        return False
    if checks is Checks.PENDING:
        return decision in (ReviewDecision.APPROVED, ReviewDecision.REQUIRED)
    return checks is Checks.PASSED and decision is ReviewDecision.REQUIRED
