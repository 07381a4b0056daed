"""Runs the engine over many configs, in this process or in several, in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cci_migrate.discovery import Repository, read_candidate, reader_of
from cci_migrate.engine import RepositoryReader, group_files, process, source_trees
from cci_migrate.findings import Choice, Finding, Fix, NoFix, Place, Question
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.outcomes import Examined, Failed, Outcome, Refused
from cci_migrate.policy import Policy

#: From how many configs on several processes are worth their start.
MANY = 100
_CHUNK = 8


@dataclass(frozen=True, slots=True)
class View:
    """What is wanted of a config: each pull explained, or the findings without a change."""

    explains: bool = False
    only_finds: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One config to be looked at: its files, relative to the repository's root.

    ``beside`` are the files of the source trees that it may be packed from.
    """

    root: Path
    paths: tuple[str, ...]
    policy: Policy
    view: View = View()
    beside: tuple[str, ...] = ()


def tasks_of(
    repository: Repository, policy_for: Callable[[Path], Policy], view: View
) -> Iterator[Task]:
    """A task for each config of ``repository``; ``policy_for`` gives the policy of a folder."""
    root = repository.root
    trees = source_trees(repository.files)
    for group in group_files(repository.files):
        policy = policy_for((root / group[0]).parent)
        yield Task(root, group, policy, view, trees.get(group[0], ()))


def process_all(tasks: Sequence[Task], jobs: int | None) -> Iterator[Outcome]:
    """The outcome of each task, in order. ``jobs`` None: as many as the machine has processors."""
    workers = min(_processors() if jobs is None else jobs, max(1, len(tasks) // 2))
    if workers < 2 or (jobs is None and len(tasks) < MANY):
        yield from map(process_one, tasks)
    else:
        yield from _in_processes(tasks, workers)


def process_one(task: Task) -> Outcome:
    """Read and process one config. Raises nothing."""
    files: dict[str, bytes] = {}
    for path in task.paths:
        data = read_candidate(task.root, path)
        if isinstance(data, Failed):
            return data
        files[path] = data
    return process_files(files, task, reader_of(task.root))


def process_files(files: dict[str, bytes], task: Task, read: RepositoryReader) -> Outcome:
    """Process ``files``, the content of the task's paths. Raises nothing."""
    try:
        return process(
            files,
            task.policy,
            read=read,
            explain=task.view.explains,
            only_find=task.view.only_finds,
            beside=task.beside,
        )
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not stop the other files
        return Failed(task.paths, f"internal error: {_place_of(error)}", "please report it")


def _place_of(error: BaseException) -> str:
    """The kind of ``error`` and where it was raised: not its text, which may quote the config."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f" at {Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else ""
    return f"{type(error).__name__}{place}"


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_processes(tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    executor = ProcessPoolExecutor(workers, initializer=_leave_interrupts_to_the_parent)
    done = 0
    try:
        for outcome in executor.map(_process_and_thin, tasks, chunksize=_CHUNK):
            yield outcome
            done += 1
    except BrokenProcessPool:
        for task in tasks[done:]:
            yield Failed(
                task.paths,
                "a process that worked on it or on its neighbours was ended from outside",
                "run again with --jobs 1",
            )
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _process_and_thin(task: Task) -> Outcome:
    return thin(process_one(task))


def thin(outcome: Outcome) -> Outcome:
    """``outcome`` with all that reports need, and without the trees, to go between processes."""
    if isinstance(outcome, Examined | Refused):
        settled = tuple(replace(one, finding=_thin(one.finding)) for one in outcome.settled)
        return replace(outcome, settled=settled)
    return outcome


def _thin(finding: Finding) -> Finding:
    node = finding.place.node
    bare = Scalar(node.source, node.start, node.end, "", "", None, None)
    remedy = finding.remedy
    if isinstance(remedy, Question):
        remedy = replace(remedy, choices=tuple(_thin_choice(one) for one in remedy.choices))
    elif isinstance(remedy, Fix):
        remedy = Fix(remedy.title, ())
    return replace(finding, place=Place(bare, finding.place.route), remedy=remedy)


def _thin_choice(choice: Choice) -> Choice:
    remedy = choice.remedy
    return choice if isinstance(remedy, NoFix) else replace(choice, remedy=Fix(remedy.title, ()))
