"""After the change was delivered: what became of it, and taking it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.choosing import Chosen
from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.isolation import FATAL_ERRORS, observe_each
from cci_migrate.campaign.ledger import Entry
from cci_migrate.campaign.ownership import own_pull, recognise
from cci_migrate.campaign.states import State, Undoing
from cci_migrate.forges.faults import described
from cci_migrate.forges.host import Delivered, Delivery, Host
from cci_migrate.forges.repository import (
    Observation,
    PullState,
    RepositoryRef,
    Snapshot,
    Unreadable,
)
from cci_migrate.transport.errors import HostError, HostUnavailable
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress

#: Looked at in one go.
CHUNK = 40

_OPEN = frozenset({State.PULL_REQUEST_OPEN})
_DELIVERED = frozenset({State.PULL_REQUEST_OPEN, State.PULL_REQUEST_MERGED, State.CHANGED})


class Following(Struct, frozen=True):
    """What the commands that come after `batch apply` work with."""

    campaign: Campaign
    host_of: Callable[[RepositoryRef], Host]
    chosen: Chosen
    progress: Progress
    clock: Clock

    def refresh(self) -> bool:
        """Learn what became of the open pull requests. False if a host would hear no more."""
        return self._each("status", _OPEN, self._refreshed)

    def close(self) -> bool:
        """Close the open pull requests and delete the branches that were not merged."""
        return self._each("close", _OPEN | {State.CHANGED}, self._closed)

    def revert(self) -> bool:
        """Take back everything: close what is open, revert what is merged or was written."""
        return self._each("revert", _DELIVERED, self._reverted)

    def _each(
        self,
        task: str,
        states: frozenset[State],
        deal: Callable[[Host, Entry, Snapshot], Entry],
    ) -> bool:
        by_host: dict[Host, list[RepositoryRef]] = {}
        for entry in self.campaign.ledger.entries(states):
            if not self.chosen.why_not_by_name(entry.ref):
                host = self.host_of(entry.ref)
                by_host.setdefault(host, []).append(entry.ref)
        self.progress.begin(task, sum(map(len, by_host.values())))
        is_complete = True
        for host, refs in by_host.items():
            try:
                for entry, observation in self._seen(host, refs):
                    done = self._dealt(host, entry, observation, deal)
                    is_complete &= done is not None
                    self.progress.done((done or entry).done)
            except HostUnavailable as error:
                self.progress.note(str(error))
                is_complete = False
        return is_complete

    def _seen(self, host: Host, refs: list[RepositoryRef]) -> Iterator[tuple[Entry, Observation]]:
        for start in range(0, len(refs), CHUNK):
            chunk = refs[start : start + CHUNK]
            seen = {observation.ref.key: observation for observation in observe_each(host, chunk)}
            for ref in chunk:
                entry = self.campaign.ledger.entry(ref.key)
                if entry is not None:
                    yield entry, seen[ref.key]

    def _dealt(
        self,
        host: Host,
        entry: Entry,
        observation: Observation,
        deal: Callable[[Host, Entry, Snapshot], Entry],
    ) -> Entry | None:
        """One repository. What cannot be done is told, and is None."""
        if isinstance(observation, Unreadable):
            self.progress.note(f"{entry.ref.label}: {observation.cause}")
            return None
        try:
            return deal(host, entry, recognise(host, observation, entry.files, entry))
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - the other repositories go on
            self.progress.note(f"{entry.ref.label}: {described(error)}")
            return None

    def _refreshed(self, host: Host, entry: Entry, snapshot: Snapshot) -> Entry:
        del host
        pull = snapshot.pull
        if pull is None or pull.state is PullState.OPEN:
            return entry
        if pull.state is PullState.MERGED:
            return self._record(entry, State.PULL_REQUEST_MERGED, pull.url, snapshot)
        state = State.CLOSED_BY_HUMAN if entry.undoing is None else State.CLOSED
        return self._record(entry, state, pull.url, snapshot)

    def _closed(self, host: Host, entry: Entry, snapshot: Snapshot) -> Entry:
        if host.delivery is Delivery.FILES:
            raise HostError("was written in place; `batch revert` takes that back")
        if entry.undoing is not Undoing.CLOSING:
            entry = self._refreshed(host, entry, snapshot)
            if entry.state not in _OPEN | {State.CHANGED}:
                return entry
            entry = self._begin(entry, Undoing.CLOSING, snapshot)
        if snapshot.pull is not None or snapshot.branch is not None:
            host.close(snapshot)
        return self._record(entry, State.CLOSED, "", snapshot)

    def _reverted(self, host: Host, entry: Entry, snapshot: Snapshot) -> Entry:
        if entry.undoing is Undoing.CLOSING:
            return self._closed(host, entry, snapshot)
        if entry.state is State.PULL_REQUEST_OPEN:
            entry = self._refreshed(host, entry, snapshot)
            if entry.state is State.PULL_REQUEST_OPEN:
                return self._closed(host, entry, snapshot)
        if entry.state not in _DELIVERED:
            return entry
        entry = self._begin(entry, Undoing.REVERTING, snapshot)
        back = host.revert(snapshot, Delivered(entry.head, entry.files))
        return self._record(entry, State.REVERTED, back, snapshot)

    def _begin(self, entry: Entry, undoing: Undoing, snapshot: Snapshot) -> Entry:
        return self._record(entry, entry.state, undoing.value, snapshot, undoing)

    def _record(
        self,
        entry: Entry,
        state: State,
        cause: str,
        snapshot: Snapshot,
        undoing: Undoing | None = None,
    ) -> Entry:
        done = replace(
            entry,
            state=state,
            cause=cause,
            pull=own_pull(snapshot),
            changed_at=self.clock.now(),
            undoing=undoing,
        )
        self.campaign.ledger.record(done)
        return done
