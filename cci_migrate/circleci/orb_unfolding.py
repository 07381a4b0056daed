"""What the compiled config shows of orbs whose sources were not read.

The compiled config has their jobs, executors and commands unfolded where the config calls them, and
no longer says so. Jobs are recognised by their names, and the steps of a command as what lies
between steps that the config has itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.compiled_names import compiled_entries
from cci_migrate.circleci.compiled_texts import matches
from cci_migrate.circleci.config import Config, Executor, Job, Namespace, UnfoldedOrbs, WorkflowJob
from cci_migrate.circleci.docker_orb import is_step_of_docker_orb
from cci_migrate.circleci.orb_jobs import imported_orb
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.published_orbs import published_command, published_executor, published_job
from cci_migrate.circleci.steps import Step, StepDefaults, job_steps, run_step, steps_around
from cci_migrate.lossless.merging import text_of, value_of, values_by_key
from cci_migrate.lossless.nodes import Node, Scalar, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode

#: Pairs of steps, of a job and of what it became, that are compared at most.
_MOST_PAIRS = 250_000
_NO_DEFAULTS = StepDefaults(None, None, {})


def with_unfolded_orbs(config: Config, compiled: Config) -> Config:
    """``config`` with what ``compiled``, the compiled config, shows of unread orbs.

    Raises TooComplexError.
    """
    # Names of jobs have slashes there that mean nothing.
    compiled_jobs = compiled.body.jobs
    became = {
        entry: tuple(
            compiled_jobs[compiled_entry.calls]
            for compiled_entry in entries
            if compiled_entry.calls in compiled_jobs
        )
        for entry, entries in compiled_entries(config, compiled).items()
    }
    unfolded = UnfoldedOrbs(
        documents=compiled.documents,
        home=replace(compiled.body, is_published=True),
        jobs=dict(_jobs(config, became)),
        executors=_executors(config, became),
        steps=_steps(config, became),
    )
    return replace(config, unfolded=unfolded)


_Became = Mapping[WorkflowJob, tuple[Job, ...]]


class _Compared(Struct, frozen=True, eq=False):
    """A step that the config has itself; ``script`` is that of a ``run`` step, else None."""

    name: str
    script: str | None
    is_conditional: bool = False

    def became(self, compiled: _Compared) -> bool:
        """Whether it may be ``compiled`` in the compiled config."""
        if self.script is None or compiled.script is None:
            return self.name == compiled.name
        return matches(self.script.strip(), compiled.script.strip())


class _Gap(Struct, frozen=True, eq=False):
    """Steps that only the compiled config has. ``calls`` is what asks for them if it is unread."""

    calls: Node | None


def _jobs(config: Config, became: _Became) -> Iterator[tuple[WorkflowJob, tuple[Job, ...]]]:
    for entry, jobs in became.items():
        orb = imported_orb(entry, config)
        if not jobs or orb is None or published_job(config.body, entry.calls) is not None:
            continue
        before, after = steps_around(config, entry)
        parts = [*_parts(before), _Gap(entry.node), *_parts(after)]
        yield entry, tuple(_with_own_steps(job, entry, parts) for job in jobs)


def _with_own_steps(job: Job, entry: WorkflowJob, parts: Sequence[_Compared | _Gap]) -> Job:
    """``job`` without the pre- and post-steps of ``entry``, which are read there."""
    own = next((steps for node, steps in _unfolded(job, parts) if node is entry.node), None)
    if job.steps is None or own is None:
        return job
    return replace(job, steps=own)


def _executors(config: Config, became: _Became) -> dict[Node, Executor]:
    values = ParameterValues(config)
    executors: dict[Node, Executor] = {}
    for entry, jobs in became.items():
        called = config.body.job(entry.calls)
        if called is None or called[1].runs_on.docker is not None:
            continue
        home, job = called
        calls = values.executor_calls(job, entry)
        if len(calls) != 1 or not _is_unread_executor(calls[0].name, home, config):
            # Of a matrix of executors it does not show which one became which job.
            continue
        for compiled_job in jobs:
            node, runs_on = calls[0].node, compiled_job.runs_on
            if node in executors:
                images = (*(executors[node].docker or ()), *(runs_on.docker or ()))
                runs_on = replace(executors[node], docker=images or None)
            executors[node] = runs_on
    return executors


def _is_unread_executor(name: str, home: Namespace, config: Config) -> bool:
    """Whether the executor ``name``, as ``home`` calls it, is one of an orb that was not read."""
    is_declared = config.executor(name, home) is not None
    return "/" in name and not is_declared and published_executor(home, name) is None


def _steps(config: Config, became: _Became) -> dict[Job, dict[Node, tuple[SequenceNode, ...]]]:
    unfolded: dict[Job, dict[Node, dict[str, SequenceNode]]] = {}
    for entry, jobs in became.items():
        called = config.body.job(entry.calls)
        if called is None:
            continue
        home, job = called
        parts = _parts(job_steps(config, home, job, entry))
        for compiled_job in jobs:
            for node, steps in _unfolded(compiled_job, parts):
                text = steps.source.text
                key = "".join(text[item.start : item.end] for item in steps.items)
                unfolded.setdefault(job, {}).setdefault(node, {})[key] = steps
    return {
        job: {node: tuple(lists.values()) for node, lists in by_node.items()}
        for job, by_node in unfolded.items()
    }


def _parts(steps: Iterable[Step]) -> list[_Compared | _Gap]:
    parts: list[_Compared | _Gap] = []
    for step in steps:
        if "/" not in step.name and not step.home.is_published:
            parts.append(_compared(step))
            continue
        calls = step.node if _is_unread(step) else None
        last = parts[-1] if parts else None
        if not isinstance(last, _Gap):
            parts.append(_Gap(calls))
        elif last.calls is None:
            # Where one command's steps end and those of the next begin does not show.
            parts[-1] = _Gap(calls)
    return parts


def _compared(step: Step) -> _Compared:
    run = run_step(step, _NO_DEFAULTS)
    return _Compared(step.name, None if run is None else run.script, bool(step.guards))


def _is_unread(step: Step) -> bool:
    """Whether ``step`` calls a command of an orb whose source was not read."""
    alias, slash, _ = step.name.partition("/")
    return (
        bool(slash)
        and not step.home.is_published
        and alias in step.home.imported
        and not is_step_of_docker_orb(step.name, step.home)
        and published_command(step.home, step.name) is None
    )


def _unfolded(job: Job, parts: Sequence[_Compared | _Gap]) -> Iterator[tuple[Node, SequenceNode]]:
    """What fills the gaps in ``parts``, the steps of the config's job that became ``job``.

    Nothing if it does not show. Steps that ``job`` lacks are passed over: those under conditions,
    and those that a change adds.
    """
    steps = None if job.steps is None else resolved(job.steps)
    if not isinstance(steps, SequenceNode) or not any(
        isinstance(part, _Gap) and part.calls is not None for part in parts
    ):
        return
    compiled = [_compiled_step(item) for item in steps.items]
    if len(parts) * len(compiled) > _MOST_PAIRS:
        return
    ways = _costs(parts, compiled)
    at = 0
    if ways[0][0] >= _NO_WAY:
        return
    for index, part in enumerate(parts):
        cost, start = ways[index], at
        if isinstance(part, _Compared):
            is_there = at < len(compiled) and part.became(compiled[at])
            at += is_there and cost[at] == ways[index + 1][at + 1]
            continue
        while cost[at] != ways[index + 1][at]:
            at += 1
        if part.calls is not None and at > start:
            items = steps.items[start:at]
            yield part.calls, replace(steps, items=items, anchor=None, tag=None)


_NO_WAY = 10**9
_SKIPPED, _SKIPPED_CONDITION = 1000, 1


def _costs(parts: Sequence[_Compared | _Gap], compiled: Sequence[_Compared]) -> list[list[int]]:
    """What it costs at least to find ``parts[i:]`` in ``compiled[j:]``, for each i and j.

    Each skipped step of ``parts`` costs; steps of ``compiled`` can only be skipped in gaps.
    """
    end = len(compiled)
    costs = [[_NO_WAY] * end + [0]]
    for part in reversed(parts):
        after = costs[0]
        cost = [0] * (end + 1)
        for at in range(end, -1, -1):
            if isinstance(part, _Gap):
                cost[at] = min(after[at], cost[at + 1] if at < end else _NO_WAY)
                continue
            skipped = _SKIPPED_CONDITION if part.is_conditional else _SKIPPED
            cost[at] = min(after[at] + skipped, _NO_WAY)
            if at < end and part.became(compiled[at]):
                cost[at] = min(cost[at], after[at + 1])
        costs.insert(0, cost)
    return costs


def _compiled_step(item: Node) -> _Compared:
    value = resolved(item)
    if isinstance(value, Scalar):
        return _Compared(value.value, None)
    for name, argument in values_by_key(value).items():
        return _Compared(name, text_of(value_of(argument, "command") or argument))
    return _Compared("", None)
