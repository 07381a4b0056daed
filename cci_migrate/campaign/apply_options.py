"""The options of one run of `batch apply`."""

from __future__ import annotations

from msgspec import Struct

from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.message_templates import MessageTemplates
from cci_migrate.campaign.pull_request_extras import PullRequestExtras
from cci_migrate.campaign.states import State
from cci_migrate.transport.pace import DEFAULT_PACE_LIMITS, PaceLimits


class Forking(Struct, frozen=True):
    """Where forks are made: in an ``organization``; None: in the account of the token."""

    organization: str | None = None


class ApplyOptions(Struct, frozen=True):
    """The options of one run of `batch apply`.

    ``approved`` are the only groups of changes to write; None: all. ``canary_names`` are the
    repositories that the user wants in the canary. ``replaces_discussed``: outdated pull requests
    on which people have commented are closed, and others opened. ``forking`` is for repositories to
    which the token can't push; None: nothing is forked.
    """

    messages: MessageTemplates
    extras: PullRequestExtras = PullRequestExtras()
    is_dry_run: bool = False
    pace: PaceLimits = DEFAULT_PACE_LIMITS
    approved: frozenset[str] | None = None
    canary_names: tuple[str, ...] = ()
    replaces_discussed: bool = False
    forking: Forking | None = None

    def is_approved(self, entry: LedgerEntry) -> bool:
        """Whether the change of ``entry`` may be written; one that was begun is finished.

        Without a change there is nothing to approve: labels and reviewers may be all that is left.
        """
        if self.approved is None or entry.state is State.APPLYING:
            return True
        return not entry.group or entry.group in self.approved
