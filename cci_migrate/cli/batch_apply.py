"""``batch apply`` and ``batch comment``: what is written to the repositories."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
from msgspec.structs import replace

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.apply_options import ApplyOptions, Forking
from cci_migrate.campaign.apply_run import ApplyRun
from cci_migrate.campaign.canary import Canary
from cci_migrate.campaign.change_groups import approved_groups
from cci_migrate.campaign.ci_gate import CiGate
from cci_migrate.campaign.comment_run import CommentRun
from cci_migrate.campaign.delivering import Deliverer
from cci_migrate.campaign.local_mode import check_local_mode, record_local_mode
from cci_migrate.campaign.message_templates import MessageTemplates, check_comment
from cci_migrate.campaign.planner import Planner
from cci_migrate.campaign.pull_request_extras import PullRequestExtras
from cci_migrate.campaign.repository_filter import RepositoryFilter
from cci_migrate.campaign.waves import WaveLimits, Waves
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
)
from cci_migrate.cli.batch_sessions import (
    campaign_session,
    check_commits,
    conclude,
    git_identity,
    show_access,
)
from cci_migrate.cli.option_values import TEXT_FILE, choice_of, option_group
from cci_migrate.cli.shared_options import dry_run_option, limit_options
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.extras import Extras
from cci_migrate.forges.local_checkouts import LocalMode

_message_options = option_group(
    "messages",
    lambda body, **others: MessageTemplates(body=body or "", **others),
    click.option(
        "--message", default="", metavar="TEXT", help="The commit's message (default: the title)"
    ),
    click.option("--title", default="", metavar="TEXT", help="The pull request's title"),
    click.option("--body", **TEXT_FILE, help="The pull request's text, a Jinja template"),
    click.option("--draft", is_flag=True, help="Open pull requests as drafts"),
)


def _extras(
    labels: tuple[str, ...],
    reviewers: tuple[str, ...],
    code_owners: bool,
    assignees: tuple[str, ...],
) -> PullRequestExtras:
    for option, names in (("label", labels), ("reviewer", reviewers), ("assignee", assignees)):
        if not all(map(str.strip, names)):
            raise click.UsageError(f"--{option} needs a name")
    return PullRequestExtras(Extras(labels, reviewers, assignees), code_owners)


_extras_options = option_group(
    "extras",
    _extras,
    click.option("--label", "labels", multiple=True, help="Add a label to the pull request"),
    click.option(
        "--reviewer", "reviewers", multiple=True, help="Request a review from this user or team"
    ),
    click.option(
        "--reviewers-from-codeowners",
        "code_owners",
        is_flag=True,
        help="Request reviews from the code owners of the changed files",
    ),
    click.option(
        "--assignee", "assignees", multiple=True, help="Assign the pull request to this user"
    ),
)


def _forking(fork: bool, fork_owner: str | None) -> Forking | None:
    if fork_owner is not None and not fork:
        raise click.UsageError("--fork-owner needs --fork")
    if fork_owner is not None and not fork_owner.strip():
        raise click.UsageError("--fork-owner needs the name of an organization")
    return Forking(fork_owner) if fork else None


_fork_options = option_group(
    "forking",
    _forking,
    click.option(
        "--fork",
        is_flag=True,
        help="Where the token can't push, open the pull request from a fork (GitHub)",
    ),
    click.option(
        "--fork-owner",
        metavar="ORG",
        help="With --fork: fork into this organization (default: your own account)",
    ),
)

_wave_options = option_group(
    "wave_limits",
    WaveLimits,
    click.option(
        "--wave",
        "size",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Then open N pull requests at a time, and stop if the CI of one turns red",
    ),
    click.option(
        "--max-open",
        "most_open",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Stop while N pull requests of the campaign are open",
    ),
)


@click.command()
@folder_option
@repositories_argument
@click.option(
    "--local",
    "mode",
    **choice_of(LocalMode),
    default=LocalMode.IN_PLACE.value,
    show_default=True,
    help="Local checkouts: rewrite the files, commit on the branch, or push that to origin",
)
@click.option(
    "--allow-dirty", is_flag=True, help="Rewrite files also in checkouts with uncommitted changes"
)
@_message_options
@_extras_options
@click.option(
    "--replace-discussed",
    is_flag=True,
    help="Close outdated pull requests that people commented on, and open others",
)
@_fork_options
@click.option("--signoff", is_flag=True, help="Add your Signed-off-by to the commit messages")
@click.option("--max-prs", type=click.IntRange(1), metavar="N", help="Stop after N changes")
@click.option("--approved", is_flag=True, help="Write only changes that `batch approve` approved")
@canary_options(
    "Open N pull requests first, and the rest when their CI has passed",
    "How long to wait for the CI of the canary, or of a wave",
)
@click.option(
    "--canary-repo",
    "canary_names",
    multiple=True,
    metavar="OWNER/NAME",
    help="Open this one first (default: active ones with CI, of different changes)",
)
@_wave_options
@pace_options
@click.option(
    "--check-access",
    is_flag=True,
    help="Show where the token can't push or open pull requests; write nothing",
)
@dry_run_option("Show what would be written; write nothing")
@limit_options
@running_options
@exits_with_code
def apply(
    folder: Path,
    repositories: RepositoryFilter,
    mode: LocalMode,
    allow_dirty: bool,
    messages: MessageTemplates,
    extras: PullRequestExtras,
    replace_discussed: bool,
    forking: Forking | None,
    signoff: bool,
    max_prs: int | None,
    approved: bool,
    canary: CanaryOptions,
    canary_names: tuple[str, ...],
    wave_limits: WaveLimits,
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
    if canary_names and not canary.size:
        raise click.UsageError("--canary-repo and --canary 0 exclude each other")
    if check_access:
        return show_access(folder, repositories, running, may_fork=forking is not None)
    messages = replace(messages, signed_off_by=git_identity() if signoff else "")
    messages.check()
    with (
        campaign_session(
            folder,
            repositories,
            running,
            pace,
            mode=mode,
            allows_dirty=allow_dirty,
            is_dry_run=dry_run,
        ) as session,
        closing(Planner(session.campaign.policy, limits)) as planner,
    ):
        campaign = session.campaign
        check_local_mode(campaign, mode)
        if not dry_run:
            check_commits(session, mode)
            record_local_mode(campaign, mode)
        options = ApplyOptions(
            messages.completed(campaign.policy),
            extras,
            dry_run,
            pace.limits,
            approved_groups(campaign) if approved else None,
            canary_names,
            replace_discussed,
            forking,
        )
        ci_gate = CiGate(canary.patience, session.clock, session.progress, pace.deadline)
        gates = (
            Canary(max(canary.size, len(canary_names)), ci_gate, session),
            Waves(wave_limits, ci_gate, session),
        )
        budget = WriteBudget(max_prs, pace.deadline, session.clock)
        deliverer = Deliverer(session, options, *gates, planner)
        run = ApplyRun(session, options, *gates, budget, deliverer)
        return conclude(campaign, run.run())


@click.command()
@folder_option
@repositories_argument
@click.option("-m", "--message", metavar="TEXT", help="The comment, a Jinja template")
@click.option(
    "-F",
    "--file",
    "message_in_file",
    **TEXT_FILE,
    help="Read the comment from FILE; - is standard input",
)
@dry_run_option("Show what would be commented; write nothing")
@pace_options
@running_options
@exits_with_code
def comment(
    folder: Path,
    repositories: RepositoryFilter,
    message: str | None,
    message_in_file: str | None,
    dry_run: bool,
    pace: Pace,
    running: Running,
) -> ExitCode:
    """Comment on the open pull requests.

    NAME limits it to some repositories; globs work. Each pull request gets the same text only
    once, however often the command runs. The template has the variables of `apply --body`.
    """
    if (message is None) == (message_in_file is None):
        raise click.UsageError("give the comment with either --message or --file")
    template = message or message_in_file or ""
    check_comment(template)
    with campaign_session(folder, repositories, running, pace, is_dry_run=dry_run) as session:
        return CommentRun(session, template, dry_run).run()
