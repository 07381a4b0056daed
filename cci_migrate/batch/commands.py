"""The command line of the batch: options in, one of the stages, the summary and exit code out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from cci_migrate.batch.applying import Application, Terms
from cci_migrate.batch.campaign import (
    DEFAULT_BRANCH,
    Campaign,
    CampaignError,
    begin,
    opened,
    read_only,
)
from cci_migrate.batch.choosing import Chosen, Shard, read_shard
from cci_migrate.batch.connections import Connections, SourceError
from cci_migrate.batch.following import Following
from cci_migrate.batch.ledger import LedgerError
from cci_migrate.batch.local_checkouts import LocalMode
from cci_migrate.batch.messages import BODY, MESSAGE, TITLE, MessageError, Words
from cci_migrate.batch.pace import Lane, Limits, SystemClock
from cci_migrate.batch.policy_options import policy_options, read_policy
from cci_migrate.batch.progress import Progress, make_progress
from cci_migrate.batch.redaction import redact
from cci_migrate.batch.repository import Visibility
from cci_migrate.batch.results import exit_code, summary, write_results
from cci_migrate.batch.states import State
from cci_migrate.batch.surveying import Survey
from cci_migrate.batch.waves import Wave
from cci_migrate.outcomes import ExitCode
from cci_migrate.policy_file import PolicyError

_F = TypeVar("_F", bound=Callable[..., Any])
_LIMITS = Limits()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def batch() -> None:
    """Make the same change across many repositories.

    \b
    cci-migrate batch plan ~/checkouts --campaign docker-auth
    cci-migrate batch diff --campaign docker-auth
    cci-migrate batch apply --campaign docker-auth
    """


def _campaign_option(command: _F) -> _F:
    return click.option(
        "--campaign",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        metavar="DIR",
        help="The campaign's folder.",
    )(command)


def _progress_options(command: _F) -> _F:
    for option in (
        click.option("-v", "--verbose", is_flag=True, help="Tell of every repository."),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            help="How progress is told on standard error.",
        ),
    ):
        command = option(command)
    return command


def _reported(command: _F) -> _F:
    """Turn what can go wrong as a whole into one line and an exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except (CampaignError, LedgerError, SourceError, MessageError, PolicyError) as error:
            click.echo(f"error: {redact(str(error))}", err=True)
            code = ExitCode.USAGE
        except KeyboardInterrupt:
            click.echo("interrupted; run the same command again to go on", err=True)
            code = ExitCode.INTERRUPTED
        sys.exit(code.value)

    return run  # type: ignore[return-value]


def _visibilities(names: tuple[str, ...]) -> tuple[Visibility, ...]:
    return tuple(Visibility(name) for name in names)


