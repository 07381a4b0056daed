"""What a run has CircleCI's compiler do: show what orbs pull, and confirm changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.cli.processing import Task
from cci_migrate.cli.running import Compiling
from cci_migrate.cli.verify_options import CompilerOptions, CompilerSession, opened_compiler
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.outcomes import Cause, Examined, Failed, Outcome, Refused, Unexamined
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.policy.settings import Policy
from cci_migrate.reports.verdict_report import confirmation, pull_notes
from cci_migrate.verification.compilation import CompiledText
from cci_migrate.verification.verdicts import Verdict, VerdictStatus, compiled_text, verdict
from cci_migrate.workers.limited_work import within

_NOT_SHOWN = "what orbs pull is not known, as the config is not compiled"
_NOT_CONFIRMED = "not confirmed by CircleCI's compiler"


@contextmanager
def compiling(options: CompilerOptions, limits: WorkLimits) -> Iterator[Compiling]:
    """What is done before and after the configs are processed. Raises UnreachableError."""
    with opened_compiler(options) as compiler:

        def before(tasks: Sequence[Task]) -> list[Task]:
            if not options.unfolds:
                return list(tasks)
            return [_compiled(task, compiler, limits) for task in tasks]

        def after(outcome: Outcome, task: Task) -> Outcome:
            outcome = _with_notes(outcome, task, compiler, limits)
            return _confirmed(outcome, task, compiler, limits) if options.confirms else outcome

        yield Compiling(before, after)


def _compiled(task: Task, compiler: CompilerSession, limits: WorkLimits) -> Task:
    """``task`` with what its config compiles to, if it imports orbs."""
    files = task.read()
    if isinstance(files, Failed):
        return task

    def work() -> CompiledText | Verdict | None:
        examined = examine(files, task.policy)
        if not isinstance(examined, Examination) or not examined.config.imports_orbs:
            return None
        compile_text = compiler.compile_for(task.root)
        return compiled_text(examined, compile_text, sends_secrets=compiler.sends_secrets)

    result = within(limits, task.paths, work)
    # What fails here fails again where it is reported.
    if isinstance(result, Failed):
        return task
    return replace(task, compiled=result.text if isinstance(result, CompiledText) else result)


def _with_change(files: ConfigFiles, change: ProvenChange, policy: Policy) -> Examination:
    """``files`` once ``change`` is made."""
    changed = {file.path: file.after for file in change.files}
    after = examine(replace(files, files={**files.files, **changed}), policy)
    assert isinstance(after, Examination)  # noqa: S101 - the proof has read it too
    return after


def _with_notes(
    outcome: Outcome, task: Task, compiler: CompilerSession, limits: WorkLimits
) -> Outcome:
    """``outcome`` with notes on what the compiled config shows beside the findings."""
    if not isinstance(outcome, Examined) or task.compiled is None:
        return outcome
    if isinstance(task.compiled, Verdict):
        note = f"{_NOT_SHOWN}: {confirmation(task.compiled)}"
        return replace(outcome, notes=(*outcome.notes, note))
    files = task.read()
    if isinstance(files, Failed):
        return files
    result = within(limits, task.paths, lambda: verdict_of(files, task, lambda _: None, compiler))
    if not isinstance(result, Verdict):
        return result
    return replace(outcome, notes=(*outcome.notes, *pull_notes(result)))


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
    result = within(limits, task.paths, lambda: verdict_of(files, task, lambda _: change, compiler))
    return _as_confirmed(outcome, result) if isinstance(result, Verdict) else result


def verdict_of(
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
            return Refused(
                outcome.paths,
                Cause.NOT_CONFIRMED,
                reason,
                result.instead,
                resolutions,
                secrets=outcome.secrets,
            )
        case VerdictStatus.NOT_SENT | VerdictStatus.NO_ANSWER:
            return Failed(
                outcome.paths, f"not compiled by CircleCI: {confirmation(result)}", result.instead
            )
        case _:
            assert_never(result.status)
