"""The steps of a job in the order in which they run, commands and conditions expanded.

https://circleci.com/docs/reference/configuration-reference/#steps,
https://circleci.com/docs/reference/reusing-config/. Steps are also passed as arguments (parameters
of type ``steps``), and workflow jobs add ``pre-steps`` and ``post-steps``.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.bounds.allowance import Allowance, TooComplexError
from cci_migrate.circleci.config import (
    Command,
    Config,
    Job,
    Namespace,
    Parameter,
    UnfoldedOrbs,
    WorkflowJob,
)
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.docker_orb import is_step_of_docker_orb
from cci_migrate.circleci.expressions import Reference, Scope, sole_reference, substitute
from cci_migrate.circleci.logic_statements import boolean, condition_of
from cci_migrate.circleci.parameter_values import job_call
from cci_migrate.circleci.published_orbs import published_command
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lossless.merging import text_of, value_of, values_by_key
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, Scalar, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode

#: The arguments of a workflow job for steps before and after those of its job.
ADDED_STEPS = ("pre-steps", "post-steps")
#: Lists of steps nested deeper are rejected: no real config has them.
_DEEPEST = 50
#: The most steps that all jobs with Docker may expand to: commands that each call others twice soon
#: have millions. At some 270 bytes each they fill the 8 MB of the largest compiled config
#: (https://support.circleci.com/hc/en-us/articles/360045043634).
MOST_STEPS = 30_000
#: ``deploy`` is the old name of ``run``:
#: https://circleci.com/docs/reference/configuration-reference/#deploy-deprecated.
RUN_STEPS = ("run", "deploy")
#: Steps that contain others.
_OTHER_LISTS = frozenset({"when", "unless", "steps"})
_RUN_OPTIONS = frozenset({"shell", "working_directory", "when", "background"})
SETUP = "setup_remote_docker"


class StepPlace(Struct, frozen=True, eq=False):
    """A place in a list of steps.

    ``home`` is the namespace of the list, whose commands and orbs its steps name. ``guards`` are
    the conditions under which the list runs.
    """

    sequence: SequenceNode
    index: int
    home: Namespace
    guards: frozenset[str]


class Bindings(Struct, frozen=True, eq=False):
    """The parameters in scope of a step: those of its command, else of its job.

    ``home`` is the namespace of the command or job; ``outer`` is the caller's scope, None for a
    job's own.
    """

    parameters: Mapping[str, Parameter]
    arguments: Mapping[str, Node]
    home: Namespace
    outer: Bindings | None

    def node(self, name: str) -> tuple[Node, Bindings] | None:
        """The value of the parameter ``name`` and the scope of that value; None if it has none."""
        if name in self.arguments and self.outer is not None:
            return self.arguments[name], self.outer
        parameter = self.parameters.get(name)
        if parameter is None or parameter.default is None:
            return None
        return parameter.default, self

    def expand(self, text: str) -> str:
        """``text`` with the parameters of commands replaced; those of the job are kept."""
        return self._expand(text, _DEEPEST)

    def expand_condition(self, text: str) -> str:
        """`expand` for a condition: a parameter with steps is true unless there are none."""
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


def outermost_scope(config: Config) -> Bindings:
    """The scope outside of jobs and commands, in which workflows are."""
    return Bindings({}, {}, config.body, None)


class Step(Struct, frozen=True, eq=False):
    """One step that runs, and how it is reached.

    ``name`` is its key (``run``, ``setup_remote_docker``, ``checkout``, ``docker/check``) and
    ``value`` that key's value. ``path`` leads from the job's list of steps through the lists of
    commands and conditions. ``within`` is the job or command of a published orb that contains it
    (``aws-ecr/build_image``): then ``node`` and ``path`` are those of its call, and the name may be
    one of `published_orbs`.
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
        """The conditions under which it runs; equal conditions have equal texts."""
        return self.path[-1].guards

    @property
    def way(self) -> tuple[object, ...]:
        """What a job's steps have in common if they are reached in the same way."""
        return self.node, *((place.sequence, place.index) for place in self.path)


class RunStep(Struct, frozen=True, eq=False):
    """A ``run`` step.

    ``command`` is the scalar with the script, ``script`` its text with the parameters of commands
    replaced. Later steps can't rely on its effect if it is ``only_on_failure`` or
    ``in_background``. ``also_on_failure``: it runs whatever came before it (``when: always``).
    """

    step: Step
    command: Scalar
    script: str
    shell: str | None
    working_directory: str | None
    environment: Mapping[str, str]
    only_on_failure: bool
    also_on_failure: bool
    in_background: bool

    __repr__ = repr_without("environment")


