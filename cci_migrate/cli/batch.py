"""``cci-migrate batch`` and its subcommands."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.folder import CampaignError, begin_campaign, open_read_only
from cci_migrate.campaign.plan_run import PlanRun
from cci_migrate.campaign.repository_filter import RepositoryFilter, Shard
from cci_migrate.cli.batch_apply import apply, comment
from cci_migrate.cli.batch_following import merge_when_green, status, watch
from cci_migrate.cli.batch_options import (
    Pace,
    Running,
    campaign_option,
    default_shard,
    exits_with_code,
    pace_options,
    running_options,
    to_shard,
    visibilities,
)
from cci_migrate.cli.batch_review import approve, diff
from cci_migrate.cli.batch_sessions import (
    conclude,
    connections_of,
    follow_up_session,
    make_clock,
    plan_verification,
    progress_reporter,
)
from cci_migrate.cli.limit_options import limit_options
from cci_migrate.cli.optional_values import CommandWithOptionalValues
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, every_policy_option
from cci_migrate.cli.verify_options import CompilerOptions, compiler_options
from cci_migrate.escaping.terminal_text import printable_lines
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.campaign_identity import DEFAULT_BRANCH
from cci_migrate.forges.repository import Visibility
from cci_migrate.preflight.slugs import Organisation


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def batch() -> None:
    """Make the same change across many repositories.

    \b
    cci-migrate batch plan github:acme --campaign docker-auth
    cci-migrate batch diff --campaign docker-auth
    cci-migrate batch apply --campaign docker-auth

    `batch plan --help` lists the other kinds of sources.
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
    type=click.Choice(
        [visibility.value for visibility in Visibility if visibility is not Visibility.UNKNOWN]
    ),
    help="Only repositories with this visibility",
)
@click.option("--forks", is_flag=True, help="Include forks")
@click.option(
    "--shard",
    callback=to_shard,
    default=default_shard,
    metavar="K/N",
    help="Plan only share K of N (default in a parallel CircleCI job: the node's)",
)
@click.option(
    "--nested",
    is_flag=True,
    help="Also search below the root on hosts with an API; takes a request for each repository",
)
@click.option(
    "--split",
    is_flag=True,
    help="Open a pull request for each project (folder with .circleci) of a monorepo; "
    "implies --nested",
)
@click.option("--branch", default=DEFAULT_BRANCH, show_default=True, help="Branch to create")
@click.option(
    "--again",
    is_flag=True,
    help="Plan every repository again, except changed, closed and reverted ones",
)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Number of processes")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be planned; write nothing")
@click.option("--verify", is_flag=True, help="Plan only changes that CircleCI's compiler confirms")
@click.option(
    "--verify-limit",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    metavar="N",
    help="With --verify: stop after N configs",
)
@compiler_options
@limit_options
@running_options
@exits_with_code
@click.pass_context
def plan(
    ctx: click.Context,
    sources: tuple[str, ...],
    folder: Path,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    topic: tuple[str, ...],
    visibility: tuple[str, ...],
    forks: bool,
    shard: Shard,
    nested: bool,
    split: bool,
    branch: str,
    again: bool,
    jobs: int | None,
    dry_run: bool,
    verify: bool,
    verify_limit: int,
    organisation: Organisation | None,
    api_url: str,
    send_secrets: bool,
    limits: WorkLimits,
    running: Running,
    policy: PolicySource,
) -> ExitCode:
    """Plan the change of each repository.

    Writes only to the campaign's folder. Each SOURCE is one of these:

    \b
    github:ORG           github:acme, github:acme/api
    gitlab:GROUP         gitlab:acme, gitlab:acme/platform/, gitlab:acme/api
    bitbucket:WORKSPACE  bitbucket:acme, bitbucket:acme/api
    gitea:OWNER          gitea:acme, forgejo:acme/api, gitea+https://HOST/acme
    a git URL            https://git.example.com/team/api.git
    a folder             ~/checkouts, with the checkouts in it
    @FILE or -           a list, one source a line
    """
    if not verify and (organisation is not None or send_secrets):
        raise click.UsageError("--org and --send-secrets require --verify", ctx)
    compiler = CompilerOptions(api_url, organisation, send_secrets) if verify else None
    # One policy for the whole campaign: a repository's own policy file could make the tool write
    # names that nobody reviewed.
    campaign_policy = Policies(policy).for_folder(Path.cwd())
    with (
        begin_campaign(
            folder,
            campaign_policy,
            branch,
            again=again,
            is_dry_run=dry_run,
            is_nested=nested,
            is_split=split,
            needs_confirmation=verify,
        ) as campaign,
        progress_reporter(running) as progress,
        connections_of(campaign, progress, running) as connections,
        plan_verification(campaign, progress, compiler, limits, verify_limit) as verification,
    ):
        repository_filter = RepositoryFilter(
            include, exclude, topic, visibilities(visibility), forks
        )
        run = PlanRun(
            campaign,
            connections.host_of,
            repository_filter,
            shard,
            progress,
            make_clock(),
            limits,
            jobs,
            verification,
        )
        reached = run.run(connections.sources(sources, sys.stdin))
        for problem in connections.token_problems():
            progress.note(problem)
        return conclude(campaign, reached)


