"""Which workflow jobs of a config became which ones of the compiled config, by their names."""

from __future__ import annotations

from collections.abc import Mapping

from cci_migrate.circleci.compiled_texts import ANYTHING, matches
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.groups import grouped


def may_become(entry: WorkflowJob, workflow: str, name: str) -> bool:
    """Whether ``entry`` may be called ``name``, in ``workflow``, in the compiled config.

    A job of which a workflow has several is numbered (``build-2``), a matrix adds its values
    (``test-3.12-linux``), and the entries of a group are in the workflows that call it.
    """
    templates = [entry.name, f"{entry.name}-{ANYTHING}"]
    if entry.is_in_group:
        templates += [f"{ANYTHING}{sign}{own}" for sign in "/-" for own in templates]
    elif entry.workflow != workflow:
        return False
    return any(matches(template, name) for template in templates)


def compiled_entries(
    config: Config, compiled: Config
) -> Mapping[WorkflowJob, tuple[WorkflowJob, ...]]:
    """The workflow jobs of ``compiled`` that each of ``config`` became."""
    by_name = grouped((entry.name, entry) for entry in config.workflow_jobs)
    became: dict[WorkflowJob, list[WorkflowJob]] = {}
    for made in compiled.workflow_jobs:
        for candidates in (by_name.get(made.name, ()), config.workflow_jobs):
            entries = [item for item in candidates if may_become(item, made.workflow, made.name)]
            for entry in entries:
                became.setdefault(entry, []).append(made)
            if entries:
                break
    namesakes = grouped(
        ((entry.workflow, entry.name), entry) for entry in config.workflow_jobs if entry in became
    )
    for entries in namesakes.values():
        numbered = became[entries[0]]
        if len(numbered) == len(entries):
            # In the order in which the workflow has them.
            became |= {entry: [made] for entry, made in zip(entries, numbered, strict=True)}
    return {entry: tuple(made) for entry, made in became.items()}
