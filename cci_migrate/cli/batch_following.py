"""``batch status``: what the open pull requests wait for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from cci_migrate.campaign.folder import Campaign, open_read_only
from cci_migrate.campaign.pull_request_waits import duration, longest_first, waits_summary
from cci_migrate.campaign.refresh import read_at
from cci_migrate.campaign.results import exit_code, result, summary, write_results
from cci_migrate.cli.batch_options import (
    Running,
    campaign_option,
    exits_with_code,
    running_options,
)
from cci_migrate.cli.batch_sessions import make_clock, refresh_session
from cci_migrate.engine.exit_codes import ExitCode
from cci_migrate.escaping.json_text import json_text
from cci_migrate.escaping.terminal_text import printable

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
