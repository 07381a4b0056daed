"""``cci-migrate verify``."""

from __future__ import annotations

from pathlib import Path

import click
from typing_extensions import assert_never

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.cli.command_errors import exit_code_of
from cci_migrate.cli.compiler_connection import CompilerSession, opened_compiler
from cci_migrate.cli.compiler_options import CompilerOptions, compiler_options
from cci_migrate.cli.compiling import verdict_for
from cci_migrate.cli.options import Colour, Format, Options
from cci_migrate.cli.path_names import prefix_of
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, every_policy_option
from cci_migrate.cli.processing import Task, View
from cci_migrate.cli.running import tasks_for
from cci_migrate.cli.shared_options import colour_option, format_option, paths_argument
from cci_migrate.cli.terminal import Terminal
from cci_migrate.engine.examination import Examination
from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Refused
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.engine.proposing import propose
from cci_migrate.exit_codes import ExitCode
from cci_migrate.reports.terminal_page import Page
from cci_migrate.reports.verdict_report import VerdictReport, as_json, as_text
from cci_migrate.verification.verdicts import Verdict, VerdictStatus


@click.command(
    name="verify",
    epilog="Exit codes: 0 all compile as planned, with credentials for each pull; 1 something does "
    "not; 2 usage; 3 a config does not compile as it is, or was not compiled; 130 interrupted.",
)
@paths_argument
@compiler_options()
@every_policy_option
@format_option(Format.TEXT, Format.JSON)
@colour_option
@click.pass_context
def verify(
    ctx: click.Context,
    paths: tuple[Path, ...],
    compiler: CompilerOptions,
    policy: PolicySource,
    report_format: Format,
    colour: Colour,
) -> None:
    """Have CircleCI compile the configs, without and with their fixes, and compare.

    Sends the whole config to CircleCI: by the program circleci if it is installed, else to the
    API. Uses the token in CIRCLE_TOKEN only for orbs that are not public. Writes nothing.
    """
    terminal = Terminal(colour)
    options = Options(paths or (Path(),), policy=policy, format=report_format)

    def verified() -> ExitCode:
        with opened_compiler(compiler) as session:
            return _verify(options, session, terminal)

    ctx.exit(exit_code_of(verified, terminal))


def _verify(options: Options, compiler: CompilerSession, terminal: Terminal) -> ExitCode:
    policies = Policies(options.policy, reads_baselines=False)
    discovery, tasks = tasks_for(options, policies, View(), terminal)
    verdicts = [
        (prefix_of(problem.root), _unexamined(problem.outcome))
        for problem in discovery.problems
        if isinstance(problem.outcome, Failed | Refused)
    ]
    for task in tasks:
        result = _of_task(task, compiler, options.limits)
        if result is not None:
            verdicts.append((prefix_of(task.root), result))
    report = VerdictReport(tuple(verdicts))
    if options.format is Format.JSON:
        terminal.out(as_json(report))
    else:
        for part in as_text(report, Page(in_colour=terminal.out_in_colour)):
            terminal.out(part)
    return report.exit_code


def _of_task(task: Task, compiler: CompilerSession, limits: WorkLimits) -> Verdict | None:
    """The verdict on the config of ``task`` and its fixes; None for a file that is no config."""
    result = verdict_for(task, compiler, limits, _fixes)
    match result:
        case Verdict():
            return result
        case NotAConfig():
            return None
        case Refused() | Failed():
            return _unexamined(result)
        case _:
            assert_never(result)


def _unexamined(outcome: Failed | Refused) -> Verdict:
    problem = outcome.problem if isinstance(outcome, Failed) else outcome.reason
    return Verdict(
        outcome.paths, VerdictStatus.NOT_SENT, problems=(problem,), instead=outcome.instead
    )


def _fixes(examined: Examination) -> ProvenChange | None:
    outcome = propose(examined)
    return outcome.change if isinstance(outcome, Examined) else None
