"""Takes back what `batch apply` did: `batch close` and `batch revert`."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.isolation import Failure, attempt
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.ownership import pull_to_record
from cci_migrate.campaign.refresh import ended_entry
from cci_migrate.campaign.states import ENDED, State, Undoing
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.host import DeliveredChange, Delivery, Host
from cci_migrate.forges.repository import PullState, Snapshot
from cci_migrate.transport.host_errors import HostError

#: Undoes the change of a repository; returns its new entry.
_Undo = Callable[[Host, LedgerEntry, Snapshot], LedgerEntry]


class UndoRun(Struct, frozen=True):
    """One run of `batch close` or `batch revert` over the delivered changes of a campaign.

    Each method returns LEFT if some repository could not be changed, and FAILED if a host is down,
    with a note why.
    """

    session: CampaignSession

    def close(self) -> ExitCode:
        """Close the open pull requests and delete the branches that were not merged."""
        return self._for_each("close", _can_close, self._close_entry)

    def revert(self) -> ExitCode:
        """Close open pull requests, and revert what was merged or written."""
        return self._for_each("revert", _is_delivered, self._revert_entry)

    def _for_each(self, task: str, selects: Callable[[LedgerEntry], bool], undo: _Undo) -> ExitCode:
        by_host = self.session.by_host(filter(selects, self.session.ledger.entries()))
        self.session.begin(task, by_host)

        def on_host(host: Host) -> ExitCode:
            reached = ExitCode.DONE
            for entry, snapshot in self.session.observe_own(host, by_host[host]):
                updated = (
                    snapshot
                    if isinstance(snapshot, Failure)
                    else attempt(undo, host, entry, snapshot)
                )
                if isinstance(updated, Failure):
                    self.session.progress.note(f"{entry.ref.label}: {updated.cause}")
                    updated, reached = entry, ExitCode.LEFT
                self.session.progress.done(updated.done)
            return reached

        return self.session.for_each(by_host, on_host)

    def _ended(self, entry: LedgerEntry, snapshot: Snapshot) -> LedgerEntry:
        """``entry``, recorded as merged or closed where somebody has done that meanwhile."""
        pull = snapshot.pull
        if pull is None or pull.state is PullState.OPEN or not entry.has_pull(pull):
            return entry
        entry = replace(entry, pull=pull_to_record(snapshot, entry))
        ended = ended_entry(entry, pull.state, self.session.clock.now())
        self.session.ledger.record(ended)
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
        if entry.has_open_pull:
            entry = self._ended(entry, snapshot)
            if entry.has_open_pull:
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
            changed_at=self.session.clock.now(),
            undoing=undoing,
            review=None if undoing is None else entry.review,
        )
        self.session.ledger.record(updated)
        return updated


def _can_close(entry: LedgerEntry) -> bool:
    return entry.has_open_pull or entry.state is State.CHANGED


def _is_delivered(entry: LedgerEntry) -> bool:
    is_merged = entry.pull_state is PullState.MERGED
    return _can_close(entry) or (is_merged and entry.state not in ENDED)


def _check_is_own(snapshot: Snapshot) -> None:
    """Raises HostError for a pull request that is not the campaign's."""
    pull = snapshot.pull
    if pull is not None and not pull.is_ours:
        raise HostError(f"{pull.url} does not name this campaign any more; left as it is")
