"""``cci-migrate batch`` and its subcommands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.apply_run import ApplyOptions, ApplyRun
from cci_migrate.campaign.canary import Canary
from cci_migrate.campaign.change_groups import approved_groups
from cci_migrate.campaign.ci_results import CiWait
from cci_migrate.campaign.commenting import CommentRun
from cci_migrate.campaign.folder import (
    DEFAULT_BRANCH,
    CampaignError,
    begin_campaign,
    open_campaign,
    open_read_only,
)
from cci_migrate.campaign.message_templates import MessageTemplates, check_comment
from cci_migrate.campaign.plan_run import PlanRun
from cci_migrate.campaign.planner import planner
from cci_migrate.campaign.pull_request_extras import PullRequestExtras
from cci_migrate.campaign.repository_filter import RepositoryFilter, Shard
from cci_migrate.campaign.waves import WaveLimits, Waves
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
    check_commits,
    check_local_mode,
    conclude,
    connections_of,
    follow_up_session,
    git_identity,
    make_clock,
    plan_verification,
    progress_reporter,
    record_local_mode,
    show_access,
)
from cci_migrate.cli.limit_options import limit_options
from cci_migrate.cli.optional_values import CommandWithOptionalValues
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, every_policy_option
from cci_migrate.cli.verify_options import CompilerOptions, compiler_options
from cci_migrate.engine.exit_codes import ExitCode
from cci_migrate.escaping.terminal_text import printable_lines
from cci_migrate.forges.host import Extras
from cci_migrate.forges.local_checkouts import LocalMode
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
    type=click.Choice([v.value for v in Visibility if v is not Visibility.UNKNOWN]),
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
batch.add_command(status)
batch.add_command(watch)
batch.add_command(merge_when_green)


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
@click.option(
    "--allow-dirty", is_flag=True, help="Rewrite files also in checkouts with uncommitted changes"
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
@click.option("--label", "labels", multiple=True, help="Add a label to the pull request")
@click.option("--reviewer", "reviewers", multiple=True, help="Request a review from this user")
@click.option(
    "--reviewers-from-codeowners",
    "code_owners",
    is_flag=True,
    help="Request reviews from the code owners of the changed files",
)
@click.option("--assignee", "assignees", multiple=True, help="Assign the pull request to this user")
@click.option(
    "--replace-discussed",
    is_flag=True,
    help="Close outdated pull requests that people commented on, and open others",
)
@click.option("--signoff", is_flag=True, help="Add your Signed-off-by to the commit messages")
@click.option("--max-prs", type=click.IntRange(1), metavar="N", help="Stop after N changes")
@click.option("--approved", is_flag=True, help="Write only changes that `batch approve` approved")
@click.option(
    "--canary",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    metavar="N",
    help="Open N pull requests first, and the rest when their CI has passed",
)
@click.option(
    "--canary-repo",
    "canary_names",
    multiple=True,
    metavar="OWNER/NAME",
    help="Open this one first (default: active ones with CI, of different changes)",
)
@click.option(
    "--wave",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Then open N pull requests at a time, and stop if the CI of one turns red",
)
@click.option(
    "--max-open",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Stop while N pull requests of the campaign are open",
)
@click.option(
    "--canary-wait",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="How long to wait for the CI of the canary, or of a wave",
)
@pace_options
@click.option(
    "--check-access",
    is_flag=True,
    help="Show where the token can't push or open pull requests; write nothing",
)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be written; write nothing")
@limit_options
@running_options
@exits_with_code
@click.pass_context
def apply(
    ctx: click.Context,
    folder: Path,
    names: tuple[str, ...],
    mode: LocalMode,
    allow_dirty: bool,
    message: str | None,
    title: str | None,
    body_file: Any,
    draft: bool,
    labels: tuple[str, ...],
    reviewers: tuple[str, ...],
    code_owners: bool,
    assignees: tuple[str, ...],
    replace_discussed: bool,
    signoff: bool,
    max_prs: int | None,
    approved: bool,
    canary: int,
    canary_names: tuple[str, ...],
    wave: int,
    max_open: int,
    canary_wait: int,
    pace: Pace,
    check_access: bool,
    dry_run: bool,
    limits: WorkLimits,
    running: Running,
) -> ExitCode:
    """Write the planned changes.

    NAME limits it to some repositories; globs work. Reads each repository again first: if its
    files changed since, it is planned again and waits for the next run. Closed pull requests
    stay closed.
    """
    if canary_names and not canary:
        raise click.UsageError("--canary-repo and --canary 0 exclude each other", ctx)
    if check_access:
        return show_access(folder, names, running)
    body = None if body_file is None else body_file.read()
    templates = MessageTemplates(
        message or "",
        title or "",
        body or "",
        draft,
        git_identity() if signoff else "",
    )
    templates.check()
    clock = make_clock()
    with (
        open_campaign(folder) as campaign,
        progress_reporter(running, is_dry_run=dry_run) as progress,
        connections_of(
            campaign,
            progress,
            running,
            mode,
            pace,
            allows_dirty=allow_dirty,
        ) as connections,
        planner(campaign.policy, limits) as change_planner,
    ):
        check_local_mode(campaign, mode)
        repositories = RepositoryFilter(include=names, forks=True)
        if not dry_run:
            check_commits(campaign, mode, repositories, progress)
            record_local_mode(campaign, mode)
        messages = templates.completed(campaign.policy)
        options = ApplyOptions(
            messages,
            PullRequestExtras(Extras(labels, reviewers, assignees), code_owners),
            max_prs,
            pace.deadline,
            dry_run,
            repositories,
            pace.limits,
            approved_groups(campaign) if approved else None,
            canary_names,
            replace_discussed,
        )
        wait, host_of = CiWait(canary_wait * 60.0, clock, progress), connections.host_of
        run = ApplyRun(
            campaign,
            host_of,
            options,
            Canary(max(canary, len(canary_names)), wait, host_of, progress),
            Waves(WaveLimits(wave, max_open), wait, host_of, progress),
            progress,
            clock,
            change_planner,
        )
        return conclude(campaign, run.run())


@batch.command()
@campaign_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-m", "--message", metavar="TEXT", help="The comment, a Jinja template")
@click.option(
    "-F",
    "--file",
    "message_file",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="Read the comment from FILE; - is standard input",
)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be commented; write nothing")
@pace_options
@running_options
@exits_with_code
@click.pass_context
def comment(
    ctx: click.Context,
    folder: Path,
    names: tuple[str, ...],
    message: str | None,
    message_file: Any,
    dry_run: bool,
    pace: Pace,
    running: Running,
) -> ExitCode:
    """Comment on the open pull requests.

    NAME limits it to some repositories; globs work. Each pull request gets the same text only
    once, however often the command runs. The template has the variables of `apply --body`.
    """
    if (message is None) == (message_file is None):
        raise click.UsageError("give the comment with either --message or --file", ctx)
    template = message_file.read() if message is None else message
    check_comment(template)
    with (
        open_campaign(folder) as campaign,
        progress_reporter(running, is_dry_run=dry_run) as progress,
        connections_of(campaign, progress, running, pace=pace) as connections,
    ):
        repositories = RepositoryFilter(include=names, forks=True)
        return CommentRun(
            campaign, connections.host_of, repositories, template, progress, dry_run
        ).run()


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
        return conclude(campaign, ExitCode.DONE if follow_up.close() else ExitCode.LEFT)


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
        return conclude(campaign, ExitCode.DONE if follow_up.revert() else ExitCode.LEFT)


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
