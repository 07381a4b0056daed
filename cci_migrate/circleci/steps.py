"""The steps of a job in the order in which they run, reusable commands and conditions unfolded.

https://circleci.com/docs/reference/configuration-reference/#steps,
https://circleci.com/docs/reference/reusing-config/. Steps are also passed as arguments (parameters
of type ``steps``), and workflow jobs add ``pre-steps`` and ``post-steps``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.bounds.limits import Allowance, TooComplexError
from cci_migrate.circleci.config import Command, Config, Job, Namespace, Parameter, WorkflowJob
from cci_migrate.circleci.docker_orb import DOCKER_ORB, DOCKER_ORB_STEPS
from cci_migrate.circleci.expressions import (
    Reference,
    Scope,
    sole_reference,
    substitute,
)
from cci_migrate.circleci.logic_statements import condition_of
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.published_orbs import published_command
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lossless.merging import entries_of, text_of, value_of
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, Scalar, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode

#: Lists of steps that lie deeper in each other than this are refused: nobody's are.
_DEEPEST = 50
#: As many steps as a config may unfold to, for all of its jobs that have Docker: commands that call
#: others twice each soon have millions. With some 270 bytes each they fill the 8 MB that a compiled
#: config may have (https://support.circleci.com/hc/en-us/articles/360045043634).
MOST_STEPS = 30_000
#: ``deploy`` is the old name of ``run``:
#: https://circleci.com/docs/reference/configuration-reference/#deploy-deprecated.
_RUN = ("run", "deploy")
SETUP = "setup_remote_docker"


class StepPlace(Struct, frozen=True, eq=False):
    """A place in a list of steps.

    ``home`` is where the list belongs: whose commands and orbs its steps name. ``guards`` are the
    conditions under which it is reached.
    """

    sequence: SequenceNode
    index: int
    home: Namespace
    guards: frozenset[str]


class Bindings(Struct, frozen=True, eq=False):
    """The parameters in scope of a step: those of the command it stands in, else of its job.

    ``home`` is where the command or job belongs; ``outer`` the scope that calls the command, None
    for a job's own.
    """

    parameters: Mapping[str, Parameter]
    arguments: Mapping[str, Node]
    home: Namespace
    outer: Bindings | None

    def node(self, name: str) -> tuple[Node, Bindings] | None:
        """The value of the parameter ``name`` and the scope that it is to be read in."""
        if name in self.arguments and self.outer is not None:
            return self.arguments[name], self.outer
        parameter = self.parameters.get(name)
        if parameter is None or parameter.default is None:
            return None
        return parameter.default, self

    def expand(self, text: str) -> str:
        """``text`` with the parameters of commands put in; those of the job stay as they are."""
        return self._expand(text, _DEEPEST)

    def expand_condition(self, text: str) -> str:
        """`expand` for a condition: a list of steps that is passed is true unless it is empty."""
        reference = sole_reference(text)
        if self.outer is not None and reference is not None and reference.scope is Scope.PARAMETER:
            binding = self.node(reference.name)
            passed = None if binding is None else resolved(binding[0])
            if isinstance(passed, SequenceNode):
                return "true" if passed.items else "false"
        return self.expand(text)

    def _expand(self, text: str, deepest: int) -> str:
        if self.outer is None or "<<" not in text or deepest == 0:
            return text

        def replacement_of(reference: Reference) -> str | None:
            if reference.scope is not Scope.PARAMETER:
                return None
            binding = self.node(reference.name)
            value = None if binding is None else text_of(binding[0])
            if binding is None or value is None:
                return None
            return binding[1]._expand(value, deepest - 1)

        return substitute(text, replacement_of)


class Step(Struct, frozen=True, eq=False):
    """One step that runs, and the way to it.

    ``name`` is what it is (``run``, ``setup_remote_docker``, ``checkout``, ``docker/check``);
    ``value`` what stands behind it. ``path`` leads from the job's own list of steps through the
    lists of commands and conditions. ``within`` is the job or command of a published orb that has
    it (``aws-ecr/build_image``): ``node`` and ``path`` are those of its call then, and the name may
    be one of `published_orbs`.
    """

    name: str
    value: Node | None
    node: Node
    path: tuple[StepPlace, ...]
    bindings: Bindings
    home: Namespace
    within: str | None = None

    @property
    def guards(self) -> frozenset[str]:
        """The conditions under which it runs; equal conditions are told by equal texts."""
        return self.path[-1].guards


class RunStep(Struct, frozen=True, eq=False):
    """What a ``run`` step says.

    ``command`` is the scalar that holds the script, ``script`` its text with the parameters of
    commands put in. ``only_on_failure`` and ``in_background`` tell steps whose effect later ones
    cannot rely on.
    """

    step: Step
    command: Scalar
    script: str
    shell: str | None
    working_directory: str | None
    environment: Mapping[str, str]
    only_on_failure: bool
    in_background: bool

    __repr__ = repr_without("environment")


def step_allowance() -> Allowance:
    """What the steps of one config may come to."""
    return Allowance(
        MOST_STEPS, f"its jobs, commands and conditions unfold to more than {MOST_STEPS:,} steps"
    )


def job_steps(
    config: Config,
    home: Namespace,
    job: Job,
    entry: WorkflowJob | None,
    allowance: Allowance | None = None,
) -> list[Step]:
    """The steps of ``job`` in order, with the pre- and post-steps that ``entry`` adds.

    ``allowance`` is what is left of `step_allowance` for the config. Raises TooComplexError.
    """
    arguments = {} if entry is None else _arguments(entry.arguments)
    # Of the job's own parameters only lists of steps are put in here: of others the values of all
    # workflow jobs count.
    outside = Bindings({}, {}, config.body, None)
    reader = _Reader(outside, arguments, allowance or step_allowance())
    steps: list[Step] = []
    if entry is not None:
        steps += reader.read(value_of(entry.arguments, "pre-steps"), outside)
    if job.steps is not None:
        steps += reader.read(resolved(job.steps.value), Bindings(job.parameters, {}, home, None))
    if entry is not None:
        steps += reader.read(value_of(entry.arguments, "post-steps"), outside)
    return steps


def orb_job_steps(
    config: Config,
    home: Namespace,
    job: Job,
    entry: WorkflowJob,
    arguments: Mapping[str, Node],
    allowance: Allowance | None = None,
) -> list[Step]:
    """The steps of ``job`` of the published orb ``home``, as ``entry`` runs it.

    All its parameters are put in. Raises TooComplexError.
    """
    outside = Bindings({}, {}, config.body, None)
    reader = _Reader(outside, {}, allowance or step_allowance())
    steps = list(reader.read(value_of(entry.arguments, "pre-steps"), outside))
    if job.steps is not None:
        inside = Bindings(job.parameters, arguments, home, outside)
        way = _Way(called=(entry.calls, entry.node))
        steps += reader.read(resolved(job.steps.value), inside, way)
    steps += reader.read(value_of(entry.arguments, "post-steps"), outside)
    return steps


def command_steps(config: Config, home: Namespace, command: Command) -> list[Step]:
    """The steps of ``command`` as if it were called without arguments."""
    if command.steps is None:
        return []
    outside = Bindings({}, {}, config.body, None)
    inside = Bindings(command.parameters, {}, home, outside)
    way = _Way(commands=(command,))
    return list(
        _Reader(outside, {}, step_allowance()).read(resolved(command.steps.value), inside, way)
    )


def anchored_step(config: Config, node: MappingNode) -> list[Step]:
    """What the step ``node`` comes to, wherever it stands: alone, and in no job's scope."""
    outside = Bindings({}, {}, config.body, None)
    alone = SequenceNode(node.source, node.start, node.end, (node,), True, None, None)
    return list(_Reader(outside, {}, step_allowance()).read(alone, outside))