def step_allowance() -> Allowance:
    """A new allowance for the steps of one config."""
    return Allowance(
        MOST_STEPS, f"its jobs, commands and conditions expand to more than {MOST_STEPS:,} steps"
    )


def job_steps(
    config: Config,
    home: Namespace,
    job: Job,
    entry: WorkflowJob | None,
    allowance: Allowance | None = None,
) -> list[Step]:
    """The steps of ``job`` in order, with the pre- and post-steps that ``entry`` adds.

    ``allowance`` is the rest of the config's `step_allowance`. Raises TooComplexError.
    """
    arguments = {} if entry is None else values_by_key(entry.arguments)
    # Of the job's own parameters only lists of steps are replaced here: others have the values of
    # all workflow jobs.
    reader = _StepListReader(config, allowance, job, arguments)
    return reader.read_job(job, Bindings(job.parameters, {}, home, None), entry)


def steps_run_by(config: Config, home: Namespace, job: Job, entry: WorkflowJob) -> list[Step]:
    """The steps of ``job`` that ``entry`` may run: its arguments decide conditions.

    The values of a matrix differ from run to run, so they decide none. Raises TooComplexError.
    """
    call = job_call(entry)
    fixed = {name: value for name, value in job.parameters.items() if name not in call.matrix}
    reader = _StepListReader(config, job=job)
    return reader.read_job(job, Bindings(fixed, call.arguments, home, reader.outside), entry)


def steps_around(config: Config, entry: WorkflowJob) -> tuple[list[Step], list[Step]]:
    """The steps that ``entry`` adds before and after those of its job. Raises TooComplexError."""
    allowance = step_allowance()
    before, after = (
        _StepListReader(config, allowance).read_added(entry, name) for name in ADDED_STEPS
    )
    return before, after


def orb_job_steps(
    config: Config,
    home: Namespace,
    job: Job,
    entry: WorkflowJob,
    arguments: Mapping[str, Node],
    allowance: Allowance | None = None,
) -> list[Step]:
    """The steps of ``job`` of the orb ``home`` when ``entry`` runs it.

    All its parameters are replaced, by ``arguments``. Raises TooComplexError.
    """
    reader = _StepListReader(config, allowance)
    inside = Bindings(job.parameters, arguments, home, reader.outside)
    return reader.read_job(job, inside, entry, _Way(called=(entry.calls, entry.node)))


def command_steps(config: Config, home: Namespace, command: Command) -> list[Step]:
    """The steps of ``command`` as if it were called without arguments."""
    if command.steps is None:
        return []
    reader = _StepListReader(config)
    inside = Bindings(command.parameters, {}, home, reader.outside)
    return reader.read(command.steps, inside, _Way(commands=(command,)))


def anchored_step(config: Config, node: Node) -> list[Step]:
    """The steps that the step ``node`` expands to outside of any job's scope."""
    alone = SequenceNode(node.source, node.start, node.end, (node,), True, None, None)
    reader = _StepListReader(config)
    return reader.read(alone, reader.outside)


#: The places that lead to a step, as in `Step.path`.
_Path = tuple[StepPlace, ...]


class _Way(Struct, frozen=True, eq=False):
    """How the reader reached a list of steps.

    ``commands`` and ``passed`` (scopes and parameters) are on the way: recursion never runs.
    ``called`` is the job or command of a published orb that contains the list, and the node that
    calls it.
    """

    path: _Path = ()
    guards: frozenset[str] = frozenset()
    commands: tuple[Command, ...] = ()
    passed: frozenset[tuple[Bindings, str]] = frozenset()
    depth: int = 0
    called: tuple[str, Node] | None = None


_START = _Way()


