"""The canary: the first few pull requests, whose CI must pass before others are opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum

from cci_migrate.campaign.isolation import observe_each
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.states import OPENED, State
from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import Checks, Kind, PullState, RepositoryRef, Snapshot
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress

#: Seconds between two requests for the state of the canary's CI.
POLL = 60.0
_NOT_UP_TO_DATE = frozenset({State.LISTED, State.PLANNED, State.APPLYING})


class Gate(Enum):
    """Whether further pull requests may be opened."""

    OPEN = "open"
    WAITING = "waiting"
    SHUT = "shut"


class Canary:
    """The canary has ``size`` pull requests on each host (0: none).

    Waits ``patience`` seconds for their CI.
    """

    def __init__(
        self,
        size: int,
        patience: float,
        host_of: Callable[[RepositoryRef, str], Host],
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._size = size
        self._patience = patience
        self._host_of = host_of
        self._clock = clock
        self._progress = progress
        self._passed: set[tuple[Kind, str]] = set()
        self._failed: Counter[tuple[Kind, str]] = Counter()

    def takes(self, state: State, ref: RepositoryRef, ledger: Ledger) -> bool:
        """Whether the repository ``ref``, which just reached ``state``, joins the canary."""
        if state not in OPENED or _host(ref) in self._passed:
            return False
        return len(_canary(ref, ledger)) < self._size

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
        if not self._size or len(canary) + failed < self._size:
            return Gate.OPEN
        if not canary:
            self._progress.note(
                f"stopped with {waiting} left: none of the first {failed} pull requests could be "
                "opened. Fix the cause and run it again, or continue with --canary 0"
            )
            return Gate.SHUT
        started_at = self._clock.now()
        while True:
            verdict, why = judge(canary, self._host_of)
            if verdict is Gate.OPEN:
                self._passed.add(_host(ref))
                self._progress.note(f"the CI of the first {len(canary)} pull requests passed")
                return verdict
            if verdict is Gate.SHUT:
                self._progress.note(
                    f"stopped with {waiting} left: {why}. Fix it, or continue with --canary 0"
                )
                return verdict
            left = started_at + self._patience - self._clock.now()
            if left <= 0:
                self._progress.note(
                    f"{why}; run `batch apply` again later, or continue with --canary 0"
                )
                return verdict
            self._progress.waiting(self._clock.now() + min(POLL, left), why)
            self._clock.sleep(min(POLL, left))


def judge(
    canary: list[LedgerEntry], host_of: Callable[[RepositoryRef, str], Host]
) -> tuple[Gate, str]:
    """Whether the CI of ``canary`` passed, and if not, why and on which pull request."""
    verdicts = [(entry, _checks(entry, host_of(entry.ref, entry.branch_name))) for entry in canary]
    for entry, checks in verdicts:
        if checks is Checks.FAILED:
            return Gate.SHUT, f"CI failed on {_url(entry)}, or somebody closed it"
    for entry, checks in verdicts:
        if checks is not Checks.PASSED:
            state = "has not finished" if checks is Checks.PENDING else "has not started"
            return Gate.WAITING, f"CI {state} on {_url(entry)}"
    return Gate.OPEN, ""


def _checks(entry: LedgerEntry, host: Host) -> Checks:
    observation = next(observe_each(host, [entry.ref]))
    if not isinstance(observation, Snapshot) or observation.pull is None:
        return Checks.NONE
    if observation.pull.state is PullState.MERGED:
        return Checks.PASSED
    if observation.pull.state is PullState.CLOSED:
        return Checks.FAILED
    return host.checks(observation)


def _host(ref: RepositoryRef) -> tuple[Kind, str]:
    return ref.kind, ref.host


def _canary(ref: RepositoryRef, ledger: Ledger) -> list[LedgerEntry]:
    """The canary on the host of ``ref``, without what is still to be brought up to date."""
    return [
        entry
        for entry in ledger.canaries()
        if _host(entry.ref) == _host(ref) and entry.state not in _NOT_UP_TO_DATE
    ]


def _url(entry: LedgerEntry) -> str:
    return entry.pull.url if entry.pull is not None else entry.ref.label