class _Way(Struct, frozen=True, eq=False):
    """How the reader came to a list of steps.

    ``commands`` and ``passed`` (scopes and parameters) are what it went through: what leads back to
    itself never runs. ``called`` is the job or command of a published orb that it is in, and the
    node that calls it.
    """

    path: tuple[StepPlace, ...] = ()
    guards: frozenset[str] = frozenset()
    commands: tuple[Command, ...] = ()
    passed: frozenset[tuple[Bindings, str]] = frozenset()
    depth: int = 0
    called: tuple[str, Node] | None = None


_START = _Way()


class _Reader:
    def __init__(
        self, outside: Bindings, job_arguments: Mapping[str, Node], allowance: Allowance
    ) -> None:
        self._outside = outside
        self._job_arguments = job_arguments
        self._allowance = allowance

    def read(self, node: Node | None, bindings: Bindings, way: _Way = _START) -> Iterator[Step]:
        """The steps of the list ``node``, whose names and parameters are those of ``bindings``."""
        value = None if node is None else resolved(node)
        if way.depth > _DEEPEST:
            raise TooComplexError(f"more than {_DEEPEST} lists of steps lie in each other")
        depth = way.depth + 1
        if isinstance(value, Scalar):
            yield from self._passed(value, bindings, replace(way, depth=depth))
        if not isinstance(value, SequenceNode):
            return
        for index, item in enumerate(value.items):
            self._allowance.spend()
            if bindings.home.is_published and way.path:
                # Nothing can be put there: the place is still that of the call.
                path = (*way.path[:-1], replace(way.path[-1], guards=way.guards))
            else:
                path = (*way.path, StepPlace(value, index, bindings.home, way.guards))
            yield from self._item(item, bindings, replace(way, path=path, depth=depth))

    def _passed(self, value: Scalar, bindings: Bindings, way: _Way) -> Iterator[Step]:
        """The steps that ``<< parameters.x >>`` stands for."""
        reference = sole_reference(value.value)
        if reference is None or reference.scope is not Scope.PARAMETER:
            return
        parameter = (bindings, reference.name)
        if parameter in way.passed:
            return
        way = replace(way, passed=way.passed | {parameter})
        if bindings.outer is None and reference.name in self._job_arguments:
            yield from self.read(self._job_arguments[reference.name], self._outside, way)
            return
        binding = bindings.node(reference.name)
        if binding is not None:
            yield from self.read(binding[0], binding[1], way)

    def _item(self, item: Node, bindings: Bindings, way: _Way) -> Iterator[Step]:
        value = resolved(item)
        if isinstance(value, Scalar):
            if sole_reference(value.value) is not None:
                yield from self._passed(value, bindings, way)
                return
            yield from self._named(value.value, None, item, bindings, way)
        elif isinstance(value, MappingNode):
            for name, entry in entries_of(value).items():
                yield from self._named(name, entry.value, item, bindings, way)

    def _named(
        self, name: str, value: Node | None, item: Node, bindings: Bindings, way: _Way
    ) -> Iterator[Step]:
        if name in ("when", "unless"):
            condition = condition_of(
                value_of(value, "condition"), bindings.expand_condition, self._allowance.spend
            )
            if condition.holds is None:
                way = replace(way, guards=way.guards | {f"{name} {condition.text}"})
            if condition.holds is not (name == "unless"):
                yield from self.read(value_of(value, "steps"), bindings, way)
            return
        if name == "steps":
            yield from self.read(value, bindings, way)
            return
        called = bindings.home.command(name)
        if called is None and not self._is_step_of_docker_orb(name, bindings.home):
            called = published_command(bindings.home, name)
            called = None if called is None or called[1].steps is None else called
        if called is None:
            within, node = None, item
            if bindings.home.is_published and way.called is not None:
                within, node = way.called
            yield Step(name, value, node, way.path, bindings, bindings.home, within)
            return
        home, command = called
        if command in way.commands or command.steps is None:
            return
        below = Bindings(command.parameters, _arguments(value), home, bindings)
        inner = replace(way, commands=(*way.commands, command))
        if home.is_published and not bindings.home.is_published:
            inner = replace(inner, called=(name, item))
        yield from self.read(command.steps.value, below, inner)

    @staticmethod
    def _is_step_of_docker_orb(name: str, home: Namespace) -> bool:
        """Whether ``name`` is one of the Docker orb's commands that are a step of their own."""
        alias, _, command = name.partition("/")
        orb = home.imported.get(alias) if command in DOCKER_ORB_STEPS else None
        return orb is not None and orb.name == DOCKER_ORB


