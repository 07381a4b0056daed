"""In which pipelines a workflow job runs: by its workflow's condition, and by its filters.

https://circleci.com/docs/reference/configuration-reference/#filters: a job without filters runs
for every branch and for no tag, one that only filters tags for every branch too. A job that
requires others only runs where they do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.expressions import sole_reference
from cci_migrate.circleci.logic_statements import boolean, is_truthy
from cci_migrate.circleci.pipeline_expressions import (
    FALSE,
    TRUE,
    Expression,
    Literal,
    Negation,
    Operation,
    PipelineVariable,
    UnreadExpression,
    Value,
    all_of,
    any_of,
    matching,
    parse_expression,
)
from cci_migrate.circleci.workflow_jobs import called_job
from cci_migrate.groups import grouped
from cci_migrate.lossless.merging import (
    is_null,
    items_of,
    items_or_itself,
    text_of,
    value_of,
    values_by_key,
)
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, Scalar, resolved

BRANCH, TAG = "pipeline.git.branch", "pipeline.git.tag"
#: A job that requires more jobs than this is not followed to all of them.
_MOST_REQUIRED = 100


class RunCondition(Struct, frozen=True):
    """When a job runs, in pipelines for branches and in those for tags.

    It runs nowhere else. Where the ``certain`` conditions hold, it surely runs: there the jobs
    that it requires run, too. ``defaults`` are those of the pipeline's parameters, which all
    pipelines have that nobody starts with other values.
    """

    on_branches: Expression = TRUE
    on_tags: Expression = FALSE
    certain_on_branches: Expression = TRUE
    certain_on_tags: Expression = FALSE
    defaults: tuple[tuple[str, Value], ...] = ()


class RunConditions:
    """When the workflow jobs of a config run."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._entries: dict[tuple[str, bool], dict[str, WorkflowJob]] = {}
        for entry in config.workflow_jobs:
            self._entries.setdefault((entry.workflow, entry.is_in_group), {})[entry.name] = entry
        self._invocations = grouped(
            (entry.calls, entry) for entry in config.workflow_jobs if not entry.is_in_group
        )
        self._own: dict[WorkflowJob, _Conditions] = {}
        self._defaults = tuple(
            (f"pipeline.parameters.{name}", value)
            for name, parameter in config.pipeline_parameters.items()
            if (value := _plain_value(parameter.default)) is not None
        )

    def of(self, entry: WorkflowJob) -> RunCondition:
        """When ``entry`` runs."""
        own = self._own_condition(entry)
        required = self._required(entry)
        if required is None:
            others = [_for_both(UnreadExpression("a required job"))]
        else:
            others = [self._own_condition(other) for other in required]
        return RunCondition(*own, *_joined(all_of, own, *others), self._defaults)

    def _required(self, entry: WorkflowJob) -> list[WorkflowJob] | None:
        """The jobs that ``entry`` requires, directly or not; None if they are not all known."""
        others = self._entries[entry.workflow, entry.is_in_group]
        required: dict[str, WorkflowJob] = {}
        waiting = [entry]
        while waiting:
            for name in _required_names(waiting.pop()):
                if name not in required:
                    job = _entry_named(name, others)
                    if job is None or len(required) == _MOST_REQUIRED:
                        return None
                    required[name] = job
                    waiting.append(job)
        return list(required.values())

    def _own_condition(self, entry: WorkflowJob) -> _Conditions:
        """The conditions of the workflow and of ``entry`` itself."""
        if entry not in self._own:
            self._own[entry] = self._compute_own(entry)
        return self._own[entry]

    def _compute_own(self, entry: WorkflowJob) -> _Conditions:
        if entry.is_in_group:
            calls = self._invocations.get(entry.workflow, [])
            around = _joined(any_of, *map(self._own_condition, calls))
        else:
            around = _workflow_condition(self._config.workflows.get(entry.workflow))
        job = called_job(entry, self._config)
        always: Expression = TRUE
        if job is not None and value_of(job.mapping, "branches") is not None:
            always = UnreadExpression(f"branches of {job.name}")
        filters = _filters(value_of(entry.arguments, "filters"))
        return _joined(all_of, _for_both(always), around, filters)


#: Conditions for branches, and for tags.
_Conditions = tuple[Expression, Expression]


def _for_both(condition: Expression) -> _Conditions:
    return condition, condition


def _joined(join: Callable[..., Expression], *conditions: _Conditions) -> _Conditions:
    return (
        join(*(on_branches for on_branches, _ in conditions)),
        join(*(on_tags for _, on_tags in conditions)),
    )


def _entry_named(name: str, entries: Mapping[str, WorkflowJob]) -> WorkflowJob | None:
    """The entry with ``name``, which may be a matrix's or that of one of its jobs.

    https://circleci.com/docs/reference/configuration-reference/#matrix: these are called as the
    entry, with the values of the parameters behind it.
    """
    if name in entries:
        return entries[name]
    for entry in entries.values():
        matrix = value_of(entry.arguments, "matrix")
        if matrix is not None and (
            text_of(value_of(matrix, "alias")) == name or name.startswith(f"{entry.name}-")
        ):
            return entry
    return None


