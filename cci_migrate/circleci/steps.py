"""The steps of a job in the order in which they run, reusable commands and conditions unfolded.

https://circleci.com/docs/reference/configuration-reference/#steps,
https://circleci.com/docs/reference/reusing-config/. Steps are also passed as arguments (parameters
of type ``steps``), and workflow jobs add ``pre-steps`` and ``post-steps``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cci_migrate.circleci.config import Config, Job, Namespace, Parameter, WorkflowJob
from cci_migrate.circleci.expressions import (
    Reference,
    Scope,
    substitute,
    whole_reference,
)
from cci_migrate.lossless.merging import entries_of, text_of, value_of
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, Scalar, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode

#: Commands that call each other deeper than this are not followed.
_DEEPEST = 20


@dataclass(frozen=True, slots=True, eq=False)
class StepPlace:
    """A place in a list of steps."""

    sequence: SequenceNode
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Bindings:
    """The parameters in scope of a step: those of the command it stands in, else of its job."""

    parameters: Mapping[str, Parameter]
    arguments: Mapping[str, Node]
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
        if self.outer is None or "<<" not in text:
            return text

        def value_of_reference(reference: Reference) -> str | None:
            if reference.scope is not Scope.PARAMETER:
                return None
            found = self.node(reference.name)
            value = None if found is None else text_of(found[0])
            return None if found is None or value is None else found[1].expand(value)

        return substitute(text, value_of_reference)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step that runs, and the way to it.

    ``name`` is what it is (``run``, ``setup_remote_docker``, ``checkout``, ``docker/check``);
    ``value`` what stands behind it. ``path`` leads from the job's own list of steps through the
    lists of commands and conditions; ``guards`` are the conditions on the way, by id().
    """

    name: str
    value: Node | None
    node: Node
    path: tuple[StepPlace, ...]
    guards: tuple[int, ...]
    bindings: Bindings
    home: Namespace


@dataclass(frozen=True, slots=True, eq=False)
class RunStep:
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
    environment: Mapping[str, str] = field(repr=False)
    only_on_failure: bool
    in_background: bool


def job_steps(config: Config, home: Namespace, job: Job, entry: WorkflowJob | None) -> list[Step]:
    """The steps of ``job`` in order, with the pre- and post-steps that ``entry`` adds."""
    arguments = {} if entry is None else _arguments(entry.arguments)
    # Of the job's own parameters only lists of steps are put in here: of others the values of all
    # workflow jobs count.
    bindings = Bindings(job.parameters, {}, None)
    reader = _Reader(config, arguments)
    steps: list[Step] = []
    if entry is not None:
        outside = Bindings({}, {}, None)
        steps += reader.read(value_of(entry.arguments, "pre-steps"), outside, config.body, (), ())
    if job.steps is not None:
        steps += reader.read(resolved(job.steps.value), bindings, home, (), ())
    if entry is not None:
        steps += reader.read(value_of(entry.arguments, "post-steps"), outside, config.body, (), ())
    return steps


class _Reader:
    def __init__(self, config: Config, job_arguments: Mapping[str, Node]) -> None:
        self._config = config
        self._job_arguments = job_arguments

    def read(
        self,
        node: Node | None,
        bindings: Bindings,
        home: Namespace,
        path: tuple[StepPlace, ...],
        guards: tuple[int, ...],
    ) -> Iterator[Step]:
        value = None if node is None else resolved(node)
        if isinstance(value, Scalar):
            yield from self._passed(value, bindings, home, path, guards)
        if not isinstance(value, SequenceNode) or len(path) > _DEEPEST:
            return
        for index, item in enumerate(value.items):
            here = (*path, StepPlace(value, index))
            yield from self._item(item, bindings, home, here, guards)

    def _passed(
        self,
        value: Scalar,
        bindings: Bindings,
        home: Namespace,
        path: tuple[StepPlace, ...],
        guards: tuple[int, ...],
    ) -> Iterator[Step]:
        """The steps that ``<< parameters.x >>`` stands for."""
        reference = whole_reference(value.value)
        if reference is None or reference.scope is not Scope.PARAMETER:
            return
        if bindings.outer is None and reference.name in self._job_arguments:
            outside = Bindings({}, {}, None)
            passed = self._job_arguments[reference.name]
            yield from self.read(passed, outside, self._config.body, path, guards)
            return
        found = bindings.node(reference.name)
        if found is not None and isinstance(resolved(found[0]), SequenceNode):
            yield from self.read(found[0], found[1], home, path, guards)

    def _item(
        self,
        item: Node,
        bindings: Bindings,
        home: Namespace,
        path: tuple[StepPlace, ...],
        guards: tuple[int, ...],
    ) -> Iterator[Step]:
        value = resolved(item)
        if isinstance(value, Scalar):
            if whole_reference(value.value) is not None:
                yield from self._passed(value, bindings, home, path, guards)
                return
            yield from self._named(value.value, None, item, bindings, home, path, guards)
        elif isinstance(value, MappingNode):
            for name, entry in entries_of(value).items():
                yield from self._named(name, entry.value, item, bindings, home, path, guards)

    def _named(
        self,
        name: str,
        value: Node | None,
        item: Node,
        bindings: Bindings,
        home: Namespace,
        path: tuple[StepPlace, ...],
        guards: tuple[int, ...],
    ) -> Iterator[Step]:
        if name in ("when", "unless"):
            inner = (*guards, id(resolved(item)))
            yield from self.read(value_of(value, "steps"), bindings, home, path, inner)
            return
        command = home.command(name)
        if command is None:
            yield Step(name, value, item, path, guards, bindings, home)
            return
        called_home, called = command
        below = Bindings(called.parameters, _arguments(value), bindings)
        if called.steps is not None:
            yield from self.read(called.steps.value, below, called_home, path, guards)


def _arguments(node: Node | None) -> Mapping[str, Node]:
    return {name: entry.value for name, entry in entries_of(node).items()}


def run_step(step: Step, job: Job) -> RunStep | None:
    """What ``step`` says if it is a ``run`` step with a script."""
    if step.name != "run" or step.value is None:
        return None
    value = resolved(step.value)
    entries = entries_of(value)
    command = resolved(entries["command"].value) if "command" in entries else value
    if not isinstance(command, Scalar):
        return None

    def text(name: str) -> str | None:
        found = text_of(entries[name].value) if name in entries else None
        return None if found is None else step.bindings.expand(found)

    return RunStep(
        step=step,
        command=command,
        script=step.bindings.expand(command.value),
        shell=text("shell") or text_of(value_of(job.mapping, "shell")),
        working_directory=text("working_directory"),
        environment={
            **_texts(value_of(job.mapping, "environment")),
            **_texts(entries["environment"].value if "environment" in entries else None),
        },
        only_on_failure=text("when") == "on_fail",
        in_background=(text("background") or "").lower() in ("true", "yes", "on"),
    )


def _texts(node: Node | None) -> Mapping[str, str]:
    return {
        name: text
        for name, entry in entries_of(node).items()
        if (text := text_of(entry.value)) is not None
    }


def sets_up_docker(step: Step) -> bool:
    """Whether ``step`` makes a remote Docker daemon available (``setup_remote_docker``)."""
    return step.name == "setup_remote_docker"


def argument(step: Step, name: str) -> str | None:
    """The text that ``step`` passes for the parameter ``name``, those of commands put in."""
    found = text_of(value_of(step.value, name)) if step.value is not None else None
    return None if found is None else step.bindings.expand(found)
