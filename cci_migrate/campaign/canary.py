"""The canary: the first few pull requests, whose CI must pass before others are opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from cci_migrate.campaign.ci_results import CiResult, CiWait, Gate, read_ci
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.states import OPENED, State
from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import Checks, Kind, PullState, RepositoryRef
from cci_migrate.transport.progress import Progress

_NOT_UP_TO_DATE = frozenset({State.LISTED, State.PLANNED, State.APPLYING})


class Canary:
    """The canary has ``size`` pull requests on each host (0: none)."""

    def __init__(
        self,
        size: int,
        wait: CiWait,
        host_of: Callable[[RepositoryRef, str], Host],
        progress: Progress,
    ) -> None:
        self.size = size
        self._wait = wait
        self._host_of = host_of
        self._progress = progress
        self._passed: set[tuple[Kind, str]] = set()
        self._failed: Counter[tuple[Kind, str]] = Counter()

    def lacks(self, ref: RepositoryRef, ledger: Ledger) -> int:
        """How many repositories the canary on the host of ``ref`` still lacks."""
        return max(self.size - len(_canary(ref, ledger)), 0)

    def takes(self, state: State, ref: RepositoryRef, ledger: Ledger) -> bool:
        """Whether the repository ``ref``, which just reached ``state``, joins the canary."""
        if state not in OPENED or _host(ref) in self._passed:
            return False
        return self.lacks(ref, ledger) > 0

    def count_failure(self, ref: RepositoryRef) -> None:
        """Count an attempt on the host of ``ref`` that opened no pull request."""
        self._failed[_host(ref)] += 1

    def gate(self, ref: RepositoryRef, ledger: Ledger, waiting: int) -> Gate:
        """Whether the next of ``waiting`` pull requests on the host of ``ref`` may be opened now.

        Waits for the canary's CI, at most for the user's patience. Raises HostUnavailable.
        """
        if _host(ref) in self._passed:
            return Gate.OPEN
        canary = _canary(ref, ledger)
        failed = self._failed[_host(ref)]
        if not self.size or len(canary) + failed < self.size:
            return Gate.OPEN
        if not canary:
            self._progress.note(
                f"stopped with {waiting} left: none of the first {failed} pull requests could be "
                "opened. Fix the cause and run it again, or continue with --canary 0"
            )
            return Gate.SHUT
        gate, why = self._wait.verdict(lambda: judge(list(read_ci(canary, self._host_of))))
        if gate is Gate.OPEN:
            self._passed.add(_host(ref))
            first = f"{len(canary)} pull requests" if len(canary) > 1 else "pull request"
            self._progress.note(f"the CI of the first {first} passed")
        elif gate is Gate.SHUT:
            self._progress.note(
                f"stopped with {waiting} left: {why}. Fix it, or continue with --canary 0"
            )
        else:
            self._progress.note(
                f"{why}; run `batch apply` again later, or continue with --canary 0"
            )
        return gate


def judge(canary: Sequence[CiResult]) -> tuple[Gate, str]:
    """Whether the CI of ``canary`` passed, and if not, why and on which pull request."""
    for result in canary:
        if result.checks is Checks.FAILED or result.pull is PullState.CLOSED:
            return Gate.SHUT, f"CI failed on {result.url}, or somebody closed it"
    for result in canary:
        if result.pull is not PullState.MERGED and result.checks is not Checks.PASSED:
            state = "has not finished" if result.checks is Checks.PENDING else "has not started"
            return Gate.WAITING, f"CI {state} on {result.url}"
    return Gate.OPEN, ""


def _host(ref: RepositoryRef) -> tuple[Kind, str]:
    return ref.kind, ref.host


def _canary(ref: RepositoryRef, ledger: Ledger) -> list[LedgerEntry]:
    """The canary on the host of ``ref``, without what is still to be brought up to date."""
    return [
        entry
        for entry in ledger.canaries()
        if _host(entry.ref) == _host(ref) and entry.state not in _NOT_UP_TO_DATE
    ]
