"""Reviews and merges of pull requests on GitHub.

https://docs.github.com/en/graphql/reference/objects#pullrequest
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from cci_migrate.forges.campaign_identity import campaign_of_pull_request
from cci_migrate.forges.github import queries
from cci_migrate.forges.github.reading import CheckedCommit, CheckedReference, PullCommit, checks_of
from cci_migrate.forges.pull_request_reviews import (
    MergeMethod,
    MergeStatus,
    OwnPull,
    PullRequestReview,
    ReviewDecision,
)
from cci_migrate.forges.repository import (
    Blocker,
    Checks,
    PullState,
    RepositoryRef,
    Unreadable,
    seconds_since_1970,
)
from cci_migrate.forges.repository_errors import FATAL_ERRORS, describe_error
from cci_migrate.transport.graphql import Graphql, Nodes, NodesPage
from cci_migrate.transport.host_errors import HostError, OverloadedError
from cci_migrate.transport.http import Api, documented
from cci_migrate.transport.page_size import PageSize
from cci_migrate.transport.parallel_reads import asking_for_less, read_chunks
from cci_migrate.transport.write_kinds import WriteKind

#: https://docs.github.com/en/graphql/reference/enums#mergestatestatus. UNSTABLE: a check that no
#: rule requires has not passed, which ``checks`` shows too.
_STATUSES = {
    "CLEAN": MergeStatus.MERGEABLE,
    "HAS_HOOKS": MergeStatus.MERGEABLE,
    "UNSTABLE": MergeStatus.MERGEABLE,
    "DIRTY": MergeStatus.CONFLICTS,
    "BEHIND": MergeStatus.BEHIND,
    "BLOCKED": MergeStatus.BLOCKED,
    "DRAFT": MergeStatus.BLOCKED,
}
_DECISIONS = {
    "APPROVED": ReviewDecision.APPROVED,
    "CHANGES_REQUESTED": ReviewDecision.CHANGES_REQUESTED,
    "REVIEW_REQUIRED": ReviewDecision.REQUIRED,
}
#: The lowest roles that may merge: https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
_MAY_MERGE = frozenset({"ADMIN", "MAINTAIN", "WRITE"})
#: What a token may lack the permission for; the types of errors that don't pass.
_REFUSALS = frozenset({"NOT_FOUND", "FORBIDDEN", "INSUFFICIENT_SCOPES"})
#: The field of a reviewer, without which the rest is of use.
_REVIEWER = "requestedReviewer"
#: The reviewer whose name the token may not read: a team's takes the scope read:org.
_UNNAMED = "a team"


class _Actor(Struct, frozen=True, rename="camel"):
    """A user or an app, by its ``login``, or a team, by its ``combined_slug``."""

    login: str = ""
    combined_slug: str = ""


class _ReviewRequest(Struct, frozen=True, rename="camel"):
    as_code_owner: bool
    requested_reviewer: _Actor | None = None

    @property
    def name(self) -> str:
        reviewer = self.requested_reviewer
        return (reviewer.combined_slug or reviewer.login) if reviewer is not None else _UNNAMED


class _ReviewedCommit(Struct, frozen=True):
    oid: str


class _Opinion(Struct, frozen=True):
    state: str
    author: _Actor | None = None
    commit: _ReviewedCommit | None = None

    def approves(self, head: str) -> bool:
        """Whether it approves the commit ``head``, not an earlier one."""
        return self.state == "APPROVED" and self.commit is not None and self.commit.oid == head


class _MergedInto(Struct, frozen=True, rename="camel"):
    viewer_permission: str | None = None
    viewer_default_merge_method: str = ""


class _PullNode(Struct, frozen=True, rename="camel"):
    """The answer to the ``review`` fragment."""

    state: str
    body: str
    is_draft: bool
    head_ref_oid: str
    base_ref_name: str
    created_at: datetime
    updated_at: datetime
    mergeable: str
    merge_state_status: str
    repository: _MergedInto
    is_merge_queue_enabled: bool
    viewer_can_enable_auto_merge: bool
    commits: Nodes[PullCommit]
    review_requests: NodesPage[_ReviewRequest] | None
    latest_opinionated_reviews: NodesPage[_Opinion] | None
    review_decision: str | None = None
    auto_merge_request: dict[str, Any] | None = None
    author: _Actor | None = None


class _MergedPull(Struct, frozen=True, rename="camel"):
    """The answer to `queries.BASE_CHECKS`."""

    merge_commit: CheckedCommit | None = None
    base_ref: CheckedReference | None = None


def no_answer(ref: RepositoryRef, error: OverloadedError) -> Unreadable:
    """The repository ``ref``, for which alone GitHub does not answer either."""
    return Unreadable(ref, Blocker.FAILED, f"GitHub does not answer ({error})")


class GitHubReviews:
    """The pull requests of GitHub under one identity."""

    merge_methods = frozenset(MergeMethod)

    def __init__(self, api: Api, graphql: Graphql) -> None:
        self._api = api
        self._graphql = graphql
        self._page = PageSize()

    def read(self, pulls: Sequence[OwnPull]) -> Iterator[PullRequestReview | Unreadable]:
        """The state of each of ``pulls``, some forty in a request."""
        return read_chunks(
            self._api.threads,
            self._page,
            self._read_chunk,
            pulls,
            asking_for_less(self._page, self._api.pause),
            lambda pull, error: no_answer(pull.ref, error),
        )

    def wait_for_turn(self, kind: WriteKind) -> None:
        """Wait until a write of ``kind`` is allowed."""
        self._api.wait_for_turn(kind)

    def merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> PullState:
        """https://docs.github.com/en/graphql/reference/mutations#mergepullrequest

        GitHub merges only if ``expectedHeadOid`` is the last commit.
        """
        fields = _merging(pull, review, method)
        route = ("pullRequest", "state")
        state = self._graphql.mutate(queries.MERGE, fields, str, *route, write=WriteKind.MERGE)
        return PullState(state.lower())

    def enable_auto_merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> None:
        """https://docs.github.com/en/graphql/reference/mutations#enablepullrequestautomerge

        Where the base has a merge queue, this adds the pull request to it.
        """
        fields = _merging(pull, review, method)
        self._graphql.mutate(queries.AUTO_MERGE, fields, dict[str, object])

    def base_checks(self, pull: OwnPull) -> Checks:
        """The result of CI for the merge commit, or for the base's tip."""
        variables = {"id": pull.pull.node}
        merged = self._graphql.ask_for_all(queries.BASE_CHECKS, variables, _MergedPull, "node")
        return checks_of(merged.merge_commit, merged.base_ref)

    def _read_chunk(self, pulls: Sequence[OwnPull]) -> list[PullRequestReview | Unreadable]:
        variables = {"ids": [pull.pull.node for pull in pulls]}
        kind = list[dict[str, Any] | None]
        partial = self._graphql.ask(queries.REVIEWS, variables, kind, "nodes")
        # Without its reviews or its CI, a pull request might seem ready.
        missing = partial.errors_by_item(1, except_in=_REVIEWER)
        if len(partial.data) != len(pulls):
            raise OverloadedError("an answer that is not complete")
        reviews: list[PullRequestReview | Unreadable] = []
        for at, (pull, node) in enumerate(zip(pulls, partial.data, strict=True)):
            problem = missing.get(at)
            if problem is not None and problem.type not in _REFUSALS:
                raise OverloadedError(problem.message)
            if problem is not None or not node:
                cause = problem.message if problem is not None else "not found"
                reviews.append(Unreadable(pull.ref, Blocker.NOT_FOUND, cause))
                continue
            try:
                reviews.append(self._review(pull, documented(node, _PullNode)))
            except (OverloadedError, *FATAL_ERRORS):
                raise
            except Exception as error:  # noqa: BLE001 - the other pull requests go on
                reviews.append(Unreadable(pull.ref, Blocker.FAILED, describe_error(error)))
        return reviews

    def _review(self, pull: OwnPull, node: _PullNode) -> PullRequestReview:
        requests = self._all(pull, "reviewRequests", node.review_requests, _ReviewRequest)
        opinions = self._all(
            pull, "latestOpinionatedReviews", node.latest_opinionated_reviews, _Opinion
        )
        checks = next((commit.commit.checks for commit in node.commits.present), Checks.NONE)
        approved_by = tuple(
            opinion.author.login
            for opinion in opinions
            if opinion.state == "APPROVED" and opinion.author is not None
        )
        decision = _decision(node.review_decision, opinions, node.head_ref_oid)
        status = _STATUSES.get(node.merge_state_status, MergeStatus.UNKNOWN)
        if node.mergeable == "CONFLICTING":
            status = MergeStatus.CONFLICTS
        return PullRequestReview(
            state=PullState(node.state.lower()),
            head=node.head_ref_oid,
            base=node.base_ref_name,
            campaign=campaign_of_pull_request(node.body),
            checks=checks,
            decision=decision,
            merge_status=status,
            is_draft=node.is_draft,
            author=node.author.login if node.author is not None else "",
            reviewers=tuple(request.name for request in requests),
            code_owners=tuple(request.name for request in requests if request.as_code_owner),
            approved_by=approved_by,
            created_at=seconds_since_1970(node.created_at),
            updated_at=seconds_since_1970(node.updated_at),
            auto_merges=node.auto_merge_request is not None,
            can_auto_merge=_can_auto_merge(node, checks, decision),
            has_merge_queue=node.is_merge_queue_enabled,
            may_merge=_may_merge(node.repository.viewer_permission),
            default_method=node.repository.viewer_default_merge_method,
        )

    def _all(
        self, pull: OwnPull, name: str, page: NodesPage[Any] | None, kind: type[Any]
    ) -> list[Any]:
        """The items on all pages of a list of ``pull``, of which ``page`` is the first."""
        if page is None:
            raise HostError(f"GitHub does not show its {name}")
        items = page.present
        while page.cursor:
            variables = {"id": pull.pull.node, "after": page.cursor}
            page = self._graphql.ask_for_all(
                queries.further(name),
                variables,
                NodesPage[kind],  # type: ignore[valid-type]
                "node",
                name,
            )
            items += page.present
        return items


