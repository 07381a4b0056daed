"""Finds contexts where CircleCI doesn't look for them.

CircleCI only reads ``context`` on a workflow job
(https://circleci.com/docs/reference/configuration-reference/#context): on a job, on a workflow, as
``contexts`` or beside a workflow job it is rejected or ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache

from msgspec import Struct

from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.workflow_jobs import called_job
from cci_migrate.groups import grouped
from cci_migrate.lossless.merging import Entry, entry_of, items_of, own_entry, text_of
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import resolved

_KEYS = ("context", "contexts")


class ContextPlace(Enum):
    """Where a misplaced context is written."""

    WORKFLOW = "workflow"
    JOB = "job"
    BESIDE = "beside a workflow job"
    PLURAL = "workflow job"

    def is_wider_than(self, other: ContextPlace) -> bool:
        """Whether a context here concerns more workflow jobs than one at ``other``."""
        places = list(ContextPlace)
        return places.index(self) < places.index(other)


class MisplacedContext(Struct, frozen=True, eq=False):
    """The key ``entry`` with contexts in the wrong place, and the workflow jobs that it is for.

    ``names`` is None if they aren't all plain names. ``owner`` is the job, workflow or workflow job
    that has the key, ``route`` the key's route.
    """

    place: ContextPlace
    entry: Entry
    owner: str
    route: str
    names: tuple[str, ...] | None
    workflow_jobs: tuple[WorkflowJob, ...]


@lru_cache(maxsize=4)
def misplaced_contexts(config: Config) -> tuple[MisplacedContext, ...]:
    """All misplaced contexts; one shared through an anchor is there once."""
    return tuple(_misplaced_contexts(config))


def _misplaced_contexts(config: Config) -> Iterator[MisplacedContext]:
    if not config.has_key(*_KEYS):
        return
    on_jobs = grouped(
        (entry, job)
        for _, job in config.all_jobs()
        for key in _KEYS
        if (entry := entry_of(job.mapping, key)) is not None
    )
    for entry, jobs in on_jobs.items():
        affected = [
            workflow_job
            for job in jobs
            for workflow_job in config.workflow_jobs
            if called_job(workflow_job, config) is job
        ]
        owners = ", ".join(job.name for job in jobs)
        route = f"jobs.{jobs[0].name}.{entry.key.value}"
        yield _misplaced(ContextPlace.JOB, entry, owners, route, affected)
    for name, node in config.workflows.items():
        for key in _KEYS:
            entry = entry_of(node, key)
            if entry is not None:
                affected = [
                    workflow_job
                    for workflow_job in config.workflow_jobs
                    if workflow_job.workflow == name and not workflow_job.is_in_group
                ]
                route = f"workflows.{name}.{key}"
                yield _misplaced(ContextPlace.WORKFLOW, entry, name, route, affected)
    for plural, affected in plural_contexts(config).items():
        names = ", ".join(dict.fromkeys(workflow_job.name for workflow_job in affected))
        route = f"{affected[0].route}.contexts"
        yield _misplaced(ContextPlace.PLURAL, plural, names, route, affected)
    for workflow_job in config.workflow_jobs:
        node = resolved(workflow_job.node)
        for key in _KEYS:
            beside = own_entry(node, key) if isinstance(node, MappingNode) else None
            if beside is not None and beside.key is not workflow_job.key:
                owner, route = workflow_job.name, f"{workflow_job.route}.{key}"
                yield _misplaced(ContextPlace.BESIDE, beside, owner, route, [workflow_job])


def plural_contexts(config: Config) -> Mapping[Entry, list[WorkflowJob]]:
    """The ``contexts`` keys of workflow jobs, each with the jobs that have it, own or merged."""
    return grouped(
        (plural, workflow_job)
        for workflow_job in (config.workflow_jobs if config.has_key("contexts") else ())
        if (plural := entry_of(workflow_job.arguments, "contexts")) is not None
        and (called := called_job(workflow_job, config)) is not None
        # A job may have a parameter of that name.
        and "contexts" not in called.parameters
    )


def misplaced_contexts_by_job(config: Config) -> Mapping[WorkflowJob, tuple[str, ...]]:
    """The misplaced contexts that are meant for each workflow job.

    Those on a whole workflow are meant for any of its jobs that needs them.
    """
    names: dict[WorkflowJob, tuple[str, ...]] = {}
    for misplaced in misplaced_contexts(config):
        for entry in misplaced.workflow_jobs:
            names[entry] = (*names.get(entry, ()), *(misplaced.names or ()))
    return names


def _misplaced(
    place: ContextPlace, entry: Entry, owner: str, route: str, entries: list[WorkflowJob]
) -> MisplacedContext:
    texts = [text_of(item) for item in items_of(entry.value) or (entry.value,)]
    names = tuple(text for text in texts if text and not has_expression(text))
    is_plain = bool(names) and len(names) == len(texts)
    return MisplacedContext(place, entry, owner, route, names if is_plain else None, tuple(entries))