class _StepListReader:
    """Reads lists of steps, one after the other.

    With ``job``, orbs' commands in it are unfolded as the compiled config shows them.
    ``job_arguments`` are what its own parameters for lists of steps are replaced by.
    """

    def __init__(
        self,
        config: Config,
        allowance: Allowance | None = None,
        job: Job | None = None,
        job_arguments: Mapping[str, Node] | None = None,
    ) -> None:
        self.outside = outermost_scope(config)
        self._steps: list[Step] = []
        self._job_arguments = job_arguments or {}
        self._allowance = allowance or step_allowance()
        self._unfolded = config.unfolded
        self._lists: Mapping[Node, tuple[SequenceNode, ...]] = {}
        if self._unfolded is not None and job is not None:
            self._lists = self._unfolded.steps.get(job, {})

    def read_job(
        self, job: Job, inside: Bindings, entry: WorkflowJob | None, way: _Way = _START
    ) -> list[Step]:
        """The steps of ``job``, whose scope is ``inside``, and those around that ``entry`` adds."""
        before, after = ADDED_STEPS
        self.read_added(entry, before)
        self._read(job.steps, inside, way)
        return self.read_added(entry, after)

    def read_added(self, entry: WorkflowJob | None, name: str) -> list[Step]:
        """The steps so far, and those that ``entry`` adds by its argument ``name``."""
        return self.read(None if entry is None else value_of(entry.arguments, name), self.outside)

    def read(self, node: Node | None, bindings: Bindings, way: _Way = _START) -> list[Step]:
        """The steps so far, and those in the list ``node``, whose scope is ``bindings``."""
        self._read(node, bindings, way)
        return self._steps

    def _read(self, node: Node | None, bindings: Bindings, way: _Way) -> None:
        value = None if node is None else resolved(node)
        if way.depth > _DEEPEST:
            raise TooComplexError(f"lists of steps are nested more than {_DEEPEST} deep")
        if type(value) is Scalar:
            self._passed(value, bindings, replace(way, depth=way.depth + 1))
        if type(value) is not SequenceNode:
            return
        self._allowance.spend(len(value.items))
        way = replace(way, depth=way.depth + 1)
        home, guards = bindings.home, way.guards
        if home.is_published and way.path:
            # Nothing can be inserted there: the place is that of the call.
            way = replace(way, path=(*way.path[:-1], replace(way.path[-1], guards=guards)))
            for item in value.items:
                self._item(item, bindings, way, way.path)
            return
        for index, item in enumerate(value.items):
            self._item(item, bindings, way, (*way.path, StepPlace(value, index, home, guards)))

    def _passed(self, value: Scalar, bindings: Bindings, way: _Way) -> None:
        """Read the steps of the parameter ``<< parameters.x >>``."""
        reference = sole_reference(value.value)
        if reference is None or reference.scope is not Scope.PARAMETER:
            return
        parameter = (bindings, reference.name)
        if parameter in way.passed:
            return
        way = replace(way, passed=way.passed | {parameter})
        if bindings.outer is None and reference.name in self._job_arguments:
            self._read(self._job_arguments[reference.name], self.outside, way)
            return
        binding = bindings.node(reference.name)
        if binding is not None:
            self._read(binding[0], binding[1], way)

    def _item(self, item: Node, bindings: Bindings, way: _Way, path: _Path) -> None:
        """Read ``item`` of the list at ``way``, whose place is the last of ``path``."""
        value = resolved(item)
        if type(value) is Scalar:
            if sole_reference(value.value) is not None:
                self._passed(value, bindings, replace(way, path=path))
                return
            self._named(value.value, None, item, bindings, way, path)
        elif type(value) is MappingNode:
            for name, argument in values_by_key(value).items():
                self._named(name, argument, item, bindings, way, path)

    def _named(
        self,
        name: str,
        value: Node | None,
        item: Node,
        bindings: Bindings,
        way: _Way,
        path: _Path,
    ) -> None:
        if name in _OTHER_LISTS:
            way = replace(way, path=path)
            if name == "steps":
                self._read(value, bindings, way)
            else:
                self._conditional(name, value, bindings, way)
            return
        home = bindings.home
        called = home.command(name)
        if called is None and "/" in name and not is_step_of_docker_orb(name, home):
            called = published_command(home, name)
            called = None if called is None or called[1].steps is None else called
        if called is not None:
            self._called(name, value, item, bindings, replace(way, path=path), called)
        elif self._unfolded is not None and item in self._lists:
            self._unfolded_steps(self._unfolded, name, item, replace(way, path=path))
        else:
            within, node = None, item
            if home.is_published and way.called is not None:
                within, node = way.called
            self._steps.append(Step(name, value, node, path, bindings, home, within))

    def _called(
        self,
        name: str,
        value: Node | None,
        item: Node,
        bindings: Bindings,
        way: _Way,
        called: tuple[Namespace, Command],
    ) -> None:
        """Read the steps of the command ``name``, which ``item`` calls with ``value``."""
        home, command = called
        if command in way.commands or command.steps is None:
            return
        below = Bindings(command.parameters, values_by_key(value), home, bindings)
        inner = replace(way, commands=(*way.commands, command))
        if home.is_published and not bindings.home.is_published:
            inner = replace(inner, called=(name, item))
        self._read(command.steps, below, inner)

    def _conditional(self, name: str, value: Node | None, bindings: Bindings, way: _Way) -> None:
        """Read the steps under a ``when`` or an ``unless``, which is ``name``."""
        condition = condition_of(
            value_of(value, "condition"), bindings.expand_condition, self._allowance.spend
        )
        if condition.holds is None:
            way = replace(way, guards=way.guards | {f"{name} {condition.text}"})
        if condition.holds is not (name == "unless"):
            self._read(value_of(value, "steps"), bindings, way)

    def _unfolded_steps(self, unfolded: UnfoldedOrbs, name: str, item: Node, way: _Way) -> None:
        """Read the steps of the orb's command ``name``, which the step ``item`` calls."""
        inside = Bindings({}, {}, unfolded.home, self.outside)
        lists = self._lists[item]
        for number, steps in enumerate(lists):
            # What one run does is no preparation for another.
            runs = {f"run {number} of {name}"} if len(lists) > 1 else set()
            way_in = replace(way, called=(name, item), guards=way.guards | runs)
            self._read(steps, inside, way_in)


