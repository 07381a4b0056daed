"""One run of the main command: from options to written files, a report and an exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from shlex import quote

from cci_migrate.bounds.limits import SIZE_LIMIT, TOO_LARGE
from cci_migrate.cli.options import Format, Options
from cci_migrate.cli.output import print_failures, print_report
from cci_migrate.cli.path_names import PathNames, prefix_of
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.processing import Compiling, Task, View, process_all, tasks_of
from cci_migrate.cli.terminal import Terminal, writing
from cci_migrate.engine.config_files import ConfigPaths
from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Outcome
from cci_migrate.engine.policy_patterns import patterns_of, unmatched
from cci_migrate.error_kinds import UserError
from cci_migrate.exit_codes import ExitCode
from cci_migrate.files.discovery import Discovery, Repository, discover, root_of
from cci_migrate.groups import grouped
from cci_migrate.policy.settings import Policy
from cci_migrate.reports.report import Mode, Report, Result
from cci_migrate.wording import counted

_STDIN_NAME = "<stdin>"


class NothingFoundError(UserError):
    """The paths that were named lead to no config; the texts say where was looked."""


class WrittenFiles:
    """How many files are written so far, for whoever interrupts."""

    def __init__(self) -> None:
        self.count = 0

    def effects(self) -> str:
        """What an interrupted run says of them."""
        if not self.count:
            return "nothing was written"
        were = "was" if self.count == 1 else "were"
        return f"{counted(self.count, 'file')} {were} written completely; the others are unchanged"


def run(options: Options, terminal: Terminal, written: WrittenFiles) -> ExitCode:
    """Run the main command with ``options``; returns the exit code.

    Raises UserError before anything is written, and OutputError if the report cannot be written.
    """
    if options.reads_stdin:
        return _run_on_stdin(options, terminal)
    report = _run_on_files(options, terminal, written)
    if options.write_baseline is not None:
        return _write_baseline(report, options.write_baseline, terminal)
    print_report(report, options, terminal)
    return report.exit_code


def _write_baseline(report: Report, path: Path, terminal: Terminal) -> ExitCode:
    from cci_migrate.cli.baselines import write_baseline

    print_failures(report, terminal)
    with writing(path):
        count = write_baseline(report, path)
    option, them = f"--baseline {quote(str(path))}", "it" if count == 1 else "them"
    terminal.say(f"Wrote {path}: {counted(count, 'finding')}. {option} ignores {them}.")
    return ExitCode.FAILED if report.exit_code is ExitCode.FAILED else ExitCode.DONE


def _view_of(options: Options) -> View:
    """What the report needs of each config, beside its findings."""
    return View(
        explains=options.format is Format.JSON and options.mode is Mode.CHECK,
        only_finds=options.mode is Mode.CHECK and options.format is not Format.SARIF,
        lists_edits=options.mode is not Mode.WRITE and options.format is Format.SARIF,
    )


def _policies(options: Options) -> Policies:
    return Policies(
        options.policy,
        applies_ignores=options.applies_ignores,
        baseline=options.baseline,
        reads_baselines=options.write_baseline is None,
    )


def _run_on_files(options: Options, terminal: Terminal, written: WrittenFiles) -> Report:
    screen = None
    if options.interactive:
        from cci_migrate.cli.interactive_runs import screen_of
        from cci_migrate.interactive.session_errors import CannotAskError

        try:
            screen = screen_of(terminal)
        except CannotAskError as error:
            hint = "--answers FILE repeats the answers of an earlier session"
            raise CannotAskError(f"{error}; {hint}") from None
    policies = _policies(options)
    discovery, tasks = tasks_for(options, policies, _view_of(options), terminal)
    names = PathNames(options.paths)
    results = [names.result(problem.root, problem.outcome) for problem in discovery.problems]
    outcomes: Iterable[Outcome]
    with compiling_for(options) as compiling:
        compiled = compiling.before(tasks)
        if options.interactive or options.answers is not None:
            from cci_migrate.cli.interactive_runs import decide

            outcomes = decide(compiled, options, screen, prefix_of, policies.keys)
        else:
            outcomes = process_all(compiled, options.jobs, options.limits)
        for task, outcome in zip(compiled, outcomes, strict=True):
            outcome = compiling.after(outcome, task)
            if options.mode is Mode.WRITE:
                outcome = _write(outcome, task.root, written)
            results.append(names.result(task.root, outcome))
    searched = any(path.is_dir() for path in options.paths)
    others = [
        f"{result.display_paths} is something else: {result.outcome.kind}"
        for result in results
        if isinstance(result.outcome, NotAConfig)
    ]
    if searched and others and len(others) == len(results):
        raise NothingFoundError(nothing_in(options.paths), *others)
    if options.verbosity > 0:
        examined = [result.outcome for result in results[len(discovery.problems) :]]
        patterns = unmatched_patterns([task.policy for task in tasks], examined)
        for pattern in (*patterns, *policies.unmatched_exclusions()):
            terminal.note(f"the policy's {pattern} matches nothing")
    results.sort(key=lambda result: (result.prefix, result.outcome.paths))
    is_one_repository = len(discovery.roots) == 1
    return Report(options.mode, tuple(results), is_one_repository, options.show_secrets)


def compiling_for(options: Options) -> AbstractContextManager[Compiling]:
    """What ``options`` want of CircleCI's compiler. Entering it raises UnreachableError."""
    if options.compiler is None:
        return nullcontext(Compiling())
    from cci_migrate.cli.compiling import compiling

    return compiling(options.compiler, options.limits)


