"""Takes back what `batch apply` did: `batch close` and `batch revert`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.host_groups import group_by_host
from cci_migrate.campaign.isolation import FATAL_ERRORS, observe_each
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.ownership import pull_to_record, with_ownership
from cci_migrate.campaign.refresh import ended_entry, has_open_pull
from cci_migrate.campaign.repository_filter import RepositoryFilter
from cci_migrate.campaign.states import ENDED, State, Undoing
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.host import DeliveredChange, Delivery, Host
from cci_migrate.forges.repository import (
    Observation,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Unreadable,
)
from cci_migrate.forges.repository_errors import describe_error
from cci_migrate.transport.host_errors import HostError, HostUnavailable
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress

#: Repositories observed in one request.
CHUNK = 40


class FollowUp(Struct, frozen=True):
    """The delivered changes of a campaign.

    Each method returns LEFT if some repository could not be changed, and FAILED if a host is down,
    with a note why.
    """

    campaign: Campaign
    host_of: Callable[[RepositoryRef, str], Host]
    filter: RepositoryFilter
    progress: Progress
    clock: Clock

    def close(self) -> ExitCode:
        """Close the open pull requests and delete the branches that were not merged."""
        return self._for_each("close", _can_close, self._close_entry)

    def revert(self) -> ExitCode:
        """Close open pull requests, and revert what was merged or written."""
        return self._for_each("revert", _is_delivered, self._revert_entry)

    def _for_each(
        self,
        task: str,
        selects: Callable[[LedgerEntry], bool],
        action: Callable[[Host, LedgerEntry, Snapshot], LedgerEntry],
    ) -> ExitCode:
        by_host = group_by_host(
            (
                (entry.ref, entry.branch_name, entry.ref)
                for entry in self.campaign.ledger.entries()
                if selects(entry) and not self.filter.why_not_by_name(entry.ref)
            ),
            self.host_of,
        )
        self.progress.begin(task, sum(map(len, by_host.values())))
        outcomes = {ExitCode.DONE}
        for host, refs in by_host.items():
            try:
                for entry, observation in self._observations(host, refs):
                    updated = self._attempt(host, entry, observation, action)
                    if updated is None:
                        outcomes.add(ExitCode.LEFT)
                    self.progress.done((updated or entry).done)
            except HostUnavailable as error:
                self.progress.note(str(error))
                outcomes.add(ExitCode.LEFT if error.is_limit else ExitCode.FAILED)
        return max(outcomes)

    def _observations(
        self, host: Host, refs: list[RepositoryRef]
    ) -> Iterator[tuple[LedgerEntry, Observation]]:
        for start in range(0, len(refs), CHUNK):
            chunk = refs[start : start + CHUNK]
            observations = {
                observation.ref.key: observation for observation in observe_each(host, chunk)
            }
            for ref in chunk:
                entry = self.campaign.ledger.entry(ref.key)
                if entry is not None:
                    yield entry, observations[ref.key]

    def _attempt(
        self,
        host: Host,
        entry: LedgerEntry,
        observation: Observation,
        action: Callable[[Host, LedgerEntry, Snapshot], LedgerEntry],
    ) -> LedgerEntry | None:
        """The entry after ``action``; None, with a note, where that fails."""
        if isinstance(observation, Unreadable):
            self.progress.note(f"{entry.ref.label}: {observation.cause}")
            return None
        try:
            ids = self.campaign.ids
            return action(host, entry, with_ownership(host, observation, entry.files, entry, ids))
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - the other repositories go on
            self.progress.note(f"{entry.ref.label}: {describe_error(error)}")
            return None

    def _ended(self, entry: LedgerEntry, snapshot: Snapshot) -> LedgerEntry:
        """``entry``, recorded as merged or closed where somebody has done that meanwhile."""
        pull = snapshot.pull
        if pull is None or pull.state is PullState.OPEN or not _is_recorded(pull, entry):
            return entry
        entry = replace(entry, pull=pull_to_record(snapshot, entry))
        ended = ended_entry(entry, pull.state, self.clock.now())
        self.campaign.ledger.record(ended)
        return ended

    def _close_entry(self, host: Host, entry: LedgerEntry, snapshot: Snapshot) -> LedgerEntry:
        if host.delivery is Delivery.FILES:
            raise HostError("was written in place; undo it with `batch revert`")
        if entry.undoing is not Undoing.CLOSING:
            entry = self._ended(entry, snapshot)
            if not _can_close(entry):
                return entry
            _check_is_own(snapshot)
            entry = self._begin(entry, Undoing.CLOSING, snapshot)
        if snapshot.pull is not None or snapshot.branch is not None:
            host.close(snapshot)
        return self._record(entry, State.CLOSED, "", snapshot)

    def _revert_entry(self, host: Host, entry: LedgerEntry, snapshot: Snapshot) -> LedgerEntry:
        if entry.undoing is Undoing.CLOSING:
            return self._close_entry(host, entry, snapshot)
        if has_open_pull(entry):
            entry = self._ended(entry, snapshot)
            if has_open_pull(entry):
                return self._close_entry(host, entry, snapshot)
        if not _is_delivered(entry):
            return entry
        _check_is_own(snapshot)
        entry = self._begin(entry, Undoing.REVERTING, snapshot)
        reversal_url = host.revert(snapshot, DeliveredChange(entry.head, entry.files))
        return self._record(entry, State.REVERTED, reversal_url, snapshot)

    def _begin(self, entry: LedgerEntry, undoing: Undoing, snapshot: Snapshot) -> LedgerEntry:
        return self._record(entry, entry.state, undoing.value, snapshot, undoing)

    def _record(
        self,
        entry: LedgerEntry,
        state: State,
        cause: str,
        snapshot: Snapshot,
        undoing: Undoing | None = None,
    ) -> LedgerEntry:
        updated = replace(
            entry,
            state=state,
            cause=cause,
            pull=pull_to_record(snapshot, entry),
            changed_at=self.clock.now(),
            undoing=undoing,
            review=None if undoing is None else entry.review,
        )
        self.campaign.ledger.record(updated)
        return updated


def _can_close(entry: LedgerEntry) -> bool:
    return has_open_pull(entry) or entry.state is State.CHANGED


def _is_delivered(entry: LedgerEntry) -> bool:
    is_merged = entry.pull is not None and entry.pull.state is PullState.MERGED
    return _can_close(entry) or (is_merged and entry.state not in ENDED)


def _is_recorded(pull: PullRequest, entry: LedgerEntry) -> bool:
    return entry.pull is not None and entry.pull.number == pull.number


def _check_is_own(snapshot: Snapshot) -> None:
    """Raises HostError for a pull request that is not the campaign's."""
    pull = snapshot.pull
    if pull is not None and not pull.is_ours:
        raise HostError(f"{pull.url} does not name this campaign any more; left as it is")
