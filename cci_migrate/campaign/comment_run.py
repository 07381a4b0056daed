"""`batch comment`: a comment on each open pull request of the campaign, once for the same text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.isolation import Failure, attempt
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.message_templates import comment_text
from cci_migrate.campaign.refusals import (
    Attempt,
    RefusalStreak,
    WriteRefused,
    WriteStep,
    writing,
)
from cci_migrate.campaign.states import OPENED, State
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.campaign_identity import comment_mark
from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import PullState, RepositoryRef, Snapshot
from cci_migrate.transport.host_errors import StaleSnapshot

#: How often the comments are read again after a write of unknown effect.
ATTEMPTS = 3


class CommentRun(Struct, frozen=True):
    """One run of `batch comment` with the Jinja template ``template``.

    Nothing is recorded: each comment carries a mark of its text, which is looked for before it is
    written. So a killed run can be repeated.
    """

    session: CampaignSession
    template: str
    is_dry_run: bool = False

    def run(self) -> ExitCode:
        """Comment on the open pull requests.

        Returns LEFT if a limit ended the run early, FAILED if a comment could not be written.
        Raises MessageError for a template that does not render.
        """
        opened = self.session.ledger.entries(OPENED)
        by_host = self.session.by_host(entry for entry in opened if entry.pull is not None)
        self.session.begin("comment", by_host)
        counts: Counter[str] = Counter()

        def on_host(host: Host) -> ExitCode:
            self._comment_on_host(host, by_host[host], counts)
            return ExitCode.DONE

        reached = self.session.for_each(by_host, on_host)
        totals = ", ".join(
            f"{counts[outcome]} {outcome}" for outcome in _OUTCOMES if counts[outcome]
        )
        self.session.progress.note(totals or "no pull request of this campaign is open")
        return ExitCode.FAILED if counts[_FAILED] else reached

    def _comment_on_host(
        self, host: Host, refs: Sequence[RepositoryRef], counts: Counter[str]
    ) -> None:
        streak = RefusalStreak()
        for entry, snapshot in self.session.observe_own(host, refs):
            outcome = (
                snapshot
                if isinstance(snapshot, Failure)
                else attempt(self._comment, host, entry, snapshot)
            )
            attempted = Attempt(entry)
            if isinstance(outcome, Failure):
                self.session.progress.note(f"{entry.ref.label}: {outcome.cause}")
                if isinstance(outcome.error, WriteRefused):
                    failed = replace(entry, state=State.FAILED, cause=outcome.cause)
                    attempted = Attempt(failed, is_refused=True, refusal=outcome.error.refusal)
                outcome = _FAILED
            counts[outcome] += 1
            self.session.progress.done(replace(entry, cause=outcome).done)
            if reason := streak.add(attempted):
                self.session.progress.note(reason)
                return

    def _comment(self, host: Host, entry: LedgerEntry, snapshot: Snapshot) -> str:
        """Write the comment once; returns the outcome."""
        pull = snapshot.pull
        if pull is None or pull.state is not PullState.OPEN or not pull.is_ours:
            return _NOT_OPEN
        text = comment_text(self.template, entry, self.session.campaign.id)
        mark = comment_mark(text)
        for number in range(ATTEMPTS):
            if any(mark in comment for comment in host.comments(snapshot)):
                return _WRITTEN if number else _ALREADY
            if self.is_dry_run:
                return _PLANNED
            with suppress(StaleSnapshot), writing(WriteStep.COMMENT):
                host.comment(snapshot, f"{text}\n\n{mark}\n")
                return _WRITTEN
        raise StaleSnapshot("the host does not confirm the comment")


_WRITTEN, _ALREADY, _PLANNED = "commented", "commented before", "would be commented"
_NOT_OPEN, _FAILED = "no longer open", "failed"
_OUTCOMES = (_FAILED, _WRITTEN, _PLANNED, _ALREADY, _NOT_OPEN)
