"""Processing many configs, in this process or in several; outcomes come in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.engine.config_files import ConfigFiles, ConfigPaths, configs_of, no_repository
from cci_migrate.engine.examination import examine
from cci_migrate.engine.outcomes import Examined, Failed, Outcome, Refused
from cci_migrate.engine.proposing import propose
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.files.discovery import Repository, read_config, reader_of
from cci_migrate.findings import Choice, Finding, Fix, NoFix, Question
from cci_migrate.lossless.nodes import Node, Scalar
from cci_migrate.policy.settings import Policy
from cci_migrate.workers.limited_work import CAN_INTERRUPT, within

if TYPE_CHECKING:
    from cci_migrate.verification.verdicts import Verdict

#: From how many configs on several processes are worth their start.
MANY = 100
#: From how many bytes on a config is worth a process of its own, in which alone all limits hold
#: whatever the parsers in C do.
SMALL = 100_000
_CHUNK = 8


class View(Struct, frozen=True):
    """What is wanted of a config: each pull explained, the findings without a change, the edits of
    each fix."""

    explains: bool = False
    only_finds: bool = False
    lists_edits: bool = False


class Task(Struct, frozen=True):
    """One config to process: its files, relative to the repository's root.

    ``content`` is that of a single file from standard input; it ``is_alone`` if no option says to
    which repository it belongs. ``compiled`` is what CircleCI's compiler makes of the config, or
    why that is not known, where it was asked.
    """

    root: Path
    config: ConfigPaths
    policy: Policy
    view: View = View()
    content: bytes | None = None
    is_alone: bool = False
    compiled: str | Verdict | None = None

    __repr__ = repr_without("content", "compiled")

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its files."""
        return self.config.paths

    @property
    def folder(self) -> Path:
        """The folder of its first file, whose policy it has."""
        return (self.root / self.paths[0]).parent

    def read(self) -> ConfigFiles | Failed:
        """The config's files, or the failure of one that can't be read."""
        compiled = self.compiled if isinstance(self.compiled, str) else None
        if self.content is None:
            files = read_config(self.root, self.config)
            return files if isinstance(files, Failed) else replace(files, compiled=compiled)
        reader = no_repository if self.is_alone else reader_of(self.root)
        return ConfigFiles({self.paths[0]: self.content}, reader, compiled=compiled)


class Compiling(Struct, frozen=True):
    """What CircleCI's compiler does to tasks before they are processed, and to each outcome."""

    before: Callable[[Sequence[Task]], Sequence[Task]] = lambda tasks: tasks
    after: Callable[[Outcome, Task], Outcome] = lambda outcome, _: outcome


def tasks_of(
    repository: Repository, policy_for: Callable[[Path], Policy], view: View
) -> Iterator[Task]:
    """A task for each config of ``repository``; ``policy_for`` gives the policy of a folder."""
    root = repository.root
    for config in configs_of(repository.files):
        policy = policy_for((root / config.paths[0]).parent)
        yield Task(root, config, policy, view)


def process_all(tasks: Sequence[Task], jobs: int | None, limits: WorkLimits) -> Iterator[Outcome]:
    """The outcome of each task, in order. ``jobs`` None: as many as the machine has processors.

    Each config is worked on within ``limits``. A few small ones are worked on in this process,
    which a signal can interrupt; whatever else a config can do to a process happens to another.
    """
    workers = min(_processors() if jobs is None else jobs, max(1, len(tasks) // 2))
    is_worth_it = workers > 1 and (jobs is not None or len(tasks) >= MANY)
    if is_worth_it or not CAN_INTERRUPT or any(_size(task) > SMALL for task in tasks):
        yield from _in_processes(tasks, workers, limits)
    else:
        yield from (process_one(task, limits) for task in tasks)


def process_one(task: Task, limits: WorkLimits) -> Outcome:
    """Read and process one config. Raises nothing."""
    files = task.read()
    if isinstance(files, Failed):
        return files
    return within(
        limits,
        task.paths,
        lambda: propose(
            examine(files, task.policy),
            explain=task.view.explains,
            only_find=task.view.only_finds,
            lists_edits=task.view.lists_edits,
        ),
    )


def _size(task: Task) -> int:
    if task.content is not None:
        return len(task.content)
    size = 0
    for path in task.paths:
        with suppress(OSError):
            size += (task.root / path).stat().st_size
    return size


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_processes(tasks: Sequence[Task], count: int, limits: WorkLimits) -> Iterator[Outcome]:
    from cci_migrate.workers.pool import Lost, Workers

    work = partial(_process_and_thin, limits=limits)
    workers: Workers[tuple[int, Task], Outcome] = Workers(work, count, limits, chunk=_CHUNK)
    ahead = 4 * _CHUNK * count
    outcomes: dict[int, Outcome] = {}
    waiting = iter(enumerate(tasks))
    try:
        for number in range(len(tasks)):
            while number not in outcomes:
                for submitted in islice(waiting, ahead - workers.pending):
                    workers.submit(submitted)
                for (at, task), result in workers.collect():
                    if isinstance(result, Lost):
                        result = result.outcome(limits, task.paths)
                    outcomes[at] = result
            yield outcomes.pop(number)
    finally:
        workers.close()


def _process_and_thin(numbered: tuple[int, Task], limits: WorkLimits) -> Outcome:
    return thin(process_one(numbered[1], limits))


def thin(outcome: Outcome) -> Outcome:
    """``outcome`` with all that reports need, and without the trees, to go between processes."""
    if isinstance(outcome, Examined | Refused):
        resolutions = tuple(
            replace(resolution, finding=_thin(resolution.finding))
            for resolution in outcome.resolutions
        )
        return replace(outcome, resolutions=resolutions)
    return outcome


def _thin(finding: Finding) -> Finding:
    remedy = finding.remedy
    if isinstance(remedy, Question):
        remedy = replace(remedy, choices=tuple(_thin_choice(choice) for choice in remedy.choices))
    elif isinstance(remedy, Fix):
        remedy = _thin_fix(remedy)
    place = replace(finding.place, node=_bare(finding.place.node))
    return replace(finding, place=place, remedy=remedy)


def _thin_choice(choice: Choice) -> Choice:
    remedy = choice.remedy
    return choice if isinstance(remedy, NoFix) else replace(choice, remedy=_thin_fix(remedy))


def _thin_fix(fix: Fix) -> Fix:
    """``fix`` with what its summary is made of."""
    contexts = tuple(replace(grant, entry=_thin_entry(grant.entry)) for grant in fix.contexts)
    return Fix(fix.title, (), contexts)


def _thin_entry(entry: WorkflowJob) -> WorkflowJob:
    key = _bare(entry.key)
    return replace(entry, node=key, key=key, arguments=None)


def _bare(node: Node) -> Scalar:
    return Scalar(node.source, node.start, node.end, "", "", None, None)
