"""Where the jobs of published orbs run, and the orbs' executors that a config uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.config import (
    Config,
    Executor,
    ExecutorCall,
    ImportedOrb,
    Job,
    Namespace,
    WorkflowJob,
)
from cci_migrate.circleci.config_reading import executor_call
from cci_migrate.circleci.expressions import Scope, sole_reference
from cci_migrate.circleci.parameter_values import JobCall, ParameterValues, job_call
from cci_migrate.circleci.published_orbs import published_executor, published_job
from cci_migrate.circleci.steps import Bindings
from cci_migrate.circleci.workflow_jobs import runs_nothing
from cci_migrate.lossless.merging import entries_of
from cci_migrate.lossless.nodes import Node

#: A matrix with more combinations is not expanded.
_MOST_WAYS = 64


class RunsOn(Struct, frozen=True, eq=False):
    """Where a job runs: ``executor`` with the parameters in its scope.

    ``is_published``: it is a published orb's, so the config can't give its images credentials.
    ``name`` is its name in the config (``node/default``), or the job's name if the job has its own
    list of images.
    """

    name: str
    executor: Executor
    bindings: Bindings
    is_published: bool


class OrbJob(Struct, frozen=True, eq=False):
    """A workflow job that runs ``job`` of the published orb ``home``.

    ``job`` has the name and the route of the workflow job. ``ways`` are its arguments, once for
    each combination of its matrix.
    """

    entry: WorkflowJob
    orb: ImportedOrb
    home: Namespace
    job: Job
    ways: tuple[Mapping[str, Node], ...]

    @property
    def has_steps(self) -> bool:
        """Whether any of its steps, pre- and post-steps included, may do something with Docker."""
        around = entries_of(self.entry.arguments).keys() & {"pre-steps", "post-steps"}
        return self.job.steps is not None or bool(around)

    def places(self, config: Config) -> Iterator[RunsOn | None]:
        """Where it runs in each of its ways; None if unknown."""
        outside = Bindings({}, {}, config.body, None)
        for arguments in self.ways:
            scope = Bindings(self.job.parameters, arguments, self.home, outside)
            if self.job.executor is None:
                yield RunsOn(self.entry.calls, self.job.runs_on, scope, is_published=True)
            else:
                yield runs_on(self.job.executor, scope, config)

    def takes_executor(self) -> str | None:
        """Its parameter for the executor; None if it has none."""
        call = self.job.executor
        reference = None if call is None else sole_reference(call.name)
        if reference is None or reference.scope is not Scope.PARAMETER:
            return None
        return reference.name if reference.name in self.job.parameters else None


def imported_orb(entry: WorkflowJob, config: Config) -> ImportedOrb | None:
    """The orb whose job ``entry`` runs; None if it runs a job of the config, or nothing."""
    alias, slash, _ = entry.calls.partition("/")
    if not slash or config.body.job(entry.calls) is not None or runs_nothing(entry, config):
        return None
    return config.body.imported.get(alias)


def orb_job(entry: WorkflowJob, config: Config) -> OrbJob | None:
    """The job of a published orb that ``entry`` runs; None for any other job."""
    orb = imported_orb(entry, config)
    published = None if orb is None else published_job(config.body, entry.calls)
    if orb is None or published is None:
        return None
    home, job = published
    renamed = replace(job, name=entry.calls, route=entry.route)
    return OrbJob(entry, orb, home, renamed, tuple(_ways(job_call(entry))))


def _ways(call: JobCall) -> Iterator[Mapping[str, Node]]:
    """The arguments of each combination of the matrix of ``call``."""
    amount = 1
    for values in call.matrix.values():
        amount *= max(1, len(values))
    if amount > _MOST_WAYS:
        yield call.arguments
        return
    for chosen in product(*call.matrix.values()):
        yield {**call.arguments, **dict(zip(call.matrix, chosen, strict=True))}


def runs_on(call: ExecutorCall, scope: Bindings, config: Config) -> RunsOn | None:
    """The executor that ``call`` refers to in ``scope``; None if unknown."""
    reference = sole_reference(call.name)
    if reference is not None and reference.scope is Scope.PARAMETER:
        binding = scope.node(reference.name)
        passed = None if binding is None else executor_call(binding[0])
        if binding is None or passed is None or sole_reference(passed.name) is not None:
            return None
        return runs_on(passed, binding[1], config)
    own = scope.home.executor(call.name) or config.body.executor(call.name)
    executor = own or published_executor(scope.home, call.name)
    if executor is None:
        return None
    home, declared = executor
    bindings = Bindings(declared.parameters, call.arguments, home, scope)
    return RunsOn(call.name, declared, bindings, is_published=home.is_published)


def orb_executors(
    job: Job, home: Namespace, entry: WorkflowJob | None, config: Config, values: ParameterValues
) -> Iterator[tuple[ImportedOrb, ExecutorCall, RunsOn | None]]:
    """The executors of published orbs that ``job`` runs on; the last element is None if unknown.

    With ``entry``, only those that this workflow job runs it on.
    """
    if job.runs_on.docker is not None:
        return
    scope = Bindings(job.parameters, {}, home, None)
    for call in values.executor_calls(job, entry):
        alias, slash, _ = call.name.partition("/")
        orb = home.imported.get(alias) or config.body.imported.get(alias)
        if slash and orb is not None:
            at = scope if alias in home.imported else replace(scope, home=config.body)
            yield orb, call, runs_on(call, at, config)


def images_of(place: RunsOn, values: ParameterValues, job: Job, *, is_orb: bool) -> tuple[str, ...]:
    """The images that ``place`` pulls for ``job``, with the possible values of parameters."""
    texts: dict[str, None] = {}
    for item in place.executor.docker or ():
        text = place.bindings.expand(item.text)
        texts.update(dict.fromkeys(values.texts(text, job, is_orb=is_orb)))
    return tuple(texts)
