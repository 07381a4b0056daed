"""The values that a parameter can have: its default, its enum, what callers and matrices pass.

A pipeline parameter can be set from outside to any string; the config only shows its default and
its enum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain, product
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


class ValueScope(Struct, frozen=True):
    """Where the references of a value are looked up.

    ``owner`` has its parameters, and ``call``, which passes the value, its matrix. ``is_orb``: it
    is in an inline orb, where pipeline parameters are out of scope.
    """

    owner: Job | Executor | None = None
    is_orb: bool = False
    call: JobCall | None = None


class ValueNode(Struct, frozen=True, eq=False):
    """A value as written, and where to look up its own references."""

    node: Node
    where: ValueScope


class ParameterValues:
    """Determines the strings that a text can become when CircleCI replaces its references.

    With ``entry``, those for this workflow job alone.
    """

    def __init__(self, config: Config, entry: WorkflowJob | None = None) -> None:
        self.config = config
        self._entry = entry
        self._cache: dict[object, tuple[str, ...]] = {}

    def texts(self, text: str, owner: Job | Executor, *, is_orb: bool) -> tuple[str, ...]:
        """The strings that ``text`` in ``owner`` can become.

        A reference with unknown values is kept as written. ``is_orb``: ``owner`` is in an inline
        orb.
        """
        return self._expand(text, ValueScope(owner, is_orb), frozenset())

    def nodes(
        self, reference: Reference, where: ValueScope, *, declared_too: bool = True
    ) -> tuple[ValueNode, ...]:
        """The nodes with the values of ``reference``; empty if they are unknown.

        Without ``declared_too``, what a parameter declares is left out if all callers pass a value.
        """
        match reference.scope:
            case Scope.PIPELINE_PARAMETER:
                parameter = self.config.pipeline_parameters.get(reference.name)
                return () if parameter is None or where.is_orb else _declared(parameter, where)
            case Scope.MATRIX:
                items = () if where.call is None else where.call.matrix.get(reference.name, ())
                return tuple(ValueNode(node, ValueScope(call=where.call)) for node in items)
            case Scope.PARAMETER:
                parameters = {} if where.owner is None else where.owner.parameters
                parameter = parameters.get(reference.name)
                if where.owner is None or parameter is None:
                    return ()
                uses = tuple(self._passed(where.owner, reference.name))
                all_pass = uses and all(
                    any(text_of(value.node) is not None for value in use) for use in uses
                )
                # The default counts even if every caller passes a value: a new caller may not.
                may_be_unpassed = self._entry is None and parameter.default is not None
                if declared_too or may_be_unpassed or not all_pass:
                    uses = (*uses, _declared(parameter, where))
                return tuple(chain.from_iterable(uses))
            case Scope.PIPELINE_VALUE | Scope.EXPRESSION:
                return ()
            case _:
                assert_never(reference.scope)

    def _passed(self, owner: Job | Executor, name: str) -> Iterator[tuple[ValueNode, ...]]:
        """The values of the parameter ``name`` that each use of ``owner`` passes."""
        if isinstance(owner, Job):
            for call in self.job_calls.get(owner, ()):
                yield tuple(ValueNode(node, ValueScope(call=call)) for node in call.passed(name))
        else:
            for use in self.executor_uses.get(owner, ()):
                argument = use.call.arguments.get(name)
                where = ValueScope(use.job, use.home.is_orb)
                yield () if argument is None else (ValueNode(argument, where),)

    def _expand(self, text: str, where: ValueScope, seen: frozenset[object]) -> tuple[str, ...]:
        by_name = {(reference.scope, reference.name): reference for reference in references(text)}
        if not by_name:
            return (text,)
        choices = [self._values(reference, where, seen) for reference in by_name.values()]
        if prod(max(1, len(values)) for values in choices) > MOST_VALUES:
            return (text,)
        results: dict[str, None] = {}
        for combination in product(*(values or (None,) for values in choices)):
            chosen = dict(zip(by_name, combination, strict=True))
            results[substitute(text, lambda r, c=chosen: c[r.scope, r.name])] = None  # type: ignore[misc]
        return tuple(results)

    def _values(
        self, reference: Reference, where: ValueScope, seen: frozenset[object]
    ) -> tuple[str, ...]:
        """The strings that ``reference`` can become; those in ``seen`` are being looked up."""
        memo = (reference.scope, reference.name, where)
        if memo not in self._cache:
            if memo in seen:
                return ()
            nodes = self.nodes(reference, where, declared_too=False)
            values = (
                value
                for node in nodes
                if (text := text_of(node.node)) is not None
                for value in self._expand(text, node.where, seen | {memo})
            )
            self._cache[memo] = tuple(dict.fromkeys(values))
        return self._cache[memo]

    @cached_property
    def job_calls(self) -> Mapping[Job, list[JobCall]]:
        """The calls of each job by workflow jobs."""
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
        calls = self.job_calls.get(job, []) if entry is None else [job_call(entry)]
        nodes = [node for call in calls for node in call.passed(name)]
        parameter = job.parameters.get(name)
        if parameter is not None and parameter.default is not None and (entry is None or not nodes):
            nodes.append(parameter.default)
        return nodes


def job_call(entry: WorkflowJob) -> JobCall:
    """The arguments and the matrix that ``entry`` passes to its job."""
    declared = values_by_key(value_of(value_of(entry.arguments, "matrix"), "parameters"))
    matrix = {name: items_of(values) for name, values in declared.items()}
    return JobCall(entry, values_by_key(entry.arguments), matrix)


def _declared(parameter: Parameter, where: ValueScope) -> tuple[ValueNode, ...]:
    """The default and the enum of ``parameter``, which is declared in ``where``."""
    outside = ValueScope(is_orb=where.is_orb)
    return tuple(ValueNode(node, outside) for node in parameter.nodes)