class StepDefaults(Struct, frozen=True):
    """The defaults of a job's steps, from the job or its executor."""

    shell: str | None
    working_directory: str | None
    environment: Mapping[str, str]

    __repr__ = repr_without("environment")


def step_defaults(declared: DeclaredJob) -> StepDefaults:
    """The defaults of the steps of a job; its own keys override those of its executors.

    ``machine`` has its own ``shell``, and orbs' executors take one as an argument
    (https://circleci.com/docs/guides/execution-managed/using-windows/).
    """
    job = declared.job
    shell = text_of(value_of(job.mapping, "shell")) or _machine_shell(job.mapping)
    directory = text_of(value_of(job.mapping, "working_directory"))
    environment: dict[str, str] = {}
    if job.runs_on.docker is None and job.runs_on.machine is None:
        for call, executor in declared.executors():
            if executor is None:
                shell = shell or text_of(call.arguments.get("shell"))
                continue
            mapping = executor[1].mapping
            own = text_of(value_of(mapping, "shell")) or _machine_shell(mapping)
            if own is not None:
                texts = declared.values.texts(own, executor[1], is_orb=executor[0].is_orb)
                shell = shell or texts[0]
            directory = directory or text_of(value_of(mapping, "working_directory"))
            environment = {**_texts(value_of(mapping, "environment")), **environment}
    environment.update(_texts(value_of(job.mapping, "environment")))
    return StepDefaults(shell, directory, environment)


def _machine_shell(mapping: MappingNode) -> str | None:
    return text_of(value_of(value_of(mapping, "machine"), "shell"))


def script_node(step: Step) -> Scalar | None:
    """The scalar with the script of ``step``; None if it isn't a ``run`` step or has no script."""
    if step.name not in RUN_STEPS or step.value is None:
        return None
    value = resolved(step.value)
    command = value if type(value) is Scalar else value_of(value, "command")
    return command if isinstance(command, Scalar) and command.value.strip() else None


def run_step(step: Step, defaults: StepDefaults) -> RunStep | None:
    """``step`` as a ``run`` step; None if it isn't one or has no script."""
    command = script_node(step)
    if command is None:
        return None
    expand = step.bindings.expand
    options = {
        name: expand(text)
        for name, value in values_by_key(step.value).items()
        if name in _RUN_OPTIONS and (text := text_of(value)) is not None
    }
    own_environment = _texts(value_of(step.value, "environment"))
    return RunStep(
        step=step,
        command=command,
        script=expand(command.value),
        shell=options.get("shell") or defaults.shell,
        working_directory=options.get("working_directory"),
        environment=(
            {**defaults.environment, **own_environment} if own_environment else defaults.environment
        ),
        only_on_failure=options.get("when") == "on_fail",
        also_on_failure=options.get("when") == "always",
        in_background=is_true(options.get("background")),
    )


def _texts(node: Node | None) -> Mapping[str, str]:
    return {
        name: text
        for name, value in values_by_key(node).items()
        if (text := text_of(value)) is not None
    }


def sets_up_docker(step: Step) -> bool:
    """Whether ``step`` makes a remote Docker daemon available.

    ``setup_remote_docker``, or an orb's command with ``setup-remote-docker: true``.
    """
    if step.name == SETUP:
        return True
    return "/" in step.name and any(
        is_true(argument(step, name)) for name in (SETUP, "setup-remote-docker")
    )


def is_true(text: str | None) -> bool:
    """Whether ``text`` is a true boolean in YAML 1.1."""
    return text is not None and boolean(text) is True


def argument(step: Step, name: str) -> str | None:
    """The argument ``name`` of ``step``, parameters of commands replaced; None if it has none."""
    text = text_of(value_of(step.value, name)) if step.value is not None else None
    return None if text is None else step.bindings.expand(text)
