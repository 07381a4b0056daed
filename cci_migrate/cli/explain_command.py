"""``cci-migrate explain``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from typing_extensions import assert_never

from cci_migrate.cli.command_errors import exit_code_of
from cci_migrate.cli.compiler_options import CompilerOptions, compiler_options
from cci_migrate.cli.option_values import choice_of
from cci_migrate.cli.options import Colour, Format, Options
from cci_migrate.cli.path_names import PathNames
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, policy_options
from cci_migrate.cli.processing import Task, View, process_all
from cci_migrate.cli.running import compiling_for, tasks_for
from cci_migrate.cli.shared_options import colour_option, format_option, paths_argument
from cci_migrate.cli.terminal import Terminal
from cci_migrate.engine.explanation import ExplainedPull
from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.exit_codes import ExitCode
from cci_migrate.reports.explanation_tree import Grouping, explanation_tree
from cci_migrate.reports.report import Mode, Report, Result
from cci_migrate.reports.terminal_page import Page


@click.command(name="explain")
@paths_argument
@click.option(
    "--by",
    "grouping",
    **choice_of(Grouping),
    default=Grouping.WORKFLOW.value,
    show_default=True,
    help="List pulls by workflow job, or by image",
)
@compiler_options(compile_="Have CircleCI's compiler show what orbs pull")
@policy_options()
@format_option(Format.TEXT, Format.JSON)
@colour_option
@click.pass_context
def explain(
    ctx: click.Context,
    paths: tuple[Path, ...],
    grouping: Grouping,
    compiler: CompilerOptions | None,
    policy: PolicySource,
    report_format: Format,
    colour: Colour,
) -> None:
    """Show each pull of the configs, and what gives it access.

    For each pull: workflow job, job, executor or step, image, credential and context. Writes
    nothing. The exit code is 1 if a pull is not authenticated.

    With --compile, the whole config is sent to CircleCI, as by cci-migrate verify.
    """
    terminal = Terminal(colour)
    options = Options(
        paths=paths or (Path(),),
        mode=Mode.CHECK,
        policy=policy,
        format=report_format,
        compiler=compiler,
    )
    ctx.exit(exit_code_of(lambda: _explain(options, grouping, terminal), terminal))


def _explain(options: Options, grouping: Grouping, terminal: Terminal) -> ExitCode:
    policies = Policies(options.policy, reads_baselines=False)
    view = View(explains=True, only_finds=True)
    discovery, tasks = tasks_for(options, policies, view, terminal)
    names = PathNames(options.paths)
    results = [names.result(problem.root, problem.outcome) for problem in discovery.problems]
    with compiling_for(options) as compiling:
        tasks = list(compiling.before(tasks))
    outcomes = process_all(tasks, None, options.limits)
    results += (
        names.result(task.root, _if_compiled(outcome, task))
        for task, outcome in zip(tasks, outcomes, strict=True)
    )
    if options.format is Format.JSON:
        from cci_migrate.reports.json_report import json_report

        report = Report(Mode.CHECK, tuple(results), is_one_repository=len(tasks) < 2)
        for part in json_report(report):
            terminal.out(part)
    else:
        for result in results:
            _print(result, grouping, terminal)
    return _code([result.outcome for result in results])


def _if_compiled(outcome: Outcome, task: Task) -> Outcome:
    """``outcome``, or why the config is not compiled where that was asked for."""
    if task.compiled is None or isinstance(task.compiled, str):
        return outcome
    from cci_migrate.reports.verdict_report import confirmation

    return Failed(outcome.paths, confirmation(task.compiled), task.compiled.instead)


def _print(result: Result, grouping: Grouping, terminal: Terminal) -> None:
    shown, outcome = result.display_paths, result.outcome
    match outcome:
        case Examined(pulls=pulls):
            _print_tree(shown, pulls, grouping, terminal)
            if not pulls:
                terminal.out("  pulls nothing\n")
        case NotAConfig():
            pass
        case Refused(reason=reason, pulls=pulls):
            if pulls:
                _print_tree(shown, pulls, grouping, terminal)
            terminal.err(f"{shown}: {printable(reason)}\n")
        case Failed(problem=problem):
            terminal.error(f"{shown}: {problem}")
        case _:
            assert_never(outcome)


def _print_tree(
    shown: str, pulls: Sequence[ExplainedPull], grouping: Grouping, terminal: Terminal
) -> None:
    terminal.out(f"{shown}\n")
    for line in explanation_tree(pulls, Page(in_colour=terminal.out_in_colour), grouping):
        terminal.out(f"  {line}\n")


def _code(outcomes: list[Outcome]) -> ExitCode:
    if any(isinstance(outcome, Failed) for outcome in outcomes):
        return ExitCode.FAILED
    pulls = (
        pull
        for outcome in outcomes
        if isinstance(outcome, Examined | Refused)
        for pull in outcome.pulls
    )
    return ExitCode.LEFT if any(pull.access.lacks_credentials for pull in pulls) else ExitCode.DONE
