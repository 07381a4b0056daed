"""The values that a parameter can have: its default, its enum, what callers and matrices pass.

A pipeline parameter can be set from outside to any string; the config only shows its default and
its enum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product
from math import prod

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.circleci.config import (
    Config,
    Executor,
    ExecutorCall,
    Job,
    Namespace,
    Parameter,
    WorkflowJob,
)
from cci_migrate.circleci.config_reading import executor_call
from cci_migrate.circleci.expressions import Reference, Scope, references, substitute
from cci_migrate.groups import grouped
from cci_migrate.lossless.merging import items_of, text_of, value_of, values_by_key
from cci_migrate.lossless.nodes import Node

#: A text with more combinations is not expanded.
MOST_VALUES = 256


class JobCall(Struct, frozen=True, eq=False):
    """One use of a job, by a workflow."""

    entry: WorkflowJob
    arguments: Mapping[str, Node]
    matrix: Mapping[str, tuple[Node, ...]]

    def passed(self, name: str) -> tuple[Node, ...]:
        """The values that it passes for the parameter ``name``, one for each run of a matrix."""
        argument = (self.arguments[name],) if name in self.arguments else ()
        return self.matrix.get(name) or argument


class ExecutorUse(Struct, frozen=True, eq=False):
    """A job that runs on an executor, with the arguments it passes."""

    job: Job
    home: Namespace
    call: ExecutorCall


class ValueNode(Struct, frozen=True, eq=False):
    """A value as written, and where to look up its own references.

    ``scope`` has its parameters; ``call`` is the call that passes it.
    """

    node: Node
    scope: Job | Executor | None
    is_orb: bool
    call: JobCall | None


class ParameterValues:
    """Determines the strings that a text can become when CircleCI replaces its references.

    With ``entry``, those for this workflow job alone.
    """

    def __init__(self, config: Config, entry: WorkflowJob | None = None) -> None:
        self.config = config
        self._entry = entry
        self._cache: dict[tuple[Job | Executor, str], tuple[str, ...]] = {}

    def texts(self, text: str, owner: Job | Executor, *, is_orb: bool) -> tuple[str, ...]:
        """The strings that ``text`` in ``owner`` can become.

        A reference with unknown values is kept as written. ``is_orb``: ``owner`` is in an inline
        orb, where pipeline parameters are out of scope.
        """
        return self._expand(text, owner, is_orb=is_orb, seen=frozenset())

    def nodes(self, reference: Reference, where: ValueNode) -> tuple[ValueNode, ...]:
        """The nodes with the values of ``reference``, which is in the value ``where``.

        Empty if they are unknown.
        """
        match reference.scope:
            case Scope.PIPELINE_PARAMETER:
                parameter = self.config.pipeline_parameters.get(reference.name)
                if parameter is None or where.is_orb:
                    return ()
                return tuple(ValueNode(node, None, False, None) for node in parameter.nodes)
            case Scope.MATRIX:
                call = where.call
                items = () if call is None else call.matrix.get(reference.name, ())
                return tuple(ValueNode(node, None, False, call) for node in items)
            case Scope.PARAMETER:
                return self._nodes_of(reference.name, where)
            case Scope.PIPELINE_VALUE | Scope.EXPRESSION:
                return ()
            case _:
                assert_never(reference.scope)

    def _nodes_of(self, name: str, where: ValueNode) -> tuple[ValueNode, ...]:
        owner = where.scope
        parameter = None if owner is None else owner.parameters.get(name)
        if owner is None or parameter is None:
            return ()
        nodes: list[ValueNode] = []
        if isinstance(owner, Job):
            for call in self._job_calls.get(owner, []):
                nodes += (ValueNode(node, None, False, call) for node in call.passed(name))
        else:
            for use in self.executor_uses.get(owner, []):
                if name in use.call.arguments:
                    argument = use.call.arguments[name]
                    nodes.append(ValueNode(argument, use.job, use.home.is_orb, None))
        return (*nodes, *(ValueNode(node, None, where.is_orb, None) for node in parameter.nodes))

    def _expand(
        self, text: str, owner: Job | Executor | None, *, is_orb: bool, seen: frozenset[object]
    ) -> tuple[str, ...]:
        expressions = references(text)
        if not expressions:
            return (text,)
        names = list(dict.fromkeys((r.scope, r.name) for r in expressions))
        choices = [
            self._values(reference, owner, is_orb=is_orb, seen=seen)
            for reference in {(r.scope, r.name): r for r in expressions}.values()
        ]
        if prod(max(1, len(values)) for values in choices) > MOST_VALUES:
            return (text,)
        results: dict[str, None] = {}
        for combination in product(*(values or (None,) for values in choices)):
            chosen = dict(zip(names, combination, strict=True))
            results[substitute(text, lambda r, c=chosen: c[r.scope, r.name])] = None  # type: ignore[misc]
        return tuple(results)

    def _values(
        self,
        reference: Reference,
        owner: Job | Executor | None,
        *,
        is_orb: bool,
        seen: frozenset[object],
    ) -> tuple[str, ...]:
        match reference.scope:
            case Scope.PIPELINE_PARAMETER:
                parameter = self.config.pipeline_parameters.get(reference.name)
                if parameter is None or is_orb:
                    return ()
                return _declared(parameter)
            case Scope.PARAMETER:
                if owner is None:
                    return ()
                return self._parameter_values(reference.name, owner, is_orb=is_orb, seen=seen)
            case Scope.PIPELINE_VALUE | Scope.MATRIX | Scope.EXPRESSION:
                return ()
            case _:
                assert_never(reference.scope)

    def _parameter_values(
        self, name: str, owner: Job | Executor, *, is_orb: bool, seen: frozenset[object]
    ) -> tuple[str, ...]:
        memo = (owner, name)
        if memo in self._cache:
            return self._cache[memo]
        if memo in seen:
            return ()
        parameter = owner.parameters.get(name)
        if parameter is None:
            return ()
        inner = seen | {memo}
        values: dict[str, None] = {}
        unpassed = False
        if isinstance(owner, Job):
            for call in self._job_calls.get(owner, []):
                passed = self._passed(call, name, inner)
                unpassed = unpassed or not passed
                values.update(dict.fromkeys(passed))
        else:
            for use in self.executor_uses.get(owner, []):
                text = text_of(use.call.arguments.get(name))
                if text is None:
                    unpassed = True
                else:
                    orb = use.home.is_orb
                    values.update(
                        dict.fromkeys(self._expand(text, use.job, is_orb=orb, seen=inner))
                    )
        # The default counts even if every caller passes a value: a new caller may not.
        may_be_unpassed = self._entry is None and parameter.default is not None
        if unpassed or not values or may_be_unpassed:
            for text in _declared(parameter):
                values.update(dict.fromkeys(self._expand(text, None, is_orb=is_orb, seen=inner)))
        self._cache[memo] = tuple(values)
        return self._cache[memo]

    def _passed(self, call: JobCall, name: str, seen: frozenset[object]) -> tuple[str, ...]:
        values: dict[str, None] = {}
        for node in call.passed(name):
            text = text_of(node)
            if text is None:
                continue
            for reference in references(text):
                if reference.scope is Scope.MATRIX:
                    for item in call.matrix.get(reference.name, ()):
                        value = text_of(item)
                        if value is not None:
                            part = text[: reference.start] + value + text[reference.end :]
                            values[part] = None
                    break
            else:
                expanded = self._expand(text, None, is_orb=False, seen=seen)
                values.update(dict.fromkeys(expanded))
        return tuple(values)

    @cached_property
    def _job_calls(self) -> Mapping[Job, list[JobCall]]:
        entries = self.config.workflow_jobs if self._entry is None else (self._entry,)
        return grouped(
            (called[1], job_call(entry))
            for entry in entries
            if (called := self.config.body.job(entry.calls)) is not None
        )

    @cached_property
    def executor_uses(self) -> Mapping[Executor, list[ExecutorUse]]:
        """The jobs that run on each executor."""
        return grouped(
            (executor[1], ExecutorUse(job, home, call))
            for home, job in self._jobs()
            for call in self.executor_calls(job, self._entry)
            if (executor := self.config.executor(call.name, home)) is not None
        )

    def _jobs(self) -> Iterator[tuple[Namespace, Job]]:
        if self._entry is None:
            yield from self.config.all_jobs()
        elif (called := self.config.body.job(self._entry.calls)) is not None:
            yield called

    def executor_calls(
        self, job: Job, entry: WorkflowJob | None = None
    ) -> tuple[ExecutorCall, ...]:
        """The executors that ``job`` can run on, parameters of type executor resolved.

        With ``entry``, only those that this workflow job runs it on. Empty if ``job`` names none or
        the name is an unknown expression.
        """
        call = job.executor
        if call is None:
            return ()
        expressions = references(call.name)
        if not expressions:
            return (call,)
        reference = expressions[0]
        if len(expressions) > 1 or reference.scope is not Scope.PARAMETER:
            return ()
        # Several uses often pass the same name: once is enough if it has no arguments.
        unique: dict[object, ExecutorCall] = {}
        for node in self._executor_nodes(job, reference.name, entry):
            passed = executor_call(node)
            if passed is not None:
                name = call.name[: reference.start] + passed.name + call.name[reference.end :]
                merged = ExecutorCall(name, {**call.arguments, **passed.arguments}, passed.node)
                unique.setdefault(name if not passed.arguments else passed, merged)
        return tuple(unique.values())

    def _executor_nodes(self, job: Job, name: str, entry: WorkflowJob | None) -> list[Node]:
        calls = self._job_calls.get(job, []) if entry is None else [job_call(entry)]
        nodes: list[Node] = []
        for use in calls:
            nodes += use.matrix.get(name, ())
            if name in use.arguments:
                nodes.append(use.arguments[name])
        parameter = job.parameters.get(name)
        if parameter is not None and parameter.default is not None and (entry is None or not nodes):
            nodes.append(parameter.default)
        return nodes


def job_call(entry: WorkflowJob) -> JobCall:
    """The arguments and the matrix that ``entry`` passes to its job."""
    declared = values_by_key(value_of(value_of(entry.arguments, "matrix"), "parameters"))
    matrix = {name: items_of(values) for name, values in declared.items()}
    return JobCall(entry, values_by_key(entry.arguments), matrix)


def _declared(parameter: Parameter) -> tuple[str, ...]:
    default = text_of(parameter.default)
    values = ((default,) if default is not None else ()) + parameter.enum
    return tuple(dict.fromkeys(values))
