"""Which workflow jobs of a config became which ones of the compiled config, by their names."""

from __future__ import annotations

from collections.abc import Mapping

from cci_migrate.circleci.compiled_texts import ANYTHING, matches
from cci_migrate.circleci.config import Config, WorkflowJob


def may_be_called(compiled: str, name: str, *, is_in_group: bool) -> bool:
    """Whether the workflow job ``name`` may be called ``compiled`` in the compiled config.

    A job of which a workflow has several is numbered (``build-2``), a matrix adds its values
    (``test-3.12-linux``), and the entries of a group are in the workflows that call it.
    """
    names = [name, f"{name}-{ANYTHING}"]
    if is_in_group:
        names += [f"{ANYTHING}/{name}" for name in names] + [f"{ANYTHING}-{name}" for name in names]
    return any(matches(template, compiled) for template in names)


def compiled_entries(
    config: Config, compiled: Config
) -> Mapping[WorkflowJob, tuple[WorkflowJob, ...]]:
    """The workflow jobs of ``compiled`` that each of ``config`` became."""
    by_name: dict[str, list[WorkflowJob]] = {}
    for entry in config.workflow_jobs:
        by_name.setdefault(entry.name, []).append(entry)
    became: dict[WorkflowJob, list[WorkflowJob]] = {}
    for made in compiled.workflow_jobs:
        exact = [entry for entry in by_name.get(made.name, ()) if _may_become(entry, made)]
        for entry in exact or config.workflow_jobs:
            if exact or _may_become(entry, made):
                became.setdefault(entry, []).append(made)
    namesakes: dict[tuple[str, str], list[WorkflowJob]] = {}
    for entry in config.workflow_jobs:
        if entry in became:
            namesakes.setdefault((entry.workflow, entry.name), []).append(entry)
    for entries in namesakes.values():
        numbered = became[entries[0]]
        if len(numbered) == len(entries):
            # In the order in which the workflow has them.
            became |= {entry: [made] for entry, made in zip(entries, numbered, strict=True)}
    return {entry: tuple(made) for entry, made in became.items()}


def _may_become(entry: WorkflowJob, compiled: WorkflowJob) -> bool:
    is_there = entry.is_in_group or entry.workflow == compiled.workflow
    return is_there and may_be_called(compiled.name, entry.name, is_in_group=entry.is_in_group)
