"""What the commands of `batch` set up before they run, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.access_check import access_exit_code, access_report, check_access
from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.connections import Connections
from cci_migrate.campaign.folder import Campaign, CampaignError, open_campaign, open_read_only
from cci_migrate.campaign.local_mode import local_mode
from cci_migrate.campaign.repository_filter import RepositoryFilter
from cci_migrate.campaign.results import exit_code, summary, write_results
from cci_migrate.campaign.states import PENDING
from cci_migrate.cli.batch_options import Pace, Running
from cci_migrate.cli.compiler_options import CompilerOptions
from cci_migrate.cli.terminal import Terminal
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.committer import NoIdentityError, committer, user_signs_commits
from cci_migrate.forges.local_checkouts import LocalMode
from cci_migrate.forges.repository import Kind, RepositoryRef
from cci_migrate.transport.git.process import GitError
from cci_migrate.transport.pace import DEFAULT_PACE_LIMITS, Clock, Lane, SystemClock
from cci_migrate.transport.progress import Progress, make_progress

if TYPE_CHECKING:
    from cci_migrate.campaign.plan_verification import PlanVerification

_DEFAULT_PACE = Pace()


def make_clock() -> Clock:
    """The clock of a command."""
    return SystemClock()


def check_commits(session: CampaignSession, mode: LocalMode) -> None:
    """Note where commits will not be signed as the user signs them.

    Raises CampaignError where git is to commit, and does not know as whom.
    """
    committing = {Kind.GIT} if mode is LocalMode.IN_PLACE else {Kind.GIT, Kind.LOCAL}
    is_known = False
    hosts: set[str] = set()
    for entry in filter(session.includes, session.ledger.entries(PENDING)):
        if entry.ref.kind not in (Kind.GIT, Kind.LOCAL):
            hosts.add(entry.ref.host)
        elif entry.ref.kind in committing and not is_known:
            # What one checkout lacks may be in another: further ones fail alone.
            with suppress(GitError):
                git_identity(entry.ref)
                is_known = True
    with suppress(GitError):
        if hosts and user_signs_commits():
            session.progress.note(
                f"commits on {', '.join(sorted(hosts))} are made by its API: they are not signed "
                "with your key, though commit.gpgSign is set"
            )


def git_identity(ref: RepositoryRef | None = None) -> str:
    """The name and address that git commits with.

    Raises CampaignError if it knows none, GitError if it can't be asked.
    """
    try:
        return committer(ref)
    except NoIdentityError as error:
        raise CampaignError(str(error)) from None


@contextmanager
def campaign_session(
    folder: Path,
    repositories: RepositoryFilter,
    running: Running,
    pace: Pace = _DEFAULT_PACE,
    *,
    progress: Progress | None = None,
    mode: LocalMode | None = None,
    allows_dirty: bool = False,
    is_dry_run: bool = False,
    only_reads: bool = False,
) -> Iterator[CampaignSession]:
    """The campaign in ``folder``, locked unless the command ``only_reads``, with its hosts.

    ``progress`` None: what ``running`` asks for. ``mode`` None: that of the last `batch apply`.
    """
    with (
        open_read_only(folder) if only_reads else open_campaign(folder) as campaign,
        nullcontext(progress)
        if progress is not None
        else progress_reporter(running, is_dry_run=is_dry_run) as reporter,
        connections_of(
            campaign, reporter, running, mode or local_mode(campaign), pace, allows_dirty
        ) as connections,
    ):
        yield CampaignSession(campaign, connections.host_of, repositories, reporter, make_clock())


def show_access(
    folder: Path, repositories: RepositoryFilter, running: Running, *, may_fork: bool
) -> ExitCode:
    """Print what the token may do in the repositories that have a change.

    ``may_fork``: with ``--fork``.
    """
    with campaign_session(folder, repositories, running) as session:
        checked = check_access(session, may_fork=may_fork)
        print_lines(access_report(checked, lists_all=running.verbose))
        return access_exit_code(checked)


def print_lines(lines: Iterable[str]) -> None:
    """Print ``lines``; on a terminal they are wrapped, and what follows is indented.

    Words stay whole: a link that is broken can't be opened.
    """
    width = Terminal().width if sys.stdout.isatty() else None
    for line in lines:
        wrapped = [line]
        if width and line:
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            wrapped = wrap(
                line,
                width,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        for part in wrapped:
            click.echo(printable(part))


def conclude(campaign: Campaign, reached: ExitCode) -> ExitCode:
    """Write results.jsonl, print the summary, and return the exit code.

    ``reached`` is LEFT or FAILED where some repositories were not reached.
    """
    write_results(campaign)
    print_lines(summary(campaign.ledger))
    return max(reached, exit_code(campaign.ledger))


@contextmanager
def connections_of(
    campaign: Campaign,
    progress: Progress,
    running: Running,
    mode: LocalMode = LocalMode.IN_PLACE,
    pace: Pace = _DEFAULT_PACE,
    allows_dirty: bool = False,
) -> Iterator[Connections]:
    """The hosts of ``campaign``, closed at the end."""
    clock = make_clock()

    def lane_of(name: str) -> Lane:
        return Lane(
            name, campaign.ledger.write_record(), pace.limits, clock, pace.deadline, progress
        )

    connections = Connections(
        campaign, mode, lane_of, clock, running.tokens, allows_dirty=allows_dirty
    )
    try:
        yield connections
    finally:
        connections.end()


@contextmanager
def plan_verification(
    campaign: Campaign,
    progress: Progress,
    options: CompilerOptions | None,
    limits: WorkLimits,
    most: int,
) -> Iterator[PlanVerification | None]:
    """What has the changes of ``campaign`` confirmed; None without ``options``.

    Raises UnreachableError.
    """
    if options is None:
        yield None
        return
    from cci_migrate.campaign.plan_verification import PlanVerification
    from cci_migrate.cli.compiler_connection import opened_compiler

    clock = make_clock()
    lane = Lane(
        urlsplit(options.root).netloc,
        campaign.ledger.write_record(),
        DEFAULT_PACE_LIMITS,
        clock,
        progress=progress,
    )
    try:
        with opened_compiler(options, lane, clock) as compiler:
            yield PlanVerification(
                campaign.policy,
                compiler.compile_for,
                limits,
                clock,
                most,
                sends_secrets=options.sends_secrets,
            )
    finally:
        lane.end()


@contextmanager
def progress_reporter(running: Running, *, is_dry_run: bool = False) -> Iterator[Progress]:
    """The progress output that ``running`` asks for; a dry run lists every repository."""
    # A dry run has no other output than what it reports of each repository.
    progress = make_progress(running.log_format, is_verbose=running.verbose or is_dry_run)
    try:
        yield progress
    finally:
        progress.end()