batch.add_command(diff)
batch.add_command(approve)
batch.add_command(apply)
batch.add_command(comment)
batch.add_command(status)
batch.add_command(watch)
batch.add_command(merge_when_green)


@batch.command()
@campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@pace_options
@running_options
@exits_with_code
def close(folder: Path, names: tuple[str, ...], pace: Pace, running: Running) -> ExitCode:
    """Close the open pull requests.

    NAME limits it to some repositories; globs work. Also deletes the branches, unless somebody
    else committed to them. Merged changes stay.
    """
    with follow_up_session(folder, names, running, pace) as (campaign, follow_up):
        return conclude(campaign, follow_up.close())


@batch.command()
@campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@pace_options
@running_options
@exits_with_code
def revert(folder: Path, names: tuple[str, ...], pace: Pace, running: Running) -> ExitCode:
    """Undo the changes.

    NAME limits it to some repositories; globs work. Closes open pull requests, opens one that
    reverts each merged one, deletes branches in checkouts, and restores files rewritten in place
    unless somebody changed them since.
    """
    with follow_up_session(folder, names, running, pace) as (campaign, follow_up):
        return conclude(campaign, follow_up.revert())


@batch.command()
@campaign_option
@click.option(
    "--html",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="File to write",
)
@exits_with_code
def report(folder: Path, path: Path) -> ExitCode:
    """Write an HTML report."""
    from cci_migrate.campaign.html_report import write_report

    with open_read_only(folder) as campaign:
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
@exits_with_code
def merge(folders: tuple[Path, ...], folder: Path) -> ExitCode:
    """Merge campaigns into one.

    For instance the shares that the nodes of a CI job planned. `batch merge-when-green` merges
    pull requests.
    """
    from cci_migrate.campaign.campaign_merge import merge as merge_campaigns

    with open_read_only(folders[0]) as first:
        policy, branch, is_nested = first.policy, first.branch, first.is_nested
        is_split, is_confirmed = first.is_split, first.needs_confirmation
    with begin_campaign(
        folder,
        policy,
        branch,
        again=False,
        is_nested=is_nested,
        is_split=is_split,
        needs_confirmation=is_confirmed,
    ) as campaign:
        merge_campaigns(campaign, folders)
        return conclude(campaign, ExitCode.DONE)


@batch.command()
@campaign_option
@click.option(
    "--sourcegraph",
    is_flag=True,
    required=True,
    help="Print a Sourcegraph batch spec",
)
@click.option("--name", default="cci-migrate", show_default=True, help="Name of the batch change")
@click.option(
    "--container",
    required=True,
    metavar="IMAGE",
    help="Image with cci-migrate that the step runs in",
)
@exits_with_code
def export(folder: Path, sourcegraph: bool, name: str, container: str) -> ExitCode:
    """Print the planned changes for another tool."""
    from cci_migrate.campaign.export import exportable_entries, sourcegraph_spec

    del sourcegraph
    with open_read_only(folder) as campaign:
        if not exportable_entries(campaign):
            raise CampaignError(
                f"{folder}: no planned repository on a host; local checkouts are not exported"
            )
        click.echo(printable_lines(sourcegraph_spec(campaign, name, container)), nl=False)
    return ExitCode.DONE
