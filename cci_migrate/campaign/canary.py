"""The canary: the first few pull requests, whose CI must pass before others are opened."""

from __future__ import annotations

from collections import Counter

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.ci_gate import CiGate, Gate, canary_verdict
from cci_migrate.campaign.ci_results import read_ci
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.states import NOT_UP_TO_DATE, OPENED, State
from cci_migrate.forges.repository import Kind, RepositoryRef

#: How to do without a canary.
SKIP_CANARY = "continue with --canary 0"


class Canary:
    """The canary has ``size`` pull requests on each server (0: none)."""

    def __init__(self, size: int, ci_gate: CiGate, session: CampaignSession) -> None:
        self.size = size
        self._ci_gate = ci_gate
        self._session = session
        self._passed: set[tuple[Kind, str]] = set()
        self._failed: Counter[tuple[Kind, str]] = Counter()

    def lacks(self, ref: RepositoryRef) -> int:
        """How many repositories the canary on the server of ``ref`` still lacks."""
        return max(self.size - len(self._members(ref)), 0)

    def takes(self, state: State, ref: RepositoryRef) -> bool:
        """Whether the repository ``ref``, which just reached ``state``, joins the canary."""
        if state not in OPENED or ref.server in self._passed:
            return False
        return self.lacks(ref) > 0

    def count_failure(self, ref: RepositoryRef) -> None:
        """Count an attempt on the server of ``ref`` that opened no pull request."""
        self._failed[ref.server] += 1

    def gate(self, ref: RepositoryRef, waiting: int) -> Gate:
        """Whether the next of ``waiting`` pull requests on the server of ``ref`` may be opened now.

        Waits for the canary's CI, at most for the user's patience. Raises HostUnavailable.
        """
        if ref.server in self._passed:
            return Gate.OPEN
        members = self._members(ref)
        failed = self._failed[ref.server]
        if not self.size or len(members) + failed < self.size:
            return Gate.OPEN
        if not members:
            self._session.progress.note(
                f"stopped with {waiting} left: none of the first {failed} pull requests could be "
                f"opened. Fix the cause and run it again, or {SKIP_CANARY}"
            )
            return Gate.SHUT
        gate = self._ci_gate.state(
            lambda: canary_verdict(list(read_ci(members, self._session.host_of))),
            f"{waiting} left",
            SKIP_CANARY,
        )
        if gate is Gate.OPEN:
            self._passed.add(ref.server)
        return gate

    def _members(self, ref: RepositoryRef) -> list[LedgerEntry]:
        """The canary on the server of ``ref``, without what is still to be brought up to date."""
        return [
            entry
            for entry in self._session.ledger.canaries()
            if entry.ref.server == ref.server and entry.state not in NOT_UP_TO_DATE
        ]
