"""Finds the workflow jobs that filters and conditions restrict to the branches of forks.

Such a branch is called ``pull/N`` (https://circleci.com/docs/guides/integration/oss/).
"""

from __future__ import annotations

from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.expression_restrictions import surely_covers
from cci_migrate.circleci.pipeline_expressions import FALSE, Literal, Operation, PipelineVariable
from cci_migrate.circleci.run_conditions import BRANCH, RunCondition, RunConditions

_IN_FORK = Operation("starts-with", PipelineVariable(BRANCH), Literal("pull/"))


def entries_on_fork_branches(config: Config) -> frozenset[WorkflowJob]:
    """The workflow jobs that run for branches of forks, and for nothing else."""
    conditions = RunConditions(config)
    # Many jobs of a config have the same filters.
    is_for_forks: dict[RunCondition, bool] = {}
    entries: list[WorkflowJob] = []
    for entry in config.workflow_jobs:
        run = conditions.of(entry)
        if run not in is_for_forks:
            is_for_forks[run] = surely_covers(run, _IN_FORK) and not surely_covers(run, FALSE)
        if is_for_forks[run]:
            entries.append(entry)
    return frozenset(entries)
