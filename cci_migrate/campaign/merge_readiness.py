"""Whether a campaign may merge its own pull request now, have the host merge it, or has to wait."""

from __future__ import annotations

from collections.abc import Set
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.pull_request_waits import WaitsFor, wait_of
from cci_migrate.campaign.states import State
from cci_migrate.forges.pull_request_reviews import MergeMethod, PullRequestReview, ReviewDecision

#: The waits that end without the author: the host can wait for them too.
_PASSING = frozenset({WaitsFor.REVIEW, WaitsFor.CI, WaitsFor.RULE, WaitsFor.MERGE})


class MergeOptions(Struct, frozen=True):
    """The options of one run of `batch merge-when-green`.

    ``method`` None: as each repository usually does. ``merges_unreviewed``: merge also what nobody
    reviewed, where the host requires no review.
    """

    method: MergeMethod | None = None
    merges_unreviewed: bool = False
    uses_auto_merge: bool = True
    is_dry_run: bool = False


class MergeStep(Enum):
    """What to do with a pull request."""

    MERGE = "merge"
    AUTO_MERGE = "have the host merge it"
    WAIT = "wait"


class Readiness(Struct, frozen=True):
    """The next ``step`` with a pull request, and for WAIT the reason."""

    step: MergeStep
    reason: str = ""


def readiness(
    entry: LedgerEntry, review: PullRequestReview, campaigns: Set[str], options: MergeOptions
) -> Readiness:
    """The next step with the open pull request of ``entry``; ``campaigns`` are the campaign's ids.

    Only the commit that the campaign wrote is merged: never one that somebody added.
    """
    problem = _problem(entry, review, campaigns)
    if problem:
        return Readiness(MergeStep.WAIT, problem)
    if options.merges_unreviewed and review.decision is ReviewDecision.NONE:
        review = replace(review, decision=ReviewDecision.APPROVED)
    wait = wait_of(review, entry.base)
    waiting = Readiness(MergeStep.WAIT, f"waits for {wait.text}")
    if review.auto_merges:
        return waiting
    if wait.kind is WaitsFor.MERGE and not review.has_merge_queue:
        return Readiness(MergeStep.MERGE)
    is_asked = review.auto_merges is None and entry.merge is not None and entry.merge.is_automatic
    is_possible = review.can_auto_merge and wait.kind in _PASSING and not is_asked
    if is_possible and (options.uses_auto_merge or review.has_merge_queue):
        return Readiness(MergeStep.AUTO_MERGE)
    return waiting


def _problem(entry: LedgerEntry, review: PullRequestReview, campaigns: Set[str]) -> str:
    """Why the campaign must leave the pull request alone; empty if it may merge it."""
    if entry.pull is None or not entry.pull.is_ours or review.campaign not in campaigns:
        return "does not name this campaign any more; left as it is"
    if not entry.branch:
        return "the campaign has no record of its commit; merge it by hand"
    if not review.has_head(entry.branch):
        return "somebody else committed to its branch; merge it by hand"
    if entry.state is State.PLANNED:
        return "another change is planned; run `batch apply` first"
    if review.may_merge is False:
        return "the token can't merge it"
    return ""