def _shard(context: click.Context, parameter: click.Parameter, value: str | None) -> Shard:
    del context, parameter
    if value is None:
        return Shard()
    try:
        return read_shard(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _default_shard() -> str | None:
    """The share of this node of a CircleCI job with parallelism.

    https://circleci.com/docs/guides/optimize/parallelism-faster-jobs/
    """
    import os

    index, total = os.environ.get("CIRCLE_NODE_INDEX"), os.environ.get("CIRCLE_NODE_TOTAL")
    return f"{int(index) + 1}/{total}" if index and total and index.isdecimal() else None


def _until(context: click.Context, parameter: click.Parameter, text: str | None) -> float:
    """The next time the clock shows ``HH:MM``."""
    del context, parameter
    if text is None:
        return 0.0
    try:
        wanted = time.strptime(text, "%H:%M")
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time like 17:30") from None
    now = time.localtime()
    at = time.mktime(
        (now.tm_year, now.tm_mon, now.tm_mday, wanted.tm_hour, wanted.tm_min, 0, 0, 0, -1)
    )
    return at if at > time.time() else at + 24 * 3600


@batch.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_campaign_option
@policy_options
@click.option("--include", multiple=True, metavar="GLOB", help="Only repositories named so.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="No repositories named so.")
@click.option("--topic", multiple=True, help="Only repositories with one of these topics.")
@click.option(
    "--visibility",
    multiple=True,
    type=click.Choice([v.value for v in Visibility if v is not Visibility.UNKNOWN]),
    help="Only repositories that are so.",
)
@click.option("--forks", is_flag=True, help="Forks too.")
@click.option(
    "--shard",
    callback=_shard,
    default=_default_shard,
    metavar="K/N",
    help="Only share K of N; within a parallel CircleCI job, that of the node.",
)
@click.option("--branch", default=DEFAULT_BRANCH, show_default=True, help="The branch to make.")
@click.option("--again", is_flag=True, help="Look at everything again.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes that compute.")
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would be planned.")
@_progress_options
@_reported
def plan(
    sources: tuple[str, ...],
    folder: Path,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    topic: tuple[str, ...],
    visibility: tuple[str, ...],
    forks: bool,
    shard: Shard,
    branch: str,
    again: bool,
    jobs: int | None,
    dry_run: bool,
    verbose: bool,
    log_format: str,
    **policy: Any,
) -> ExitCode:
    """Look at the repositories of each SOURCE and compute what is to change.

    Reads only, and writes nothing outside the campaign's folder. A SOURCE is a folder with
    checkouts, a git URL, @FILE or - with one source a line.
    """
    with (
        begin(None if dry_run else folder, read_policy(policy), branch, again=again) as campaign,
        _progress(log_format, verbose) as progress,
        _connections(campaign, progress) as connections,
    ):
        chosen = Chosen(include, exclude, topic, _visibilities(visibility), forks)
        survey = Survey(campaign, connections.host_of, chosen, shard, progress, SystemClock(), jobs)
        is_complete = survey.run(connections.sources(sources, sys.stdin))
        return _conclude(campaign, is_complete=is_complete)


@batch.command()
@_campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_reported
def diff(folder: Path, names: tuple[str, ...]) -> ExitCode:
    """Show what is planned: of all repositories, or of those named (globs work)."""
    wanted = Chosen(include=names)
    shown = False
    with read_only(folder) as campaign:
        for entry in campaign.ledger.entries():
            if not entry.diff or wanted.why_not_by_name(entry.ref):
                continue
            shown = True
            click.echo(f"# {entry.ref.label} ({entry.state.value})")
            click.echo(campaign.read_diff(entry), nl=False)
    if names and not shown:
        click.echo(f"no planned change of {', '.join(names)}", err=True)
        return ExitCode.LEFT
    return ExitCode.DONE


@batch.command()
@_campaign_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a repository.")
@click.option("--refresh", is_flag=True, help="First ask what became of the pull requests.")
@_progress_options
@_reported
def status(folder: Path, as_json: bool, refresh: bool, verbose: bool, log_format: str) -> ExitCode:
    """Tell where every repository stands."""
    if refresh:
        with _following(folder, (), log_format, verbose) as (campaign, following):
            following.refresh()
            write_results(campaign)
    with read_only(folder) as campaign:
        if as_json:
            import json

            from cci_migrate.batch.results import result

            for entry in campaign.ledger.entries():
                click.echo(json.dumps(result(entry)))
        else:
            for line in summary(campaign.ledger):
                click.echo(line)
        return exit_code(campaign.ledger)


@batch.command()
@_campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--local",
    "local_mode",
    type=click.Choice([mode.value for mode in LocalMode]),
    default=LocalMode.IN_PLACE.value,
    show_default=True,
    help="Local checkouts: rewrite the files, commit on the branch, or push that to origin.",
)
@click.option("--message", default=MESSAGE, metavar="TEXT", help="The commit's message.")
@click.option("--title", default=TITLE, metavar="TEXT", help="The pull request's title.")
@click.option(
    "--body",
    "body_file",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="The pull request's text, a Jinja template.",
)
@click.option("--draft", is_flag=True, help="Open pull requests as drafts.")
@click.option("--label", "labels", multiple=True, help="Put a label on the pull request.")
@click.option("--reviewer", "reviewers", multiple=True, help="Ask for a review.")
@click.option("--max-prs", type=click.IntRange(1), metavar="N", help="End after N changes.")
@click.option("--until", callback=_until, metavar="TIME", help="End at HH:MM.")
@click.option(
    "--canary",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    metavar="N",
    help="Open N pull requests, and the rest once their CI has passed.",
)
@click.option(
    "--canary-wait",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="How long to wait for it before ending.",
)
@click.option(
    "--per-hour",
    type=click.IntRange(1),
    default=_LIMITS.per_hour,
    show_default=True,
    metavar="N",
    help="Pull requests an hour, on one host under one identity.",
)
@click.option(
    "--seconds-between",
    type=click.FloatRange(0),
    default=_LIMITS.apart,
    show_default=True,
    metavar="SECONDS",
    help="Between two pull requests.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Look, compute and tell; write nothing.")
@_progress_options
@_reported
def apply(
    folder: Path,
    names: tuple[str, ...],
    local_mode: str,
    message: str,
    title: str,
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
    verbose: bool,
    log_format: str,
) -> ExitCode:
    """Write what is planned, to all repositories or to those named (globs work).

    Looks at each again first. One that moved on since it was planned is planned again and waits
    for the next run; one whose pull request somebody closed is left alone.
    """
    body = BODY if body_file is None else body_file.read()
    words = Words(message, title, body, draft, labels, reviewers)
    words.check()
    clock = SystemClock()
    with (
        opened(folder) as campaign,
        _progress(log_format, verbose) as progress,
        _connections(
            campaign, progress, LocalMode(local_mode), Limits(per_hour, seconds_between), until
        ) as connections,
    ):
        campaign.ledger.set({"local-mode": local_mode})
        terms = Terms(words, max_prs, until, dry_run, Chosen(include=names, forks=True))
        wave = Wave(canary, canary_wait * 60.0, connections.host_of, clock, progress)
        application = Application(campaign, connections.host_of, terms, wave, progress, clock)
        is_complete = application.run()
        return _conclude(campaign, is_complete=is_complete)


@batch.command()
@_campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_progress_options
@_reported
def close(folder: Path, names: tuple[str, ...], verbose: bool, log_format: str) -> ExitCode:
    """Close the open pull requests, of all repositories or of those named (globs work).

    Deletes the branches too, where nobody else committed to them. What is merged stays.
    """
    with _following(folder, names, log_format, verbose) as (campaign, following):
        return _conclude(campaign, is_complete=following.close())


@batch.command()
@_campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_progress_options
@_reported
def revert(folder: Path, names: tuple[str, ...], verbose: bool, log_format: str) -> ExitCode:
    """Take the change back, in all repositories or in those named (globs work).

    Open pull requests are closed, for merged ones the reverting pull request is opened (on GitHub),
    files that were rewritten in place get their old content, unless they changed since.
    """
    with _following(folder, names, log_format, verbose) as (campaign, following):
        return _conclude(campaign, is_complete=following.revert())


@batch.command()
@_campaign_option
@click.option(
    "--html",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="Where to write the page.",
)
@_reported
def report(folder: Path, path: Path) -> ExitCode:
    """Write the campaign as one self-contained HTML page."""
    from cci_migrate.batch.report import write_report

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
@_campaign_option
@_reported
def merge(folders: tuple[Path, ...], folder: Path) -> ExitCode:
    """Make one campaign of several, such as the shares that the nodes of a CI job planned."""
    from cci_migrate.batch.merging import merge as merge_campaigns

    with read_only(folders[0]) as first:
        policy, branch = first.policy, first.branch
    with begin(folder, policy, branch, again=False) as campaign:
        merge_campaigns(campaign, folders)
        return _conclude(campaign, is_complete=True)


@batch.command()
@_campaign_option
@click.option(
    "--sourcegraph",
    is_flag=True,
    required=True,
    help="As a batch spec of Sourcegraph.",
)
@click.option("--name", default="cci-migrate", show_default=True, help="The batch change's name.")
@click.option(
    "--container",
    default="python:3.13-slim",
    show_default=True,
    metavar="IMAGE",
    help="What the step runs in.",
)
@_reported
def export(folder: Path, sourcegraph: bool, name: str, container: str) -> ExitCode:
    """Print the planned changes for another engine that makes them."""
    from cci_migrate.batch.export import exported, sourcegraph_spec

    del sourcegraph
    with read_only(folder) as campaign:
        if not exported(campaign):
            raise CampaignError(f"{folder}: no planned repository that is not a local checkout")
        click.echo(sourcegraph_spec(campaign, name, container), nl=False)
    return ExitCode.DONE


@contextmanager
def _following(
    folder: Path, names: tuple[str, ...], log_format: str, verbose: bool
) -> Iterator[tuple[Campaign, Following]]:
    with opened(folder) as campaign, _progress(log_format, verbose) as progress:
        mode = LocalMode(campaign.ledger.setting("local-mode", LocalMode.IN_PLACE.value))
        with _connections(campaign, progress, mode) as connections:
            chosen = Chosen(include=names, forks=True)
            yield (
                campaign,
                Following(campaign, connections.host_of, chosen, progress, SystemClock()),
            )


def _conclude(campaign: Campaign, *, is_complete: bool) -> ExitCode:
    write_results(campaign)
    for line in summary(campaign.ledger):
        click.echo(line)
    if not is_complete and campaign.ledger.counts()[State.FAILED] == 0:
        return ExitCode.LEFT
    return exit_code(campaign.ledger)


@contextmanager
def _connections(
    campaign: Campaign,
    progress: Progress,
    mode: LocalMode = LocalMode.IN_PLACE,
    limits: Limits = _LIMITS,
    deadline: float = 0.0,
) -> Iterator[Connections]:
    clock = SystemClock()

    def lane_of(name: str) -> Lane:
        return Lane(name, campaign.ledger, limits, clock, deadline, progress)

    connections = Connections(campaign, mode, lane_of, clock)
    try:
        yield connections
    finally:
        connections.end()


@contextmanager
def _progress(log_format: str, verbose: bool) -> Iterator[Progress]:
    progress = make_progress(log_format, is_verbose=verbose)
    try:
        yield progress
    finally:
        progress.end()
