"""``cci-migrate batch`` and its subcommands."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.branch_names import DEFAULT_BRANCH
from cci_migrate.campaign.campaign_merge import merge as merge_campaigns
from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.export import exportable_entries, sourcegraph_spec
from cci_migrate.campaign.folder import (
    CampaignError,
    begin_campaign,
    open_read_only,
    shared_settings,
)
from cci_migrate.campaign.html_report import write_report
from cci_migrate.campaign.plan_run import PlanRun
from cci_migrate.campaign.repository_filter import RepositoryFilter, Shard
from cci_migrate.campaign.undo_run import UndoRun
from cci_migrate.cli.batch_apply import apply, comment
from cci_migrate.cli.batch_following import merge_when_green, status, watch
from cci_migrate.cli.batch_options import (
    Pace,
    Running,
    default_shard,
    exits_with_code,
    folder_option,
    pace_options,
    repositories_argument,
    running_options,
    to_shard,
)
from cci_migrate.cli.batch_review import approve, diff
from cci_migrate.cli.batch_sessions import (
    campaign_session,
    conclude,
    connections_of,
    make_clock,
    plan_verification,
    progress_reporter,
)
from cci_migrate.cli.compiler_options import CompilerOptions, compiler_options
from cci_migrate.cli.option_values import choice_of, option_group
from cci_migrate.cli.optional_values import CommandWithOptionalValues
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, every_policy_option
from cci_migrate.cli.shared_options import dry_run_option, limit_options
from cci_migrate.escaping.terminal_text import printable_lines
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.repository import Visibility


@click.group()
def batch() -> None:
    """Make the same change across many repositories.

    \b
    cci-migrate batch plan github:acme --campaign docker-auth
    cci-migrate batch diff --campaign docker-auth
    cci-migrate batch apply --campaign docker-auth

    `batch plan --help` lists the other kinds of sources.
    """


_filter_options = option_group(
    "repositories",
    RepositoryFilter,
    click.option("--include", multiple=True, metavar="GLOB", help="Only names matching GLOB"),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Skip names matching GLOB"),
    click.option(
        "--topic", "topics", multiple=True, help="Only repositories with one of these topics"
    ),
    click.option(
        "--visibility",
        multiple=True,
        **choice_of(kind for kind in Visibility if kind is not Visibility.UNKNOWN),
        help="Only repositories with this visibility",
    ),
    click.option("--forks", is_flag=True, help="Include forks"),
)


@batch.command(cls=CommandWithOptionalValues)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@folder_option
@every_policy_option
@_filter_options
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
@dry_run_option("Show what would be planned; write nothing")
@compiler_options(verify="Plan only changes that CircleCI's compiler confirms")
@click.option(
    "--verify-limit",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    metavar="N",
    help="With --verify: stop after N configs",
)
@limit_options
@running_options
@exits_with_code
def plan(
    sources: tuple[str, ...],
    folder: Path,
    repositories: RepositoryFilter,
    shard: Shard,
    nested: bool,
    split: bool,
    branch: str,
    again: bool,
    jobs: int | None,
    dry_run: bool,
    compiler: CompilerOptions | None,
    verify_limit: int,
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
    # One policy for the whole campaign: a repository's own policy file could make the tool write
    # names that nobody reviewed.
    campaign_policy = Policies(policy).for_folder(Path.cwd())
    settings = shared_settings(
        campaign_policy,
        branch,
        is_nested=nested,
        is_split=split,
        needs_confirmation=compiler is not None,
    )
    with (
        begin_campaign(folder, settings, again=again, is_dry_run=dry_run) as campaign,
        progress_reporter(running) as progress,
        connections_of(campaign, progress, running) as connections,
        plan_verification(campaign, progress, compiler, limits, verify_limit) as verification,
    ):
        session = CampaignSession(
            campaign, connections.host_of, repositories, progress, make_clock()
        )
        run = PlanRun(session, shard, limits, jobs, verification)
        reached = run.run(connections.sources(sources, sys.stdin))
        for problem in connections.token_problems():
            progress.note(problem)
        return conclude(campaign, reached)


for command in (diff, approve, apply, comment, status, watch, merge_when_green):
    batch.add_command(command)


@batch.command()
@folder_option
@repositories_argument
@pace_options
@running_options
@exits_with_code
def close(folder: Path, repositories: RepositoryFilter, pace: Pace, running: Running) -> ExitCode:
    """Close the open pull requests.

    NAME limits it to some repositories; globs work. Also deletes the branches, unless somebody
    else committed to them. Merged changes stay.
    """
    with campaign_session(folder, repositories, running, pace) as session:
        return conclude(session.campaign, UndoRun(session).close())


@batch.command()
@folder_option
@repositories_argument
@pace_options
@running_options
@exits_with_code
def revert(folder: Path, repositories: RepositoryFilter, pace: Pace, running: Running) -> ExitCode:
    """Undo the changes.

    NAME limits it to some repositories; globs work. Closes open pull requests, opens one that
    reverts each merged one, deletes branches in checkouts, and restores files rewritten in place
    unless somebody changed them since.
    """
    with campaign_session(folder, repositories, running, pace) as session:
        return conclude(session.campaign, UndoRun(session).revert())


@batch.command()
@folder_option
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
@folder_option
@exits_with_code
def merge(folders: tuple[Path, ...], folder: Path) -> ExitCode:
    """Merge campaigns into one.

    For instance the shares that the nodes of a CI job planned. `batch merge-when-green` merges
    pull requests.
    """
    with open_read_only(folders[0]) as first:
        settings = first.settings
    with begin_campaign(folder, settings) as campaign:
        merge_campaigns(campaign, folders)
        return conclude(campaign, ExitCode.DONE)


@batch.command()
@folder_option
@click.option("--sourcegraph", is_flag=True, required=True, help="Print a Sourcegraph batch spec")
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
    del sourcegraph
    with open_read_only(folder) as campaign:
        if not exportable_entries(campaign):
            raise CampaignError(
                f"{folder}: no planned repository on a host; local checkouts are not exported"
            )
        click.echo(printable_lines(sourcegraph_spec(campaign, name, container)), nl=False)
    return ExitCode.DONE
