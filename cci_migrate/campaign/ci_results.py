"""The CI of the campaign's pull requests, read from their hosts, and waiting for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum

from msgspec import Struct

from cci_migrate.campaign.host_groups import group_by_host
from cci_migrate.campaign.isolation import observe_each
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import Checks, PullState, RepositoryRef, Snapshot, Unreadable
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress

#: Seconds between two requests for the state of CI.
POLL = 60.0
#: Repositories observed in one request.
CHUNK = 40


class CiResult(Struct, frozen=True):
    """The CI of a pull request. ``pull`` is its state; None if it could not be read."""

    entry: LedgerEntry
    pull: PullState | None
    checks: Checks = Checks.NONE

    @property
    def url(self) -> str:
        """The address of the pull request."""
        return self.entry.pull.url if self.entry.pull is not None else self.entry.ref.label


def read_ci(
    entries: Iterable[LedgerEntry], host_of: Callable[[RepositoryRef, str], Host]
) -> Iterator[CiResult]:
    """The CI of the pull requests of ``entries``; of closed and merged ones only the state.

    A failure that the base has too does not count (see `Checks.beside`). Raises HostUnavailable.
    """
    for host, entry, snapshot in _observed(entries, host_of):
        pull = _state(snapshot)
        if pull is PullState.OPEN and snapshot is not None:
            yield CiResult(entry, pull, host.checks(snapshot))
        else:
            yield CiResult(entry, pull)


def still_open(
    entries: Iterable[LedgerEntry], host_of: Callable[[RepositoryRef, str], Host]
) -> Iterator[LedgerEntry]:
    """Those of ``entries`` whose pull requests are open, or can't be read.

    Raises HostUnavailable.
    """
    for _, entry, snapshot in _observed(entries, host_of):
        if _state(snapshot) in (None, PullState.OPEN):
            yield entry


def _observed(
    entries: Iterable[LedgerEntry], host_of: Callable[[RepositoryRef, str], Host]
) -> Iterator[tuple[Host, LedgerEntry, Snapshot | None]]:
    by_host = group_by_host(((entry.ref, entry.branch_name, entry) for entry in entries), host_of)
    for host, there in by_host.items():
        for start in range(0, len(there), CHUNK):
            chunk = {entry.ref.key: entry for entry in there[start : start + CHUNK]}
            for observation in observe_each(host, [entry.ref for entry in chunk.values()]):
                snapshot = None if isinstance(observation, Unreadable) else observation
                yield host, chunk[observation.ref.key], snapshot


def _state(snapshot: Snapshot | None) -> PullState | None:
    return snapshot.pull.state if snapshot is not None and snapshot.pull is not None else None


class Gate(Enum):
    """Whether further pull requests may be opened."""

    OPEN = "open"
    WAITING = "waiting"
    SHUT = "shut"


class CiWait(Struct, frozen=True):
    """Waits for CI, at most ``patience`` seconds at a time."""

    patience: float
    clock: Clock
    progress: Progress

    def verdict(self, judge: Callable[[], tuple[Gate, str]]) -> tuple[Gate, str]:
        """What ``judge`` says, and why; it is asked every minute for as long as it says WAITING."""
        started_at = self.clock.now()
        while True:
            gate, why = judge()
            left = started_at + self.patience - self.clock.now()
            if gate is not Gate.WAITING or left <= 0:
                return gate, why
            self.progress.waiting(self.clock.now() + min(POLL, left), why)
            self.clock.sleep(min(POLL, left))