def _arguments(node: Node | None) -> Mapping[str, Node]:
    return {name: entry.value for name, entry in entries_of(node).items()}


class StepDefaults(Struct, frozen=True):
    """What the steps of a job have from the job or its executor where they say nothing."""

    shell: str | None
    working_directory: str | None
    environment: Mapping[str, str]

    __repr__ = repr_without("environment")


def step_defaults(
    job: Job, home: Namespace, config: Config, values: ParameterValues
) -> StepDefaults:
    """The defaults of the steps of ``job``: its own keys win over those of its executors.

    ``machine`` has a ``shell`` of its own, and orbs' executors take one as an argument
    (https://circleci.com/docs/guides/execution-managed/using-windows/).
    """
    shell = text_of(value_of(job.mapping, "shell")) or _machine_shell(job.mapping)
    directory = text_of(value_of(job.mapping, "working_directory"))
    environment: dict[str, str] = {}
    if job.runs_on.docker is None and job.runs_on.machine is None:
        for call in values.executor_calls(job):
            executor = home.executor(call.name) or config.body.executor(call.name)
            if executor is None:
                shell = shell or text_of(call.arguments.get("shell"))
                continue
            mapping = executor[1].mapping
            own = text_of(value_of(mapping, "shell")) or _machine_shell(mapping)
            if own is not None:
                texts = values.texts(own, executor[1], is_orb=executor[0].is_orb)
                shell = shell or texts[0]
            directory = directory or text_of(value_of(mapping, "working_directory"))
            environment = {**_texts(value_of(mapping, "environment")), **environment}
    environment.update(_texts(value_of(job.mapping, "environment")))
    return StepDefaults(shell, directory, environment)


