"""Where the jobs of orbs run, and the orbs' executors that a config uses.

What published orbs have is known by name; what other orbs have shows in the compiled config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

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
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.expressions import Scope, sole_reference
from cci_migrate.circleci.images import ImageAuth, auths_of
from cci_migrate.circleci.parameter_values import JobCall, ParameterValues, job_call
from cci_migrate.circleci.published_orbs import published_executor, published_job
from cci_migrate.circleci.steps import ADDED_STEPS, Bindings, outermost_scope
from cci_migrate.circleci.workflow_jobs import runs_nothing
from cci_migrate.lossless.merging import entries_of
from cci_migrate.lossless.nodes import Node

#: A matrix with more combinations is not expanded.
_MOST_WAYS = 64


class RunsOn(Struct, frozen=True, eq=False):
    """Where a job runs: ``executor`` with the parameters in its scope.

    ``is_published``: it is an orb's, so the config can't give its images credentials.
    ``name`` is its name in the config (``node/default``), or the job's name if the job has its own
    list of images.
    """

    name: str
    executor: Executor
    bindings: Bindings
    is_published: bool


class OrbWay(Struct, frozen=True, eq=False):
    """One of the ways to run an orb's job: ``job`` with ``arguments``."""

    job: Job
    arguments: Mapping[str, Node]


class OrbJob(Struct, frozen=True, eq=False):
    """A workflow job that runs a job of the orb ``home``, and all its ``ways`` to run it.

    There is one for each combination of its matrix. Their jobs have the name and the route of the
    workflow job. ``is_compiled``: they are those of the compiled config, in which the orb's
    parameters no longer show.
    """

    entry: WorkflowJob
    orb: ImportedOrb
    home: Namespace
    ways: tuple[OrbWay, ...]
    is_compiled: bool = False

    @property
    def job(self) -> Job:
        """The job, in the first of its ways."""
        return self.ways[0].job

    @property
    def has_steps(self) -> bool:
        """Whether any of its steps, pre- and post-steps included, may do something with Docker."""
        around = entries_of(self.entry.arguments).keys() & {*ADDED_STEPS}
        return self.job.steps is not None or bool(around)

    def places(self, config: Config) -> Iterator[RunsOn | None]:
        """Where it runs in each of its ways; None if unknown."""
        outside = outermost_scope(config)
        for way in self.ways:
            scope = Bindings(way.job.parameters, way.arguments, self.home, outside)
            if way.job.executor is None:
                yield RunsOn(self.entry.calls, way.job.runs_on, scope, is_published=True)
            else:
                yield runs_on(way.job.executor, scope, config)

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
    """The job of an orb that ``entry`` runs; None for any other job, and if it is unknown."""
    orb = imported_orb(entry, config)
    if orb is None:
        return None
    published = published_job(config.body, entry.calls)
    if published is not None:
        home, job = published
        renamed = replace(job, name=entry.calls, route=entry.route)
        ways = (OrbWay(renamed, arguments) for arguments in _ways(job_call(entry)))
        return OrbJob(entry, orb, home, tuple(ways))
    unfolded = config.unfolded
    if unfolded is None or entry not in unfolded.jobs:
        return None
    compiled = tuple(
        OrbWay(replace(job, name=entry.calls, route=entry.route), {})
        for job in unfolded.jobs[entry]
    )
    return OrbJob(entry, orb, unfolded.home, compiled, is_compiled=True)


def _ways(call: JobCall) -> Iterator[Mapping[str, Node]]:
    """The arguments of each combination of the matrix of ``call``."""
    if prod(max(1, len(values)) for values in call.matrix.values()) > _MOST_WAYS:
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
    executor = config.executor(call.name, scope.home) or orb_executor(call, scope.home, config)
    if executor is None:
        return None
    home, declared = executor
    bindings = Bindings(declared.parameters, call.arguments, home, scope)
    return RunsOn(call.name, declared, bindings, is_published=home.is_published)


def orb_executor(
    call: ExecutorCall, home: Namespace, config: Config
) -> tuple[Namespace, Executor] | None:
    """The orb's executor that ``call`` names in ``home``, and its namespace; None if unknown."""
    published = published_executor(home, call.name)
    if published is not None or config.unfolded is None:
        return published
    executor = config.unfolded.executors.get(call.node)
    return None if executor is None else (config.unfolded.home, executor)


def orb_executors(
    declared: DeclaredJob, entry: WorkflowJob | None = None
) -> Iterator[tuple[ImportedOrb, ExecutorCall, RunsOn | None]]:
    """The executors of published orbs that a job runs on; the last element is None if unknown.

    With ``entry``, only those that this workflow job runs it on.
    """
    job, home, config = declared.job, declared.home, declared.config
    if job.runs_on.docker is not None:
        return
    scope = Bindings(job.parameters, {}, home, None)
    for call in declared.values.executor_calls(job, entry):
        alias, slash, _ = call.name.partition("/")
        orb = home.imported.get(alias) or config.body.imported.get(alias)
        if slash and orb is not None:
            at = scope if alias in home.imported else replace(scope, home=config.body)
            yield orb, call, runs_on(call, at, config)


class OrbImage(Struct, frozen=True):
    """An image that an orb names, and the credentials that the orb gives it."""

    text: str
    auth: ImageAuth | None


def images_of(
    place: RunsOn, values: ParameterValues, job: Job, *, is_orb: bool
) -> tuple[OrbImage, ...]:
    """The images that ``place`` pulls for ``job``, with the possible values of parameters."""
    images: dict[str, OrbImage] = {}
    for item in place.executor.docker or ():
        auth = next((auth for auth in auths_of(item.mapping) if auth.is_complete), None)
        for text in values.texts(place.bindings.expand(item.text), job, is_orb=is_orb):
            if auth is None or text not in images:
                images[text] = OrbImage(text, auth)
    return tuple(images.values())