def tasks_for(
    options: Options, policies: Policies, view: View, terminal: Terminal
) -> tuple[Discovery, list[Task]]:
    """What the paths of ``options`` lead to, and a task for each config that is not excluded.

    Raises PolicyError and NothingFoundError.
    """
    discovery = discover(options.paths)
    included = [policies.included(repository) for repository in discovery.repositories]
    tasks = [
        task
        for repository in included
        for task in map(policies.with_baseline, tasks_of(repository, policies.for_folder, view))
    ]
    if not discovery.roots:
        raise NothingFoundError(nothing_in(options.paths))
    _note_excluded(discovery.repositories, included, options, terminal)
    for path in discovery.empty:
        terminal.note(f"no CircleCI config in {path.resolve()}")
    return discovery, tasks


def _note_excluded(
    repositories: Iterable[Repository],
    included: Iterable[Repository],
    options: Options,
    terminal: Terminal,
) -> None:
    """List the files of ``repositories`` that are not ``included``, where users may expect them."""
    if options.verbosity > 0 or any(path.is_file() for path in options.paths):
        for repository, kept in zip(repositories, included, strict=True):
            for path in sorted({*repository.files} - {*kept.files}):
                terminal.note(_excluded(prefix_of(repository.root) + path))


def unmatched_patterns(policies: Sequence[Policy], outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The patterns of ``policies``, each that of an outcome, that match nothing in this run.

    None of a policy of which some config could not be examined.
    """
    by_patterns = grouped(
        (tuple(patterns_of(policy)), (policy, outcome))
        for policy, outcome in zip(policies, outcomes, strict=True)
    )
    for group in by_patterns.values():
        examined = [outcome for _, outcome in group if isinstance(outcome, Examined)]
        if len(examined) == len(group):
            yield from unmatched(group[0][0], (outcome.matched_patterns for outcome in examined))


def _excluded(path: str) -> str:
    return f"{path} is excluded by the policy"


def nothing_in(paths: Iterable[Path]) -> str:
    """The error for ``paths`` without any config: what was searched for, and where not."""
    named = ", ".join(str(path.resolve()) for path in paths)
    return (
        f"no CircleCI config in {named}: searched for .yml and .yaml files in .circleci folders "
        "and for orb sources (@orb.yml), but not in .git, node_modules, vendor or files that git "
        "ignores; to read a file anyway, name it"
    )


def _write(outcome: Outcome, root: Path, written: WrittenFiles) -> Outcome:
    if not isinstance(outcome, Examined) or outcome.change is None:
        return outcome
    from cci_migrate.files.config_writing import WriteError, write

    with _interrupts_after():
        try:
            write(outcome.change, root)
        except WriteError as error:
            return Failed((error.path,), error.problem, error.instead)
        written.count += len(outcome.change.files)
    return outcome


@contextmanager
def _interrupts_after() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block is done: the report on the files is true."""
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: came.append(number)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _run_on_stdin(options: Options, terminal: Terminal) -> ExitCode:
    """Standard input to standard output. What is not to be changed comes out as it went in."""
    name = options.stdin_name or _STDIN_NAME
    folder = Path(options.stdin_name).resolve().parent if options.stdin_name else Path.cwd()
    root, policies = root_of(folder), _policies(options)
    data = sys.stdin.buffer.read(SIZE_LIMIT + 1) if sys.stdin is not None else b""
    is_too_large = len(data) > SIZE_LIMIT
    if options.stdin_name is not None and not is_too_large:
        file = (folder / Path(options.stdin_name).name).relative_to(root).as_posix()
        if policies.excludes(root, file):
            terminal.note(_excluded(options.stdin_name))
            if options.mode is Mode.WRITE:
                terminal.out(data)
            return ExitCode.DONE
    task = Task(
        root,
        ConfigPaths((name,)),
        policies.for_folder(folder),
        _view_of(options),
        content=data,
        is_alone=options.stdin_name is None,
    )
    task = policies.with_baseline(task)
    outcome: Outcome
    if is_too_large:
        outcome = Failed((name,), TOO_LARGE)
    else:
        with compiling_for(options) as compiling:
            (task,) = compiling.before([task])
            (outcome,) = process_all([task], options.jobs, options.limits)
            outcome = compiling.after(outcome, task)
    report = Report(options.mode, (Result("", outcome),), show_secrets=options.show_secrets)
    if options.mode is Mode.WRITE and not isinstance(outcome, Failed):
        change = outcome.change if isinstance(outcome, Examined) else None
        terminal.out(data if change is None else change.files[0].after)
    print_report(report, options, terminal)
    return report.exit_code