def _machine_shell(mapping: MappingNode) -> str | None:
    return text_of(value_of(value_of(mapping, "machine"), "shell"))


def run_step(step: Step, defaults: StepDefaults) -> RunStep | None:
    """What ``step`` says if it is a ``run`` step with a script."""
    if step.name not in _RUN or step.value is None:
        return None
    value = resolved(step.value)
    entries = entries_of(value)
    command = resolved(entries["command"].value) if "command" in entries else value
    if not isinstance(command, Scalar) or not command.value.strip():
        return None

    def text(name: str) -> str | None:
        raw_text = text_of(entries[name].value) if name in entries else None
        return None if raw_text is None else step.bindings.expand(raw_text)

    return RunStep(
        step=step,
        command=command,
        script=step.bindings.expand(command.value),
        shell=text("shell") or defaults.shell,
        working_directory=text("working_directory"),
        environment={
            **defaults.environment,
            **_texts(entries["environment"].value if "environment" in entries else None),
        },
        only_on_failure=text("when") == "on_fail",
        in_background=is_true(text("background")),
    )


def _texts(node: Node | None) -> Mapping[str, str]:
    return {
        name: text
        for name, entry in entries_of(node).items()
        if (text := text_of(entry.value)) is not None
    }


def sets_up_docker(step: Step) -> bool:
    """Whether ``step`` makes a remote Docker daemon available.

    ``setup_remote_docker``, or an orb's command that is asked to (``setup-remote-docker: true``).
    """
    if step.name == SETUP:
        return True
    return "/" in step.name and any(
        is_true(argument(step, name)) for name in (SETUP, "setup-remote-docker")
    )


def is_true(text: str | None) -> bool:
    """Whether ``text`` is a true boolean of YAML 1.1."""
    return text is not None and text.lower() in ("true", "yes", "on")


def argument(step: Step, name: str) -> str | None:
    """The text that ``step`` passes for the parameter ``name``, those of commands put in."""
    text = text_of(value_of(step.value, name)) if step.value is not None else None
    return None if text is None else step.bindings.expand(text)
