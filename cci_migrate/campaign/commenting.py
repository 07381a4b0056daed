"""`batch comment`: a comment on each open pull request of the campaign, once for the same text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.host_groups import group_by_host
from cci_migrate.campaign.isolation import FATAL_ERRORS, observe_each
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.message_templates import MessageError, comment_text
from cci_migrate.campaign.ownership import with_ownership
from cci_migrate.campaign.refusals import (
    Attempt,
    RefusalStreak,
    RefusedWrite,
    WriteRefused,
    WriteStep,
    writing,
)
from cci_migrate.campaign.repository_filter import RepositoryFilter
from cci_migrate.campaign.states import OPENED, State
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.campaign_identity import comment_mark
from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import PullState, RepositoryRef, Snapshot, Unreadable
from cci_migrate.forges.repository_errors import describe_error
from cci_migrate.transport.host_errors import HostUnavailable, StaleSnapshot
from cci_migrate.transport.progress import Progress

#: Repositories observed in one request.
CHUNK = 40
#: How often the comments are read again after a write of unknown effect.
ATTEMPTS = 3


class CommentRun(Struct, frozen=True):
    """One run of `batch comment` with the Jinja template ``template``.

    Nothing is recorded: each comment carries a mark of its text, which is looked for before it is
    written. So a killed run can be repeated.
    """

    campaign: Campaign
    host_of: Callable[[RepositoryRef, str], Host]
    filter: RepositoryFilter
    template: str
    progress: Progress
    is_dry_run: bool = False

    def run(self) -> ExitCode:
        """Comment on the open pull requests.

        Returns LEFT if a limit ended the run early, FAILED if a comment could not be written.
        Raises MessageError for a template that does not render.
        """
        by_host = group_by_host(
            (
                (entry.ref, entry.branch_name, entry)
                for entry in self.campaign.ledger.entries(OPENED)
                if entry.pull is not None and not self.filter.why_not_by_name(entry.ref)
            ),
            self.host_of,
        )
        self.progress.begin("comment", sum(map(len, by_host.values())))
        counts: Counter[str] = Counter()
        outcomes = {ExitCode.DONE}
        for host, entries in by_host.items():
            try:
                self._comment_on_host(host, entries, counts)
            except HostUnavailable as error:
                self.progress.note(str(error))
                outcomes.add(ExitCode.LEFT if error.is_limit else ExitCode.FAILED)
        if counts[_FAILED]:
            outcomes.add(ExitCode.FAILED)
        totals = ", ".join(f"{counts[what]} {what}" for what in _OUTCOMES if counts[what])
        self.progress.note(totals or "no pull request of this campaign is open")
        return max(outcomes)

    def _comment_on_host(
        self, host: Host, entries: Sequence[LedgerEntry], counts: Counter[str]
    ) -> None:
        streak = RefusalStreak()
        for start in range(0, len(entries), CHUNK):
            chunk = {entry.ref.key: entry for entry in entries[start : start + CHUNK]}
            for observation in observe_each(host, [entry.ref for entry in chunk.values()]):
                entry = chunk[observation.ref.key]
                if isinstance(observation, Unreadable):
                    comment = _Comment(_FAILED, observation.cause)
                else:
                    comment = self._comment(host, entry, observation)
                counts[comment.outcome] += 1
                if comment.outcome == _FAILED:
                    self.progress.note(f"{entry.ref.label}: {comment.cause}")
                self.progress.done(replace(entry, cause=comment.outcome).done)
                if reason := streak.add(comment.attempt(entry)):
                    self.progress.note(reason)
                    return

    def _comment(self, host: Host, entry: LedgerEntry, snapshot: Snapshot) -> _Comment:
        try:
            snapshot = with_ownership(host, snapshot, entry.files, entry, self.campaign.ids)
            pull = snapshot.pull
            if pull is None or pull.state is not PullState.OPEN or not pull.is_ours:
                return _Comment(_NOT_OPEN)
            text = comment_text(self.template, entry, self.campaign.id)
            return _Comment(self._write_once(host, snapshot, text))
        except WriteRefused as error:
            return _Comment(_FAILED, str(error), error.refusal)
        except (*FATAL_ERRORS, MessageError):
            raise
        except Exception as error:  # noqa: BLE001 - the other repositories go on
            return _Comment(_FAILED, describe_error(error))

    def _write_once(self, host: Host, snapshot: Snapshot, text: str) -> str:
        mark = comment_mark(text)
        for attempt in range(ATTEMPTS):
            if any(mark in comment for comment in host.comments(snapshot)):
                return _WRITTEN if attempt else _ALREADY
            if self.is_dry_run:
                return _PLANNED
            with suppress(StaleSnapshot), writing(WriteStep.COMMENT):
                host.comment(snapshot, f"{text}\n\n{mark}\n")
                return _WRITTEN
        raise StaleSnapshot("the host does not confirm the comment")


class _Comment(Struct, frozen=True):
    """What became of a comment; ``refusal`` if the host refused it."""

    outcome: str
    cause: str = ""
    refusal: RefusedWrite | None = None

    def attempt(self, entry: LedgerEntry) -> Attempt:
        """The comment as an attempt to write to the repository of ``entry``."""
        if self.refusal is None:
            return Attempt(entry)
        failed = replace(entry, state=State.FAILED, cause=self.cause)
        return Attempt(failed, is_refused=True, refusal=self.refusal)


_WRITTEN, _ALREADY, _PLANNED = "commented", "commented before", "would be commented"
_NOT_OPEN, _FAILED = "no longer open", "failed"
_OUTCOMES = (_FAILED, _WRITTEN, _PLANNED, _ALREADY, _NOT_OPEN)
