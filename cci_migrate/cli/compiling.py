"""What a run has CircleCI's compiler do: show what orbs pull, and confirm changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from msgspec.structs import replace

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.cli.compiler_connection import CompilerSession, opened_compiler
from cci_migrate.cli.compiler_options import CompilerOptions
from cci_migrate.cli.processing import Compiling, Task
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.outcomes import Examined, Failed, Outcome, Refused, Unexamined
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.reports.verdict_report import confirmation, pull_notes, unconfirmed
from cci_migrate.verification.change_verdict import verdict_on
from cci_migrate.verification.compilation import CompiledText
from cci_migrate.verification.verdicts import Verdict, compiled_text
from cci_migrate.workers.limited_work import within

_NOT_SHOWN = "unknown what orbs pull, because the config was not compiled"


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


def _with_notes(
    outcome: Outcome, task: Task, compiler: CompilerSession, limits: WorkLimits
) -> Outcome:
    """``outcome`` with notes on what the compiled config shows beside the findings."""
    if not isinstance(outcome, Examined) or task.compiled is None:
        return outcome
    if isinstance(task.compiled, Verdict):
        note = f"{_NOT_SHOWN}: {confirmation(task.compiled)}"
        return replace(outcome, compiler_notes=(note,))
    result = verdict_for(task, compiler, limits)
    if not isinstance(result, Verdict):
        return result
    return replace(outcome, compiler_notes=tuple(pull_notes(result)))


def _confirmed(
    outcome: Outcome, task: Task, compiler: CompilerSession, limits: WorkLimits
) -> Outcome:
    """``outcome`` where CircleCI's compiler confirms its change; else one without a change."""
    if not isinstance(outcome, Examined) or outcome.change is None:
        return outcome
    change = outcome.change
    # Whoever writes looks whether the file is still what the change was made for.
    originals = {file.path: file.before for file in change.files}
    result = verdict_for(task, compiler, limits, lambda _: change, originals)
    if not isinstance(result, Verdict):
        return result
    problem = unconfirmed(result, outcome.resolutions)
    if isinstance(problem, Refused):
        return replace(problem, redaction=outcome.redaction)
    if problem is not None:
        return problem
    notes = dict.fromkeys((*outcome.compiler_notes, confirmation(result), *pull_notes(result)))
    return replace(outcome, compiler_notes=tuple(notes))


def verdict_for(
    task: Task,
    compiler: CompilerSession,
    limits: WorkLimits,
    change_for: Callable[[Examination], ProvenChange | None] = lambda _: None,
    originals: Mapping[str, bytes] = MappingProxyType({}),
) -> Verdict | Unexamined:
    """The verdict on the config of ``task`` and its change, made within ``limits``.

    ``originals`` are files of it that are not read again.
    """
    read = task.read()
    if isinstance(read, Failed):
        return read
    files = replace(read, files={**read.files, **originals})
    compile_text = compiler.compile_for(task.root)
    sends_secrets = compiler.sends_secrets

    def work() -> Verdict | Unexamined:
        return verdict_on(files, task.policy, change_for, compile_text, sends_secrets=sends_secrets)

    return within(limits, task.paths, work)
