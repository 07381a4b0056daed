"""The canaries: the first few pull requests or merges, whose CI must pass before the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.ci_gate import (
    CiGate,
    Gate,
    GateVerdict,
    canary_verdict,
    merges_verdict,
)
from cci_migrate.campaign.ci_results import read_bases, read_ci
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.states import ENDED, NOT_UP_TO_DATE, OPENED, State
from cci_migrate.forges.pull_request_reviews import Reviews
from cci_migrate.forges.repository import Kind, PullState, RepositoryRef

#: How to do without a canary.
_SKIP = "continue with --canary 0"


class _Gates:
    """A gate for each server, behind the first ``size`` writes there (0: none)."""

    def __init__(self, size: int, ci_gate: CiGate) -> None:
        self.size = size
        self._ci_gate = ci_gate
        self._passed: set[tuple[Kind, str]] = set()

    def has_passed(self, ref: RepositoryRef) -> bool:
        """Whether the canary on the server of ``ref`` passed in this run, or there is none."""
        return not self.size or ref.server in self._passed

    def _state(self, ref: RepositoryRef, judge: Callable[[], GateVerdict], left: str) -> Gate:
        gate = self._ci_gate.state(judge, left, _SKIP)
        if gate is Gate.OPEN:
            self._passed.add(ref.server)
        return gate


class Canary(_Gates):
    """The first pull requests."""

    def __init__(self, size: int, ci_gate: CiGate, session: CampaignSession) -> None:
        super().__init__(size, ci_gate)
        self._session = session
        self._failed: Counter[tuple[Kind, str]] = Counter()

    def lacks(self, ref: RepositoryRef) -> int:
        """How many repositories the canary on the server of ``ref`` still lacks."""
        return max(self.size - len(self._members(ref)), 0)

    def takes(self, state: State, ref: RepositoryRef) -> bool:
        """Whether the repository ``ref``, which just reached ``state``, joins the canary."""
        return state in OPENED and not self.has_passed(ref) and self.lacks(ref) > 0

    def count_failure(self, ref: RepositoryRef) -> None:
        """Count an attempt on the server of ``ref`` that opened no pull request."""
        self._failed[ref.server] += 1

    def gate(self, ref: RepositoryRef, waiting: int) -> Gate:
        """Whether the next of ``waiting`` pull requests on the server of ``ref`` may be opened now.

        Waits for the canary's CI, at most for the user's patience. Raises HostUnavailable.
        """
        if self.has_passed(ref):
            return Gate.OPEN
        members, failed = self._members(ref), self._failed[ref.server]
        if len(members) + failed < self.size:
            return Gate.OPEN
        if not members:
            self._session.progress.note(
                f"stopped with {waiting} left: none of the first {failed} pull requests could be "
                f"opened. Fix the cause and run it again, or {_SKIP}"
            )
            return Gate.SHUT
        return self._state(
            ref,
            lambda: canary_verdict(list(read_ci(members, self._session.host_of))),
            f"{waiting} left",
        )

    def _members(self, ref: RepositoryRef) -> list[LedgerEntry]:
        """The canary on the server of ``ref``, without what is still to be brought up to date."""
        return [
            entry
            for entry in self._session.ledger.canaries()
            if entry.ref.server == ref.server and entry.state not in NOT_UP_TO_DATE
        ]


class MergeCanary(_Gates):
    """The first merges. They are recorded, so that a later run does not begin with others."""

    def takes(self, ref: RepositoryRef, ledger: Ledger) -> bool:
        """Whether the next merge on the server of ``ref`` belongs to the canary."""
        return not self.has_passed(ref) and len(_merged(ref, ledger)) < self.size

    def gate(self, reviews: Reviews, ref: RepositoryRef, ledger: Ledger, waiting: int) -> Gate:
        """Whether the next of ``waiting`` merges on the server of ``ref`` may be made now.

        Waits for CI of the default branches, at most for the user's patience. Raises
        HostUnavailable.
        """
        if self.has_passed(ref):
            return Gate.OPEN
        merged = _merged(ref, ledger)
        if len(merged) < self.size:
            return Gate.OPEN
        return self._state(
            ref,
            lambda: merges_verdict(read_bases(reviews, merged), len(merged)),
            f"{waiting} left to merge",
        )


def _merged(ref: RepositoryRef, ledger: Ledger) -> list[LedgerEntry]:
    """The merged pull requests of the canary on the server of ``ref``.

    Not those that were reverted. One whose repository needs another change is still a member.
    """
    return [
        entry
        for entry in ledger.entries(set(State) - ENDED)
        if entry.merge is not None
        and entry.merge.is_canary
        and entry.pull_state is PullState.MERGED
        and entry.ref.server == ref.server
    ]
