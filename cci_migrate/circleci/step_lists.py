"""The steps of a config's jobs, expanded once for each way in which workflows run them."""

from __future__ import annotations

from collections.abc import Sequence

from cci_migrate.circleci.config import Config, Job, Namespace, WorkflowJob
from cci_migrate.circleci.steps import ADDED_STEPS, Step, job_steps, step_allowance, steps_run_by
from cci_migrate.lossless.merging import values_by_key
from cci_migrate.lossless.nodes import Node, resolved

#: The arguments of a workflow job that change the steps of its job.
Way = tuple[Node | None, ...]


def way_of(job: Job, entry: WorkflowJob | None) -> Way:
    """The way in which ``entry`` runs ``job``: entries with the same one run the same steps."""
    passed = values_by_key(None if entry is None else entry.arguments)
    if not passed:
        return ()
    names = [*ADDED_STEPS]
    names += [name for name, parameter in job.parameters.items() if parameter.type == "steps"]
    if passed.keys().isdisjoint(names):
        return ()
    return tuple(None if (value := passed.get(name)) is None else resolved(value) for name in names)


class StepLists:
    """The expanded steps of the jobs of ``config``, for all who read them."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._allowance = step_allowance()
        self._steps: dict[tuple[Job, Way], Sequence[Step]] = {}
        self._run_by: dict[WorkflowJob, frozenset[tuple[object, ...]]] = {}

    def counted(self, home: Namespace, job: Job, entry: WorkflowJob | None) -> Sequence[Step]:
        """The steps of ``job``; they count against what all jobs of a config may have together.

        Raises TooComplexError.
        """
        steps = job_steps(self._config, home, job, entry, self._allowance)
        self._steps[job, way_of(job, entry)] = steps
        return steps

    def of(self, home: Namespace, job: Job, entry: WorkflowJob | None) -> Sequence[Step]:
        """The steps of ``job``, whether or not they were counted. Raises TooComplexError."""
        key = (job, way_of(job, entry))
        steps = self._steps.get(key)
        if steps is None:
            steps = self._steps[key] = job_steps(self._config, home, job, entry)
        return steps

    def run_by(self, home: Namespace, job: Job, entry: WorkflowJob) -> Sequence[Step]:
        """The steps of ``job`` that ``entry`` may run: see `may_run`. Raises TooComplexError."""
        steps = self.of(home, job, entry)
        if home.is_published or not job.parameters:
            return steps
        return [step for step in steps if self.may_run(home, job, entry, step)]

    def may_run(self, home: Namespace, job: Job, entry: WorkflowJob, step: Step) -> bool:
        """Whether ``entry`` may run ``step`` of ``job``: its arguments can rule out a condition.

        Raises TooComplexError.
        """
        if home.is_published or not job.parameters:
            return True
        if not any("parameters." in guard for guard in step.guards):
            return True
        run = self._run_by.get(entry)
        if run is None:
            steps = steps_run_by(self._config, home, job, entry)
            run = self._run_by[entry] = frozenset(step.way for step in steps)
        return step.way in run
