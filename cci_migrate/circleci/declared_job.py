"""A job with its namespace and the values of its parameters: enough to say where it runs."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cci_migrate.circleci.config import Config, Executor, ExecutorCall, Job, Namespace, WorkflowJob
from cci_migrate.circleci.parameter_values import ParameterValues


class DeclaredJob(Struct, frozen=True, eq=False):
    """``job`` of the namespace ``home``; ``values`` are those of the parameters of its config."""

    home: Namespace
    job: Job
    values: ParameterValues

    @property
    def config(self) -> Config:
        """The config in which the job is."""
        return self.values.config

    def executors(
        self, entry: WorkflowJob | None = None
    ) -> Iterator[tuple[ExecutorCall, tuple[Namespace, Executor] | None]]:
        """The executors that the job can run on, each with its namespace; None if undeclared.

        With ``entry``, only those that this workflow job runs it on.
        """
        for call in self.values.executor_calls(self.job, entry):
            yield call, self.config.executor(call.name, self.home)
