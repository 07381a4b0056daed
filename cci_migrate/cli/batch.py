"""The command line of the batch: options in, one of the stages, the summary and exit code out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cci_migrate.campaign.applying import Application, Terms
from cci_migrate.campaign.choosing import Chosen, Shard
from cci_migrate.campaign.folder import DEFAULT_BRANCH, CampaignError, begin, opened, read_only
from cci_migrate.campaign.messages import Words
from cci_migrate.campaign.results import exit_code, summary, write_results
from cci_migrate.campaign.scanning import planner
from cci_migrate.campaign.surveying import Survey
from cci_migrate.campaign.waves import Wave
from cci_migrate.cli.batch_options import (
    Running,
    campaign_option,
    default_shard,
    reported,
    running_options,
    to_shard,
    to_time,
    visibilities,
)
from cci_migrate.cli.batch_sessions import (
    LIMITS,
    check_local_mode,
    conclude,
    connected,
    following_session,
    make_clock,
    record_local_mode,
    told,
)
from cci_migrate.cli.limit_options import limit_options
from cci_migrate.cli.optional_values import CommandWithOptionalValues
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, every_policy_option
from cci_migrate.engine.outcomes import ExitCode
from cci_migrate.escaping.json_text import json_text
from cci_migrate.escaping.terminal import printable, printable_file, printable_lines
from cci_migrate.forges.local_checkouts import LocalMode
from cci_migrate.forges.repository import Visibility
from cci_migrate.transport.pace import Limits
from cci_migrate.workers.work_limits import WorkLimits


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def batch() -> None:
    """Make the same change across many repositories.

    \b
    cci-migrate batch plan ~/checkouts --campaign docker-auth
    cci-migrate batch diff --campaign docker-auth
    cci-migrate batch apply --campaign docker-auth
    """


@batch.command(cls=CommandWithOptionalValues)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@campaign_option
@every_policy_option
@click.option("--include", multiple=True, metavar="GLOB", help="Only names matching GLOB")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Skip names matching GLOB")
@click.option("--topic", multiple=True, help="Only repositories with one of these topics")
@click.option(
    "--visibility",
    multiple=True,
    type=click.Choice([v.value for v in Visibility if v is not Visibility.UNKNOWN]),
    help="Only repositories with this visibility",
)
@click.option("--forks", is_flag=True, help="Include forks")
@click.option(
    "--shard",
    callback=to_shard,
    default=default_shard,
    metavar="K/N",
    help="Only share K of N (default in a parallel CircleCI job: the node's)",
)
@click.option(
    "--nested",
    is_flag=True,
    help="On GitHub and GitLab, look for configs below the root too: a request a repository",
)
@click.option("--branch", default=DEFAULT_BRANCH, show_default=True, help="The branch to make")
@click.option("--again", is_flag=True, help="Plan again what is not changed, closed or reverted")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Number of processes")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be planned; write nothing")
@limit_options
@running_options
@reported
def plan(
    sources: tuple[str, ...],
    folder: Path,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    topic: tuple[str, ...],
    visibility: tuple[str, ...],
    forks: bool,
    shard: Shard,
    nested: bool,
    branch: str,
    again: bool,
    jobs: int | None,
    dry_run: bool,
    limits: WorkLimits,
    running: Running,
    policy: PolicySource,
) -> ExitCode:
    """Plan the change of each repository.

    Writes nothing outside the campaign's folder. A SOURCE is a folder with checkouts, a git URL,
    github:ORG, gitlab:GROUP, bitbucket:WORKSPACE, or @FILE or - with one source a line.
    """
    # One for the whole campaign: the policy file of a repository could have the tool write other
    # names than those that were agreed on.
    agreed = Policies(policy).for_folder(Path.cwd())
    with (
        begin(
            None if dry_run else folder, agreed, branch, again=again, is_nested=nested
        ) as campaign,
        told(running) as progress,
        connected(campaign, progress, running) as connections,
    ):
        chosen = Chosen(include, exclude, topic, visibilities(visibility), forks)
        survey = Survey(
            campaign, connections.host_of, chosen, shard, progress, make_clock(), limits, jobs
        )
        is_complete = survey.run(connections.sources(sources, sys.stdin))
        return conclude(campaign, is_complete=is_complete)


@batch.command()
@campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@reported
def diff(folder: Path, names: tuple[str, ...]) -> ExitCode:
    """Show the planned changes.

    NAME limits it to some repositories; globs work.
    """
    wanted = Chosen(include=names)
    shown = False
    with read_only(folder) as campaign:
        for entry in campaign.ledger.entries():
            if not entry.has_diff or wanted.why_not_by_name(entry.ref):
                continue
            shown = True
            click.echo(printable(f"# {entry.ref.label} ({entry.state.value})"))
            diff = campaign.read_diff(entry)
            click.echo(printable_file(diff) if sys.stdout.isatty() else diff, nl=False)
    if names and not shown:
        click.echo(printable(f"no planned change of {', '.join(names)}"), err=True)
        return ExitCode.LEFT
    return ExitCode.DONE


@batch.command()
@campaign_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a repository")
@click.option(
    "--refresh", is_flag=True, help="First ask the hosts for the state of each pull request"
)
@running_options
@reported
def status(folder: Path, as_json: bool, refresh: bool, running: Running) -> ExitCode:
    """Show the state of the repositories."""
    if refresh:
        with following_session(folder, (), running) as (campaign, following):
            following.refresh()
            write_results(campaign)
    with read_only(folder) as campaign:
        if as_json:
            from cci_migrate.campaign.results import result

            for entry in campaign.ledger.entries():
                click.echo(json_text(result(entry)))
        else:
            for line in summary(campaign.ledger):
                click.echo(printable(line))
        return exit_code(campaign.ledger)


@batch.command()
@campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--local",
    "mode",
    type=click.Choice([mode.value for mode in LocalMode]),
    callback=lambda _ctx, _param, value: LocalMode(value),
    default=LocalMode.IN_PLACE.value,
    show_default=True,
    help="Local checkouts: rewrite the files, commit on the branch, or push that to origin",
)
@click.option("--message", metavar="TEXT", help="The commit's message (default: the title)")
@click.option("--title", metavar="TEXT", help="The pull request's title")
@click.option(
    "--body",
    "body_file",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="The pull request's text, a Jinja template",
)
@click.option("--draft", is_flag=True, help="Open pull requests as drafts")
@click.option("--label", "labels", multiple=True, help="Put a label on the pull request")
@click.option("--reviewer", "reviewers", multiple=True, help="Ask for a review")
@click.option("--max-prs", type=click.IntRange(1), metavar="N", help="Stop after N changes")
@click.option("--until", callback=to_time, metavar="TIME", help="Stop at HH:MM")
@click.option(
    "--canary",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    metavar="N",
    help="Open N pull requests first, the rest once their CI has passed",
)
@click.option(
    "--canary-wait",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="How long to wait for their CI",
)
@click.option(
    "--per-hour",
    type=click.IntRange(1),
    default=LIMITS.per_hour,
    show_default=True,
    metavar="N",
    help="Pull requests an hour, on one host under one identity",
)
@click.option(
    "--seconds-between",
    type=click.FloatRange(0),
    default=LIMITS.apart,
    show_default=True,
    metavar="SECONDS",
    help="Between two pull requests",
)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be written; write nothing")
@limit_options
@running_options
@reported
def apply(
    folder: Path,
    names: tuple[str, ...],
    mode: LocalMode,
    message: str | None,
    title: str | None,
    body_file: Any,
    draft: bool,
    labels: tuple[str, ...],
    reviewers: tuple[str, ...],
    max_prs: int | None,
    until: float,
    canary: int,
    canary_wait: int,
    per_hour: int,
    seconds_between: float,
    dry_run: bool,
    limits: WorkLimits,
    running: Running,
) -> ExitCode:
    """Write the planned changes.

    NAME limits it to some repositories; globs work. Reads each repository again first: if its
    files changed since, it is planned again and waits for the next run. A pull request that
    somebody closed stays closed.
    """
    body = None if body_file is None else body_file.read()
    given = Words(message or "", title or "", body or "", draft, labels, reviewers)
    given.check()
    clock = make_clock()
    with (
        opened(folder) as campaign,
        told(running, is_dry_run=dry_run) as progress,
        connected(
            campaign,
            progress,
            running,
            mode,
            Limits(per_hour, seconds_between),
            until,
        ) as connections,
        planner(campaign.policy, limits) as computing,
    ):
        check_local_mode(campaign, mode)
        words = given.completed(campaign.policy)
        if not dry_run:
            record_local_mode(campaign, mode)
        terms = Terms(words, max_prs, until, dry_run, Chosen(include=names, forks=True))
        wave = Wave(canary, canary_wait * 60.0, connections.host_of, clock, progress)
        application = Application(
            campaign, connections.host_of, terms, wave, progress, clock, computing
        )
        is_complete = application.run()
        return conclude(campaign, is_complete=is_complete)


@batch.command()
@campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@running_options
@reported
def close(folder: Path, names: tuple[str, ...], running: Running) -> ExitCode:
    """Close the open pull requests.

    NAME limits it to some repositories; globs work. Also deletes the branches, unless somebody
    else committed to them. Merged changes stay.
    """
    with following_session(folder, names, running) as (campaign, following):
        return conclude(campaign, is_complete=following.close())


@batch.command()
@campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@running_options
@reported
def revert(folder: Path, names: tuple[str, ...], running: Running) -> ExitCode:
    """Undo the changes.

    NAME limits it to some repositories; globs work. Closes open pull requests, opens a reverting
    one for each merged one, deletes branches in checkouts, and restores files rewritten in place
    unless they changed since.
    """
    with following_session(folder, names, running) as (campaign, following):
        return conclude(campaign, is_complete=following.revert())


@batch.command()
@campaign_option
@click.option(
    "--html",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="Where to write the page",
)
@reported
def report(folder: Path, path: Path) -> ExitCode:
    """Write an HTML report."""
    from cci_migrate.campaign.html_report import write_report

    with read_only(folder) as campaign:
        try:
            write_report(campaign, path)
        except OSError as error:
            raise CampaignError(f"{path}: cannot be written: {error.strerror}") from None
    return ExitCode.DONE


@batch.command()
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR...",
)
@campaign_option
@reported
def merge(folders: tuple[Path, ...], folder: Path) -> ExitCode:
    """Merge campaigns into one.

    Such as the shares that the nodes of a CI job planned.
    """
    from cci_migrate.campaign.merging import merge as merge_campaigns

    with read_only(folders[0]) as first:
        policy, branch, is_nested = first.policy, first.branch, first.is_nested
    with begin(folder, policy, branch, again=False, is_nested=is_nested) as campaign:
        merge_campaigns(campaign, folders)
        return conclude(campaign, is_complete=True)


@batch.command()
@campaign_option
@click.option(
    "--sourcegraph",
    is_flag=True,
    required=True,
    help="As a batch spec of Sourcegraph",
)
@click.option("--name", default="cci-migrate", show_default=True, help="The batch change's name")
@click.option(
    "--container",
    default="python:3.13-slim",
    show_default=True,
    metavar="IMAGE",
    help="What the step runs in",
)
@reported
def export(folder: Path, sourcegraph: bool, name: str, container: str) -> ExitCode:
    """Print the planned changes for another tool."""
    from cci_migrate.campaign.export import exported, sourcegraph_spec

    del sourcegraph
    with read_only(folder) as campaign:
        if not exported(campaign):
            raise CampaignError(f"{folder}: no planned repository that is not a local checkout")
        click.echo(printable_lines(sourcegraph_spec(campaign, name, container)), nl=False)
    return ExitCode.DONE
