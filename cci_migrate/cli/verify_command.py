"""``cci-migrate verify``, and ``--verify`` of the modes that change files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.cli.circleci_options import UnreachableError
from cci_migrate.cli.command_errors import exit_code_of
from cci_migrate.cli.options import Colour, Format, Options
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, every_policy_option
from cci_migrate.cli.processing import Task, View
from cci_migrate.cli.running import (
    Confirm,
    NothingFoundError,
    prefix_of,
    tasks_for,
)
from cci_migrate.cli.shared_options import colour_option, format_option
from cci_migrate.cli.terminal import Terminal, painter
from cci_migrate.cli.verify_options import (
    CompilerOptions,
    CompilerSession,
    compiler_options,
    opened_compiler,
)
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.exit_codes import ExitCode
from cci_migrate.engine.outcomes import (
    Cause,
    Examined,
    Failed,
    NotAConfig,
    Outcome,
    Refused,
    Unexamined,
)
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.engine.proposing import propose
from cci_migrate.engine.redacted_outcomes import redacted
from cci_migrate.policy.file import PolicyError
from cci_migrate.policy.settings import Policy
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.reports.verdict_report import (
    VerdictReport,
    as_json,
    as_text,
    confirmation,
    pull_notes,
)
from cci_migrate.verification.verdicts import Verdict, VerdictStatus, pulls_with_orbs, verdict
from cci_migrate.workers.limited_work import within

_NOT_SHOWN = "what orbs pull is not known, as the config is not compiled"
_NOT_CONFIRMED = "not confirmed by CircleCI's compiler"


@click.command(
    name="verify",
    epilog="Exit codes: 0 all compile as planned, with credentials for each pull; 1 something does "
    "not; 2 usage; 3 a config does not compile as it is, or was not compiled; 130 interrupted.",
)
@click.argument(
    "paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, path_type=Path)
)
@compiler_options
@every_policy_option
@format_option(Format.TEXT, Format.JSON)
@colour_option
@click.help_option("-h", "--help")
@click.pass_context
def verify(
    ctx: click.Context,
    paths: tuple[Path, ...],
    organisation: Organisation | None,
    api_url: str,
    send_secrets: bool,
    policy: PolicySource,
    report_format: Format,
    colour: Colour,
) -> None:
    """Have CircleCI compile the configs, as they are and with their fixes, and compare.

    Each config goes to CircleCI as a whole: by the program circleci where it is installed, else to
    its API. The token in CIRCLE_TOKEN is used only for orbs that are not public. Nothing is
    written.
    """
    terminal = Terminal(colour)
    options = Options(
        paths=paths or (Path(),),
        policy=policy,
        format=report_format,
    )
    asked = CompilerOptions(api_url, organisation, send_secrets)

    def verified() -> ExitCode:
        with opened_compiler(asked) as compiler:
            return _verify(options, compiler, terminal)

    wrong_use = (PolicyError, NothingFoundError, UnreachableError)
    ctx.exit(exit_code_of(verified, terminal, wrong_use).value)


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
        for part in as_text(report, painter(in_colour=terminal.out_in_colour)):
            terminal.out(part)
    return report.exit_code


def _of_task(task: Task, compiler: CompilerSession, limits: WorkLimits) -> Verdict | None:
    """The verdict on the config of ``task`` and its fixes; None for a file that is no config."""
    files = task.read()
    if isinstance(files, Failed):
        return _unexamined(files)
    result = within(limits, task.paths, lambda: _of_files(files, task, _fixes, compiler))
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


def _with_change(files: ConfigFiles, change: ProvenChange, policy: Policy) -> Examination:
    """``files`` once ``change`` is made."""
    changed = {file.path: file.after for file in change.files}
    after = examine(replace(files, files={**files.files, **changed}), policy)
    assert isinstance(after, Examination)  # noqa: S101 - the proof has read it too
    return after


@contextmanager
def confirming(options: CompilerOptions, limits: WorkLimits) -> Iterator[Confirm]:
    """Has each config compiled, each change before and after. Raises UnreachableError."""
    with opened_compiler(options) as compiler:
        if options.confirms:
            yield lambda outcome, task: _confirmed(outcome, task, compiler, limits)
        else:
            yield lambda outcome, task: _with_orbs(outcome, task, compiler, limits)


def with_compiled_pulls(
    outcome: Examined, task: Task, compiler: CompilerSession, limits: WorkLimits
) -> Examined | Failed:
    """``outcome`` with all that the config pulls, orbs included."""
    files = task.read()
    if isinstance(files, Failed):
        return files
    compile_text = compiler.compile_for(task.root)

    def work() -> Examined | Failed | Verdict:
        examined = examine(files, task.policy)
        assert isinstance(examined, Examination)  # noqa: S101 - it was
        sends_secrets = compiler.sends_secrets
        pulls = pulls_with_orbs(examined, compile_text, sends_secrets=sends_secrets)
        if isinstance(pulls, Verdict):
            return pulls
        explained = redacted(replace(outcome, pulls=pulls), examined.redaction)
        assert isinstance(explained, Examined)  # noqa: S101 - it is one
        return explained

    result = within(limits, task.paths, work)
    if isinstance(result, Verdict):
        return Failed(outcome.paths, confirmation(result), result.instead)
    return result


def _with_orbs(
    outcome: Outcome, task: Task, compiler: CompilerSession, limits: WorkLimits
) -> Outcome:
    """``outcome`` with notes on what only the compiled config shows."""
    if not isinstance(outcome, Examined):
        return outcome
    files = task.read()
    if isinstance(files, Failed):
        return files
    result = within(limits, task.paths, lambda: _of_files(files, task, lambda _: None, compiler))
    if not isinstance(result, Verdict):
        return result
    if result.status in (VerdictStatus.CONFIRMED, VerdictStatus.DIFFERS):
        return replace(outcome, notes=(*outcome.notes, *pull_notes(result)))
    return replace(outcome, notes=(*outcome.notes, f"{_NOT_SHOWN}: {confirmation(result)}"))


def _confirmed(
    outcome: Outcome, task: Task, compiler: CompilerSession, limits: WorkLimits
) -> Outcome:
    """``outcome`` where CircleCI's compiler confirms its change; else one without a change."""
    if not isinstance(outcome, Examined) or outcome.change is None:
        return outcome
    change = outcome.change
    files = task.read()
    if isinstance(files, Failed):
        return files
    # Whoever writes looks whether the file is still what the change was made for.
    files = replace(
        files, files={**files.files, **{file.path: file.before for file in change.files}}
    )
    result = within(limits, task.paths, lambda: _of_files(files, task, lambda _: change, compiler))
    return _as_confirmed(outcome, result) if isinstance(result, Verdict) else result


