"""What each open pull request waits for, whom it waits for, and since when."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.states import WithMeaning
from cci_migrate.forges.pull_request_reviews import MergeStatus, PullRequestReview, ReviewDecision
from cci_migrate.forges.repository import Checks, PullState


class WaitsFor(WithMeaning):
    """What an open pull request waits for; a summary says the meaning after the number of them.

    It lists them in this order.
    """

    REVIEW = "review", "wait for review"
    MERGE = "merge", "approved and green"
    CI_FAILURE = "ci-failure", "CI failed"
    BASE = "base", "with another base"
    CONFLICTS = "conflicts", "with conflicts"
    CHANGES = "requested-changes", "with changes requested"
    CI = "ci", "wait for CI"
    AUTO_MERGE = "auto-merge", "merge automatically"
    UPDATE = "branch-update", "behind their base"
    DRAFT = "draft", "drafts"
    RULE = "rule", "blocked by a rule"
    HOST = "host", "not checked by the host yet"


_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


class Wait(Struct, frozen=True):
    """What a pull request waits for, in words: ``review by ada, acme/ops``."""

    kind: WaitsFor
    text: str
    names: tuple[str, ...] = ()


def wait_of(review: PullRequestReview, base: str) -> Wait:
    """What the open pull request of ``review`` waits for: the first thing that has to happen.

    ``base`` is the branch that the change is planned for. Reviews and CI say nothing of the change
    on another one.
    """
    author = f"author {review.author}" if review.author else "author"

    def of_author(kind: WaitsFor, why: str) -> Wait:
        return Wait(kind, f"{author}: {why}", (author,))

    if review.base != base:
        why = f"its base is {review.base}, planned for {base}"
        return of_author(WaitsFor.BASE, why)
    if review.is_draft:
        return of_author(WaitsFor.DRAFT, "a draft")
    if review.merge_status is MergeStatus.CONFLICTS:
        return of_author(WaitsFor.CONFLICTS, "conflicts with its base")
    if review.checks is Checks.FAILED:
        return of_author(WaitsFor.CI_FAILURE, "CI failed")
    if review.decision is ReviewDecision.CHANGES_REQUESTED:
        return of_author(WaitsFor.CHANGES, "changes requested")
    if review.decision is not ReviewDecision.APPROVED:
        names = _reviewers(review)
        text = f"review by {', '.join(names)}" if names else "review; nobody is asked"
        return Wait(WaitsFor.REVIEW, text, names)
    if review.checks is not Checks.PASSED:
        state = "is running" if review.checks is Checks.PENDING else "has not started"
        return Wait(WaitsFor.CI, f"CI, which {state}")
    if review.merge_status is MergeStatus.BEHIND:
        return of_author(WaitsFor.UPDATE, "behind its base")
    if review.auto_merges:
        return Wait(WaitsFor.AUTO_MERGE, "the host, which merges it")
    if review.merge_status is MergeStatus.BLOCKED:
        rule = f": {review.blocked_by}" if review.blocked_by else ""
        return Wait(WaitsFor.RULE, f"a rule of the host{rule}")
    if review.merge_status is MergeStatus.UNKNOWN:
        return Wait(WaitsFor.HOST, "the host, which checks whether it can be merged")
    return Wait(WaitsFor.MERGE, "the merge button: approved and green")


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
    parts = ", ".join(f"{counts[kind]} {kind.meaning}" for kind in WaitsFor if counts[kind])
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
