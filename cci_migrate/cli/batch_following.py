"""``batch status``, ``watch`` and ``merge-when-green``: following the open pull requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import click
from msgspec.structs import replace

from cci_migrate.campaign.canary import MergeCanary
from cci_migrate.campaign.ci_gate import CiGate
from cci_migrate.campaign.folder import Campaign, CampaignInUseError, open_read_only
from cci_migrate.campaign.merge_readiness import MergeOptions
from cci_migrate.campaign.merge_run import MergeOutcome, MergeRun
from cci_migrate.campaign.pull_request_waits import duration, longest_first, waits_summary
from cci_migrate.campaign.refresh import read_at, refresh_pulls
from cci_migrate.campaign.repository_filter import RepositoryFilter
from cci_migrate.campaign.results import exit_code, repository_lines, result, summary, write_results
from cci_migrate.campaign.states import OPENED
from cci_migrate.campaign.watching import Pass, repeat, watched_pulls
from cci_migrate.campaign.write_budget import WriteBudget
from cci_migrate.cli.batch_options import (
    CanaryOptions,
    Pace,
    Running,
    canary_options,
    exits_with_code,
    folder_option,
    pace_options,
    repositories_argument,
    running_options,
    until_option,
)
from cci_migrate.cli.batch_sessions import (
    campaign_session,
    make_clock,
    print_lines,
    progress_reporter,
)
from cci_migrate.cli.option_values import choice_of
from cci_migrate.cli.shared_options import dry_run_option
from cci_migrate.cli.watch_output import watch_output
from cci_migrate.escaping.json_text import json_text
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.pull_request_reviews import MergeMethod
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Notes, Progress, make_progress

#: The pull requests that are listed unless the user asks for all.
_LISTED = 20

#: The width of the column of names: a longer one does not move the others' columns.
_NAME_WIDTH = 60


@click.command()
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each repository")
@click.option(
    "--refresh", is_flag=True, help="Get the state of each pull request from its host first"
)
@running_options
@exits_with_code
def status(folder: Path, as_json: bool, refresh: bool, running: Running) -> ExitCode:
    """Show the state of the repositories.

    Also shows what each open pull request waited for when --refresh last read it, the longest
    waiting first. Lists twenty of them; --verbose lists all, and every repository with its state.
    """
    unread = 0
    if refresh:
        # With --verbose, the list that follows has every repository.
        quiet = replace(running, verbose=False)
        with campaign_session(folder, RepositoryFilter(), quiet) as session:
            unread = refresh_pulls(session).unread
            write_results(session.campaign)
    with open_read_only(folder) as campaign:
        if as_json:
            for entry in campaign.ledger.entries():
                click.echo(json_text(result(entry)))
        else:
            listed = repository_lines(campaign.ledger) if running.verbose else ()
            print_lines(chain(listed, summary(campaign.ledger), _waits(campaign, running)))
        code = exit_code(campaign.ledger)
    return max(code, ExitCode.FAILED) if unread else code


@click.command()
@folder_option
@repositories_argument
@until_option
@running_options
@exits_with_code
def watch(folder: Path, repositories: RepositoryFilter, until: float, running: Running) -> ExitCode:
    """Follow open pull requests until all are merged or closed.

    NAME limits it to some repositories; globs work. Reads every minute, or less often if that takes
    long, what each of them waits for. Shows a table on a terminal, else a line for each change.
    Other commands can work on the campaign meanwhile.
    """
    with open_read_only(folder):
        pass  # a folder without a campaign ends the command before it begins
    clock = make_clock()
    progress = make_progress("json", is_verbose=False) if running.log_format == "json" else Notes()
    pace = Pace(deadline=until)
    with watch_output(clock) as output:

        def one_pass() -> Pass:
            try:
                with campaign_session(
                    folder, repositories, running, pace, progress=progress
                ) as session:
                    counts = refresh_pulls(session)
                    write_results(session.campaign)
                    pulls = watched_pulls(session)
            except CampaignInUseError:
                return Pass.LEFT
            output.show(pulls)
            if counts.unread:
                return Pass.INCOMPLETE if counts.read else Pass.FAILED
            return Pass.LEFT if pulls.open else Pass.DONE

        result = repeat(one_pass, clock, until, output.announce)
    with open_read_only(folder) as campaign:
        code = exit_code(campaign.ledger)
    is_failed = result in (Pass.INCOMPLETE, Pass.FAILED)
    return max(code, ExitCode.FAILED) if is_failed else code


@click.command("merge-when-green")
@folder_option
@repositories_argument
@click.option(
    "--method",
    **choice_of(MergeMethod),
    help="How to merge (default: as each repository usually does)",
)
@click.option(
    "--unreviewed",
    is_flag=True,
    help="Merge also what nobody reviewed, where the host requires no review",
)
@click.option("--no-auto-merge", is_flag=True, help="Never ask a host to merge later by itself")
@click.option("--max-merges", type=click.IntRange(1), metavar="N", help="Stop after N merges")
@canary_options(
    "Merge N first, and the rest when CI of their default branches has passed",
    "How long to wait for that CI",
)
@pace_options
@click.option("--watch", is_flag=True, help="Continue until all are merged, or --until")
@dry_run_option("Show what would be merged; merge nothing")
@running_options
@exits_with_code
def merge_when_green(
    folder: Path,
    repositories: RepositoryFilter,
    method: MergeMethod | None,
    unreviewed: bool,
    no_auto_merge: bool,
    max_merges: int | None,
    canary: CanaryOptions,
    pace: Pace,
    watch: bool,
    dry_run: bool,
    running: Running,
) -> ExitCode:
    """Merge the approved pull requests whose CI has passed.

    NAME limits it to some repositories; globs work. Merges only this campaign's own open pull
    requests, and only the commit that `batch apply` wrote; never a draft, and never past a rule
    of the host. Not to be confused with `batch merge`, which merges campaigns.
    """
    if watch and (dry_run or max_merges is not None):
        raise click.UsageError("--watch can't be combined with --dry-run or --max-merges")
    options = MergeOptions(method, unreviewed, not no_auto_merge, dry_run)
    clock = make_clock()
    with progress_reporter(running, is_dry_run=dry_run) as progress:
        merge_canary = MergeCanary(
            canary.size, CiGate(canary.patience, clock, progress, pace.deadline)
        )
        budget = WriteBudget(max_merges, pace.deadline, clock)

        def one_pass() -> MergeOutcome:
            with campaign_session(
                folder, repositories, running, pace, progress=progress
            ) as session:
                reached = MergeRun(session, options, merge_canary, budget).run()
                write_results(session.campaign)
            return reached

        reached = _until_merged(one_pass, clock, pace, progress) if watch else one_pass()
    with open_read_only(folder) as campaign:
        print_lines(chain(summary(campaign.ledger), _waits(campaign, running)))
        return max(exit_code(campaign.ledger), reached.code)


def _until_merged(
    one_pass: Callable[[], MergeOutcome], clock: Clock, pace: Pace, progress: Progress
) -> MergeOutcome:
    """Merge what is ready again and again; returns what the last pass reached."""
    passes = {ExitCode.DONE: Pass.DONE, ExitCode.FAILED: Pass.INCOMPLETE}
    reached = MergeOutcome(ExitCode.LEFT)

    def each() -> Pass:
        nonlocal reached
        try:
            reached = one_pass()
        except CampaignInUseError:
            return Pass.LEFT
        if reached.needs_person:
            return Pass.STOPPED
        return Pass.FAILED if reached.is_down else passes.get(reached.code, Pass.LEFT)

    def announce(at: float) -> None:
        progress.waiting(at, "some are not ready")

    repeat(each, clock, pace.deadline, announce)
    return reached


def _waits(campaign: Campaign, running: Running) -> Iterator[str]:
    """What the open pull requests wait for: a summary, and the longest waiting."""
    pulls = longest_first(campaign.ledger.entries())
    if not pulls:
        if count := sum(map(campaign.ledger.counts().__getitem__, OPENED)):
            yield ""
            yield f"--refresh shows what the {count} open pull requests wait for"
        return
    now = make_clock().now()
    age = duration(now - read_at(campaign.ledger))
    yield ""
    yield f"{waits_summary(pulls)} (read {age} ago)"
    shown = pulls if running.verbose else pulls[:_LISTED]
    width = min(max(len(pull.name) for pull in shown), _NAME_WIDTH)
    for pull in shown:
        yield f"{duration(now - pull.since):>8}  {pull.name:<{width}}  {pull.wait.text}"
    if len(shown) < len(pulls):
        yield f"{len(pulls) - len(shown)} more; --verbose lists all"
