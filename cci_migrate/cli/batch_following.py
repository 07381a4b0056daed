"""``batch status`` and ``batch merge-when-green``: following the open pull requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from cci_migrate.campaign.ci_results import CiWait
from cci_migrate.campaign.folder import Campaign, open_read_only
from cci_migrate.campaign.merge_canary import MergeCanary
from cci_migrate.campaign.merge_readiness import MergeOptions
from cci_migrate.campaign.merge_run import MergeRun
from cci_migrate.campaign.pull_request_waits import duration, longest_first, waits_summary
from cci_migrate.campaign.refresh import read_at
from cci_migrate.campaign.results import exit_code, result, summary, write_results
from cci_migrate.cli.batch_options import (
    Pace,
    Running,
    campaign_option,
    exits_with_code,
    pace_options,
    running_options,
)
from cci_migrate.cli.batch_sessions import (
    conclude,
    make_clock,
    progress_reporter,
    refresh_session,
)
from cci_migrate.engine.exit_codes import ExitCode
from cci_migrate.escaping.json_text import json_text
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.forges.pull_request_reviews import MergeMethod

#: The pull requests that are listed unless the user asks for all.
_LISTED = 20


@click.command()
@campaign_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each repository")
@click.option(
    "--refresh", is_flag=True, help="Get the state of each pull request from its host first"
)
@running_options
@exits_with_code
def status(folder: Path, as_json: bool, refresh: bool, running: Running) -> ExitCode:
    """Show the state of the repositories.

    Also shows what each open pull request waited for when --refresh last read it, the longest
    waiting first; --verbose lists all.
    """
    is_complete = True
    if refresh:
        with refresh_session(folder, (), running) as session:
            is_complete = session.run()
            write_results(session.campaign)
    with open_read_only(folder) as campaign:
        if as_json:
            for entry in campaign.ledger.entries():
                click.echo(json_text(result(entry)))
        else:
            for line in (*summary(campaign.ledger), *_waits(campaign, running)):
                click.echo(printable(line))
        code = exit_code(campaign.ledger)
    return code if is_complete else max(code, ExitCode.FAILED, key=lambda each: each.value)


@click.command("merge-when-green")
@campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--method",
    type=click.Choice([method.value for method in MergeMethod]),
    callback=lambda _ctx, _param, value: None if value is None else MergeMethod(value),
    help="How to merge (default: as each repository usually does)",
)
@click.option(
    "--unreviewed",
    is_flag=True,
    help="Merge also what nobody reviewed, where the host requires no review",
)
@click.option("--no-auto-merge", is_flag=True, help="Never ask a host to merge later by itself")
@click.option("--max-merges", type=click.IntRange(1), metavar="N", help="Stop after N merges")
@click.option(
    "--canary",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    metavar="N",
    help="Merge N first, and the rest when CI of their default branches has passed",
)
@click.option(
    "--canary-wait",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="How long to wait for that CI",
)
@pace_options
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be merged; merge nothing")
@running_options
@exits_with_code
def merge_when_green(
    folder: Path,
    names: tuple[str, ...],
    method: MergeMethod | None,
    unreviewed: bool,
    no_auto_merge: bool,
    max_merges: int | None,
    canary: int,
    canary_wait: int,
    pace: Pace,
    dry_run: bool,
    running: Running,
) -> ExitCode:
    """Merge the approved pull requests whose CI has passed.

    NAME limits it to some repositories; globs work. Merges only this campaign's own open pull
    requests, and only the commit that `batch apply` wrote; never a draft, and never past a rule
    of the host. Not to be confused with `batch merge`, which merges campaigns.
    """
    options = MergeOptions(
        method, unreviewed, not no_auto_merge, dry_run, max_merges, pace.deadline
    )
    with (
        progress_reporter(running, is_dry_run=dry_run) as progress,
        refresh_session(folder, names, running, pace, progress) as session,
    ):
        wait = CiWait(canary_wait * 60.0, session.clock, progress)
        gate = MergeCanary(canary, wait, progress)
        reached = MergeRun(session, options, gate).run()
        code = conclude(session.campaign, reached)
        for line in _waits(session.campaign, running):
            click.echo(printable(line))
        return code


def _waits(campaign: Campaign, running: Running) -> Iterator[str]:
    """What the open pull requests wait for: a summary, and the longest waiting."""
    pulls = longest_first(campaign.ledger.entries())
    if not pulls:
        return
    now = make_clock().now()
    age = duration(now - read_at(campaign.ledger))
    yield f"\n{waits_summary(pulls)} (read {age} ago)"
    shown = pulls if running.verbose else pulls[:_LISTED]
    width = max(len(pull.name) for pull in shown)
    for pull in shown:
        yield f"{duration(now - pull.since):>8}  {pull.name:<{width}}  {pull.wait.text}"
    if len(shown) < len(pulls):
        yield f"{len(pulls) - len(shown)} more; --verbose lists all"
