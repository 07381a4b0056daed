"""What a command of the batch works with while it runs, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cci_migrate.campaign.choosing import Chosen
from cci_migrate.campaign.connections import Connections
from cci_migrate.campaign.folder import Campaign, CampaignError, opened
from cci_migrate.campaign.following import Following
from cci_migrate.campaign.results import exit_code, summary, write_results
from cci_migrate.campaign.states import State
from cci_migrate.cli.batch_options import Running
from cci_migrate.engine.outcomes import ExitCode
from cci_migrate.escaping.terminal import printable
from cci_migrate.forges.local_checkouts import LocalMode
from cci_migrate.forges.repository import Kind
from cci_migrate.transport.pace import Clock, Lane, Limits, SystemClock
from cci_migrate.transport.progress import Progress, make_progress

LIMITS = Limits()
_LOCAL_MODE = "local-mode"


def make_clock() -> Clock:
    """The clock that a command goes by."""
    return SystemClock()


def local_mode(campaign: Campaign) -> LocalMode:
    """How the last `batch apply` changed local checkouts; in place if there was none."""
    return LocalMode(campaign.ledger.setting(_LOCAL_MODE, LocalMode.IN_PLACE.value))


def check_local_mode(campaign: Campaign, mode: LocalMode) -> None:
    """Raises CampaignError where checkouts were changed in another mode than ``mode``.

    The commands that take changes back go by the mode of the campaign.
    """
    before = local_mode(campaign)
    changed = campaign.ledger.entries({State.APPLYING, State.CHANGED})
    if mode is not before and any(entry.ref.kind is Kind.LOCAL for entry in changed):
        raise CampaignError(
            f"this campaign already changed checkouts with --local {before.value}; keep that "
            "mode, or plan the other checkouts in another campaign"
        )


def record_local_mode(campaign: Campaign, mode: LocalMode) -> None:
    """Remember ``mode`` for the commands that follow."""
    campaign.ledger.set({_LOCAL_MODE: mode.value})


@contextmanager
def following_session(
    folder: Path, names: tuple[str, ...], running: Running
) -> Iterator[tuple[Campaign, Following]]:
    with (
        opened(folder) as campaign,
        told(running) as progress,
        connected(campaign, progress, running, local_mode(campaign)) as connections,
    ):
        chosen = Chosen(include=names, forks=True)
        yield (
            campaign,
            Following(campaign, connections.host_of, chosen, progress, make_clock()),
        )


def conclude(campaign: Campaign, *, is_complete: bool) -> ExitCode:
    write_results(campaign)
    for line in summary(campaign.ledger):
        click.echo(printable(line))
    if not is_complete and campaign.ledger.counts()[State.FAILED] == 0:
        return ExitCode.LEFT
    return exit_code(campaign.ledger)


@contextmanager
def connected(
    campaign: Campaign,
    progress: Progress,
    running: Running,
    mode: LocalMode = LocalMode.IN_PLACE,
    limits: Limits = LIMITS,
    deadline: float = 0.0,
) -> Iterator[Connections]:
    clock = make_clock()

    def lane_of(name: str) -> Lane:
        return Lane(name, campaign.ledger.writes, limits, clock, deadline, progress)

    connections = Connections(campaign, mode, lane_of, clock, running.tokens)
    try:
        yield connections
    finally:
        connections.end()


@contextmanager
def told(running: Running, *, is_dry_run: bool = False) -> Iterator[Progress]:
    # What a dry run would do is said of each repository, and nowhere else.
    progress = make_progress(running.log_format, is_verbose=running.verbose or is_dry_run)
    try:
        yield progress
    finally:
        progress.end()
