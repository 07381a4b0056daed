"""What each open pull request waits for, whom it waits for, and since when."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Any

from msgspec import Struct

from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.forges.pull_request_reviews import MergeStatus, PullRequestReview, ReviewDecision
from cci_migrate.forges.repository import Checks, PullState


class WaitsFor(Enum):
    """What an open pull request waits for. The values are stable: results show them.

    They are in the order in which a summary lists them.
    """

    REVIEW = "review"
    MERGE = "merge"
    CI_FAILURE = "ci-failure"
    BASE = "base"
    CONFLICTS = "conflicts"
    CHANGES = "requested-changes"
    CI = "ci"
    AUTO_MERGE = "auto-merge"
    UPDATE = "branch-update"
    DRAFT = "draft"
    RULE = "rule"
    HOST = "host"


#: What a summary says after the number of pull requests.
_COUNTED = {
    WaitsFor.REVIEW: "wait for review",
    WaitsFor.MERGE: "approved and green",
    WaitsFor.CI_FAILURE: "CI failed",
    WaitsFor.BASE: "with another base",
    WaitsFor.CONFLICTS: "with conflicts",
    WaitsFor.CHANGES: "with changes requested",
    WaitsFor.CI: "wait for CI",
    WaitsFor.AUTO_MERGE: "merge automatically",
    WaitsFor.UPDATE: "behind their base",
    WaitsFor.DRAFT: "drafts",
    WaitsFor.RULE: "blocked by a rule",
    WaitsFor.HOST: "not checked by the host yet",
}
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


class Wait(Struct, frozen=True):
    """What a pull request waits for, and the names of those who have to act; often nobody's."""

    kind: WaitsFor
    names: tuple[str, ...] = ()
    detail: str = ""

    @property
    def text(self) -> str:
        """The wait in words: ``review by ada, acme/ops``."""
        names = ", ".join(self.names)
        match self.kind:
            case WaitsFor.REVIEW:
                return f"review by {names}" if names else "review; nobody is asked"
            case WaitsFor.MERGE:
                return "the merge button: approved and green"
            case WaitsFor.CI_FAILURE:
                return f"{names}: CI failed"
            case WaitsFor.BASE:
                return f"{names}: {self.detail}"
            case WaitsFor.CONFLICTS:
                return f"{names}: conflicts with its base"
            case WaitsFor.CHANGES:
                return f"{names}: changes requested"
            case WaitsFor.CI:
                return f"CI, which {self.detail}"
            case WaitsFor.AUTO_MERGE:
                return "the host, which merges it"
            case WaitsFor.UPDATE:
                return f"{names}: behind its base"
            case WaitsFor.DRAFT:
                return f"{names}: a draft"
            case WaitsFor.RULE:
                return f"a rule of the host{f': {self.detail}' if self.detail else ''}"
            case WaitsFor.HOST:
                return "the host, which checks whether it can be merged"


def wait_of(review: PullRequestReview, base: str) -> Wait:
    """What the open pull request of ``review`` waits for: the first thing that has to happen.

    ``base`` is the branch that the change is planned for. Reviews and CI say nothing of the change
    on another one.
    """
    author = (f"author {review.author}" if review.author else "author",)
    if review.base != base:
        return Wait(WaitsFor.BASE, author, f"its base is {review.base}, planned for {base}")
    if review.is_draft:
        return Wait(WaitsFor.DRAFT, author)
    if review.merge_status is MergeStatus.CONFLICTS:
        return Wait(WaitsFor.CONFLICTS, author)
    if review.checks is Checks.FAILED:
        return Wait(WaitsFor.CI_FAILURE, author)
    if review.decision is ReviewDecision.CHANGES_REQUESTED:
        return Wait(WaitsFor.CHANGES, author)
    if review.decision is not ReviewDecision.APPROVED:
        return Wait(WaitsFor.REVIEW, _reviewers(review))
    if review.checks is not Checks.PASSED:
        state = "is running" if review.checks is Checks.PENDING else "has not started"
        return Wait(WaitsFor.CI, detail=state)
    if review.merge_status is MergeStatus.BEHIND:
        return Wait(WaitsFor.UPDATE, author)
    if review.auto_merges:
        return Wait(WaitsFor.AUTO_MERGE)
    if review.merge_status is MergeStatus.BLOCKED:
        return Wait(WaitsFor.RULE, detail=review.blocked_by)
    if review.merge_status is MergeStatus.UNKNOWN:
        return Wait(WaitsFor.HOST)
    return Wait(WaitsFor.MERGE)


def _reviewers(review: PullRequestReview) -> tuple[str, ...]:
    """Who is asked, the owners of the code first."""
    owners = tuple(f"code owner {name}" for name in review.code_owners)
    return owners + tuple(name for name in review.reviewers if name not in review.code_owners)


class WaitingPull(Struct, frozen=True):
    """An open pull request of a campaign, which waits since ``since`` (seconds since 1970)."""

    key: str
    label: str
    url: str
    wait: Wait
    since: float

    @property
    def name(self) -> str:
        """Its name for people: its address, or the repository's name without one."""
        return self.url or self.label


def waiting_pull(entry: LedgerEntry) -> WaitingPull | None:
    """The open pull request of ``entry``, if its review was read."""
    review, pull = entry.review, entry.pull
    if review is None or pull is None or review.state is not PullState.OPEN:
        return None
    wait = wait_of(review, entry.base)
    return WaitingPull(entry.ref.key, entry.ref.label, pull.url, wait, entry.waits_since)


def longest_first(entries: Iterable[LedgerEntry]) -> list[WaitingPull]:
    """The open pull requests of ``entries``, the longest waiting first."""
    pulls = [pull for pull in map(waiting_pull, entries) if pull is not None]
    return sorted(pulls, key=lambda pull: (pull.since, pull.key))


def waits_summary(pulls: Iterable[WaitingPull]) -> str:
    """How many are open, and what they wait for: ``412 open: 300 wait for review, ...``."""
    counts = Counter(pull.wait.kind for pull in pulls)
    parts = ", ".join(f"{counts[kind]} {_COUNTED[kind]}" for kind in WaitsFor if counts[kind])
    return f"{sum(counts.values())} open: {parts}" if parts else "0 open"


def duration(seconds: float) -> str:
    """A time span for people, in its largest unit: ``12 d``, ``3 h``, ``5 min``."""
    if seconds >= _DAY:
        return f"{int(seconds // _DAY)} d"
    if seconds >= _HOUR:
        return f"{int(seconds // _HOUR)} h"
    return f"{max(0, int(seconds // _MINUTE))} min"


def wait_record(entry: LedgerEntry) -> dict[str, Any] | None:
    """The review of the open pull request of ``entry`` as results.jsonl has it."""
    pull, review = waiting_pull(entry), entry.review
    if pull is None or review is None:
        return None
    return {
        "waits_for": pull.wait.kind,
        "names": pull.wait.names,
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(pull.since)),
        "text": pull.wait.text,
        "checks": review.checks,
        "decision": review.decision,
        "merge_status": review.merge_status,
        "is_draft": review.is_draft,
        "auto_merges": review.auto_merges,
        "reviewers": review.reviewers,
        "approved_by": review.approved_by,
    }
