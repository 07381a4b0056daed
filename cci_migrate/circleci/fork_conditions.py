"""Finds the workflow jobs that filters and conditions restrict to the branches of forks.

Such a branch is called ``pull/N`` (https://circleci.com/docs/guides/integration/oss/).
"""

from __future__ import annotations

from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.expression_restrictions import coverage
from cci_migrate.circleci.pipeline_expressions import FALSE, Literal, Operation, PipelineVariable
from cci_migrate.circleci.run_conditions import BRANCH, RunConditions

_IN_FORK = Operation("starts-with", PipelineVariable(BRANCH), Literal("pull/"))


def entries_on_fork_branches(config: Config) -> frozenset[WorkflowJob]:
    """The workflow jobs that run for branches of forks, and for nothing else."""
    conditions = RunConditions(config)
    entries = []
    for entry in config.workflow_jobs:
        run = conditions.of(entry)
        runs_never = coverage(run, FALSE).holds
        if coverage(run, _IN_FORK).holds and not runs_never:
            entries.append(entry)
    return frozenset(entries)
