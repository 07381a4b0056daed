"""What the jobs and executors of published orbs run on when a config uses them."""

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

#: Of a matrix with more combinations its parameters stay as they are written.
_MOST_WAYS = 64


class RunsOn(Struct, frozen=True, eq=False):
    """Where a job runs: ``executor`` with what is in scope of it.

    ``is_published``: it is a published orb's, so its images have no credentials of the config.
    ``name`` is what the config calls it (``node/default``), the job's name where it has a list of
    images itself.
    """

    name: str
    executor: Executor
    bindings: Bindings
    is_published: bool


class OrbJob(Struct, frozen=True, eq=False):
    """A workflow job that runs ``job`` of the published orb ``home``.

    ``job`` is named and routed as the workflow job is. ``ways`` are its arguments, one for each
    combination of its matrix.
    """

    entry: WorkflowJob
    orb: ImportedOrb
    home: Namespace
    job: Job
    ways: tuple[Mapping[str, Node], ...]

    @property
    def has_steps(self) -> bool:
        """Whether any of its steps, or of those around them, may do something to Docker."""
        around = entries_of(self.entry.arguments).keys() & {"pre-steps", "post-steps"}
        return self.job.steps is not None or bool(around)

    def places(self, config: Config) -> Iterator[RunsOn | None]:
        """Where it runs in each of its ways; None where that is not known."""
        outside = Bindings({}, {}, config.body, None)
        for arguments in self.ways:
            scope = Bindings(self.job.parameters, arguments, self.home, outside)
            if self.job.executor is None:
                yield RunsOn(self.entry.calls, self.job.runs_on, scope, is_published=True)
            else:
                yield runs_on(self.job.executor, scope, config)

    def takes_executor(self) -> str | None:
        """Its parameter that says on which executor it runs; None where it has none."""
        call = self.job.executor
        reference = None if call is None else sole_reference(call.name)
        if reference is None or reference.scope is not Scope.PARAMETER:
            return None
        return reference.name if reference.name in self.job.parameters else None


def imported_orb(entry: WorkflowJob, config: Config) -> ImportedOrb | None:
    """The orb whose job ``entry`` runs; None for a job of the config's own, or no job."""
    alias, slash, _ = entry.calls.partition("/")
    if not slash or config.body.job(entry.calls) is not None or runs_nothing(entry, config):
        return None
    return config.body.imported.get(alias)


def orb_job(entry: WorkflowJob, config: Config) -> OrbJob | None:
    """What ``entry`` runs, if that is a job of a published orb that is known."""
    orb = imported_orb(entry, config)
    published = None if orb is None else published_job(config.body, entry.calls)
    if orb is None or published is None:
        return None
    home, job = published
    renamed = replace(job, name=entry.calls, route=entry.route)
    return OrbJob(entry, orb, home, renamed, tuple(_ways(job_call(entry))))


def _ways(call: JobCall) -> Iterator[Mapping[str, Node]]:
    """The arguments of each combination of a matrix."""
    amount = 1
    for values in call.matrix.values():
        amount *= max(1, len(values))
    if amount > _MOST_WAYS:
        yield call.arguments
        return
    for chosen in product(*call.matrix.values()):
        yield {**call.arguments, **dict(zip(call.matrix, chosen, strict=True))}


def runs_on(call: ExecutorCall, scope: Bindings, config: Config) -> RunsOn | None:
    """The executor that ``call`` means, which stands in ``scope``; None where it is not known."""
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
    """The orbs' executors on which ``job`` runs, those of inline orbs apart; None: not known.

    ``entry`` asks for those on which that workflow job runs it.
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
    """The images that ``place`` pulls for ``job``, with what their parameters can be put in."""
    texts: dict[str, None] = {}
    for item in place.executor.docker or ():
        text = place.bindings.expand(item.text)
        texts.update(dict.fromkeys(values.texts(text, job, is_orb=is_orb)))
    return tuple(texts)
