"""The canary of merges: the first few, after which CI of the default branch must be as before."""

from __future__ import annotations

from cci_migrate.campaign.canary import SKIP_CANARY
from cci_migrate.campaign.ci_gate import CiGate, Gate, merges_verdict
from cci_migrate.campaign.ci_results import read_bases
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.states import ENDED, State
from cci_migrate.forges.pull_request_reviews import Reviews
from cci_migrate.forges.repository import Kind, PullState, RepositoryRef


class MergeCanary:
    """The canary has ``size`` merges on each host (0: none).

    It is recorded, so that a later run does not begin with another one.
    """

    def __init__(self, size: int, ci_gate: CiGate) -> None:
        self._size = size
        self._ci_gate = ci_gate
        self._passed: set[tuple[Kind, str]] = set()

    def takes(self, ref: RepositoryRef, ledger: Ledger) -> bool:
        """Whether the next merge on the host of ``ref`` belongs to the canary."""
        if not self._size or ref.server in self._passed:
            return False
        return len(_members(ref, ledger)) < self._size

    def gate(self, reviews: Reviews, ref: RepositoryRef, ledger: Ledger, waiting: int) -> Gate:
        """Whether the next of ``waiting`` merges on the host of ``ref`` may be made now.

        Waits for CI of the default branches, at most for the user's patience. Raises
        HostUnavailable.
        """
        members = _members(ref, ledger)
        is_short = len(members) < self._size
        if is_short or not self._size or ref.server in self._passed:
            return Gate.OPEN
        gate = self._ci_gate.state(
            lambda: merges_verdict(read_bases(reviews, members), len(members)),
            f"{waiting} left to merge",
            SKIP_CANARY,
        )
        if gate is Gate.OPEN:
            self._passed.add(ref.server)
        return gate

    def has_passed(self, ref: RepositoryRef) -> bool:
        """Whether the canary on the host of ``ref`` passed in this run, or there is none."""
        return not self._size or ref.server in self._passed


def _members(ref: RepositoryRef, ledger: Ledger) -> list[LedgerEntry]:
    """The merged pull requests of the canary on the host of ``ref``.

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