def _required_names(entry: WorkflowJob) -> list[str]:
    names: list[str] = []
    for node in items_or_itself(value_of(entry.arguments, "requires")):
        value = resolved(node)
        # ``- build: failed``: which outcome of a job is required.
        names += values_by_key(value) if isinstance(value, MappingNode) else [text_of(node) or ""]
    return [name for name in names if name]


def _workflow_condition(workflow: Node | None) -> _Conditions:
    when, unless = value_of(workflow, "when"), value_of(workflow, "unless")
    always = all_of(
        TRUE if when is None else _condition(when),
        TRUE if unless is None else Negation(_condition(unless)),
    )
    triggers = items_of(value_of(workflow, "triggers"))
    if not triggers:
        return always, always
    # Only a schedule starts it, and a schedule is for branches.
    schedules = (value_of(value_of(trigger, "schedule"), "filters") for trigger in triggers)
    return all_of(always, any_of(*(_filters(filters)[0] for filters in schedules))), FALSE


def _filters(filters: Node | None) -> _Conditions:
    if filters is None:
        return TRUE, FALSE
    if isinstance(filters, Scalar):
        expression = _expression(filters.value)
        # Whether such a job runs for tags is not documented.
        return expression, all_of(expression, UnreadExpression("filters and tags"))
    if not isinstance(filters, MappingNode):
        return _for_both(UnreadExpression("filters"))
    branches, tags = value_of(filters, "branches"), value_of(filters, "tags")
    has_tags = tags is not None and bool(values_by_key(tags))
    return _names(branches, BRANCH), _names(tags, TAG) if has_tags else FALSE


def _names(node: Node | None, variable: str) -> Expression:
    only, ignore = value_of(node, "only"), value_of(node, "ignore")
    if only is None and ignore is None:
        # ``tags`` without either are no tags; it is only asked for branches then.
        return TRUE if variable == BRANCH else FALSE
    ignored = FALSE if ignore is None else _any_name(ignore, variable)
    if only is None:
        return Negation(ignored)
    included = _any_name(only, variable)
    if ignore is None:
        return included
    # Which of the two wins where both match is not documented.
    return all_of(
        included, any_of(Negation(ignored), UnreadExpression(f"{variable}: only and ignore"))
    )


def _any_name(node: Node, variable: str) -> Expression:
    nodes = items_or_itself(node)
    if not nodes:
        # Whether no names are none, or no filter, is not documented.
        return UnreadExpression(f"{variable}: no names")
    return any_of(*(_name(text_of(item), variable) for item in nodes))


def _name(text: str | None, variable: str) -> Expression:
    if text is None or "<<" in text:
        return UnreadExpression(text or f"{variable}: a name")
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        return matching(PipelineVariable(variable), text[1:-1].replace("\\/", "/"))
    return Operation("==", PipelineVariable(variable), Literal(text))


def _condition(node: Node) -> Expression:
    """A condition of a workflow: an expression, or a logic statement.

    https://circleci.com/docs/reference/configuration-reference/#logic-statements
    """
    value = resolved(node)
    if isinstance(value, Scalar):
        return FALSE if is_null(value) else _truth(value.value)
    statement = values_by_key(value)
    if len(statement) != 1:
        return UnreadExpression(_text(value))
    ((name, argument),) = statement.items()
    parts = items_or_itself(argument)
    match name:
        case "and":
            return all_of(*map(_condition, parts))
        case "or":
            return any_of(*map(_condition, parts))
        case "not" if len(parts) == 1:
            return Negation(_condition(parts[0]))
        case "equal":
            operands = [_operand(part) for part in parts]
            return all_of(*(Operation("==", other, operands[0]) for other in operands[1:]))
        case "matches":
            pattern = text_of(value_of(argument, "pattern"))
            operand = _operand(value_of(argument, "value"))
            if (
                pattern is not None
                and "<<" not in pattern
                and isinstance(operand, PipelineVariable)
            ):
                return matching(operand, pattern)
        case _:
            pass
    return UnreadExpression(_text(value))


def _truth(text: str) -> Expression:
    if not is_truthy(text.strip()):
        return FALSE
    return TRUE if boolean(text.strip()) else _expression(text)


def _expression(text: str) -> Expression:
    """The expression ``text``, bare or as ``<< ... >>``."""
    if "<<" not in text:
        return parse_expression(text)
    if sole_reference(text) is None:
        return UnreadExpression(text)
    inner = parse_expression(text.strip()[2:-2])
    if isinstance(inner, PipelineVariable) and inner.name in (BRANCH, TAG):
        return PipelineVariable(inner.name, is_substituted=True)
    return inner


def _operand(node: Node | None) -> Expression:
    value = _plain_value(node)
    if value is None:
        return UnreadExpression("a value")
    if not isinstance(value, str) or "<<" not in value:
        return Literal(value)
    expression = _expression(value)
    return expression if isinstance(expression, PipelineVariable) else UnreadExpression(value)


def _plain_value(node: Node | None) -> Value | None:
    """The scalar ``node`` as a text, a number or a truth value; None for anything else."""
    scalar = None if node is None else resolved(node)
    text = text_of(scalar)
    if text is None or not isinstance(scalar, Scalar) or scalar.style:
        return text
    value = boolean(text)
    if value is not None:
        return value
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else text


def _text(node: Node) -> str:
    return " ".join(node.source.text[node.start : node.end].split())