def _merging(
    pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
) -> dict[str, str]:
    chosen = method.name if method is not None else review.default_method
    fields = {"pullRequestId": pull.pull.node, "expectedHeadOid": review.head}
    return {**fields, "mergeMethod": chosen} if chosen else fields


def _may_merge(permission: str | None) -> bool | None:
    """Whether a role may merge; None without one: GitHub has none for an App."""
    return None if permission is None else permission in _MAY_MERGE


def _decision(decision: str | None, opinions: Sequence[_Opinion], head: str) -> ReviewDecision:
    """What reviews amount to; ``head`` is the last commit.

    GitHub has no decision where no rule requires a review: then the reviews themselves count, but
    no approval of an earlier change.
    """
    if decision is not None:
        return _DECISIONS.get(decision, ReviewDecision.REQUIRED)
    if any(opinion.state == "CHANGES_REQUESTED" for opinion in opinions):
        return ReviewDecision.CHANGES_REQUESTED
    is_approved = any(opinion.approves(head) for opinion in opinions)
    return ReviewDecision.APPROVED if is_approved else ReviewDecision.NONE


def _can_auto_merge(node: _PullNode, checks: Checks, decision: ReviewDecision) -> bool:
    """Whether GitHub, merging by itself, would merge only what CI passed and somebody reviewed.

    It waits for the checks and reviews that rules require, and stays enabled when somebody with
    write access pushes: so the checks must have passed, and the approval must still be missing.
    https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/automatically-merging-a-pull-request
    """
    if checks is not Checks.PASSED:
        return False
    if node.is_merge_queue_enabled and decision is ReviewDecision.APPROVED:
        return True
    return node.viewer_can_enable_auto_merge and decision is ReviewDecision.REQUIRED