def _of_files(
    files: ConfigFiles,
    task: Task,
    change_for: Callable[[Examination], ProvenChange | None],
    compiler: CompilerSession,
) -> Verdict | Unexamined:
    before = examine(files, task.policy)
    if not isinstance(before, Examination):
        return before
    change = change_for(before)
    after = None if change is None else _with_change(files, change, task.policy)
    compile_text = compiler.compile_for(task.root)
    return verdict(before, after, compile_text, sends_secrets=compiler.sends_secrets)


def _fixes(examined: Examination) -> ProvenChange | None:
    outcome = propose(examined)
    return outcome.change if isinstance(outcome, Examined) else None


def _as_confirmed(outcome: Examined, result: Verdict) -> Outcome:
    match result.status:
        case VerdictStatus.CONFIRMED:
            notes = (*outcome.notes, confirmation(result), *pull_notes(result))
            return replace(outcome, notes=notes)
        case (
            VerdictStatus.DIFFERS | VerdictStatus.BROKEN_BY_CHANGE | VerdictStatus.DOES_NOT_COMPILE
        ):
            resolutions = tuple(
                resolution.unmade(_NOT_CONFIRMED) for resolution in outcome.resolutions
            )
            reason = f"{_NOT_CONFIRMED}: {confirmation(result)}"
            return Refused(outcome.paths, Cause.NOT_CONFIRMED, reason, result.instead, resolutions)
        case VerdictStatus.NOT_SENT | VerdictStatus.NO_ANSWER:
            return Failed(
                outcome.paths, f"not compiled by CircleCI: {confirmation(result)}", result.instead
            )
        case _:
            assert_never(result.status)
