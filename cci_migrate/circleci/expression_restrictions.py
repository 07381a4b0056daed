"""Whether an expression that restricts a context holds in every pipeline that runs a job.

Where it does not hold, the job ends Unauthorized; so it does where CircleCI can't evaluate it
(https://circleci.com/docs/guides/security/contexts/#expression-restrictions).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from msgspec import Struct

from cci_migrate.circleci.pipeline_expressions import (
    ABSENT,
    FALSE,
    Absent,
    Expression,
    Junction,
    Literal,
    Negation,
    Operation,
    PipelineVariable,
    Sample,
    Value,
    holds,
)
from cci_migrate.circleci.run_conditions import BRANCH, TAG, RunCondition

_SSH = PipelineVariable("job.ssh.enabled")
#: Whether the config came with the request that started the pipeline, not from the repository
#: (https://circleci.com/docs/guides/security/contexts/#expression-restrictions).
_UNVERSIONED = Operation("starts-with", PipelineVariable("pipeline.config_source"), Literal("api"))
#: What a pipeline is not that nobody started in a special way.
_SPECIAL: tuple[Expression, ...] = (_SSH, _UNVERSIONED)
#: Names that branches and tags often have: one that matches a pattern is an example for it.
_COMMON_NAMES = (
    "main",
    "master",
    "develop",
    "staging",
    "release/1.0",
    "release-1.0.0",
    "feature/x",
    "hotfix/1",
    "v1",
    "v1.0",
    "v1.0.0",
    "1.0",
    "1.0.0",
)
_MOST_UNDECIDED = 8


class Coverage(Struct, frozen=True):
    """Whether a restriction ``holds`` wherever a job runs; None if that is not certain.

    ``counterexample`` is where the job runs and the restriction does not hold. ``ends_ssh`` and
    ``ends_unversioned``: it does not hold in reruns with SSH, and in pipelines whose config does
    not come from the repository.
    """

    holds: bool | None
    counterexample: str = ""
    ends_ssh: bool = False
    ends_unversioned: bool = False


class _Name(Struct, frozen=True):
    """The name of a branch or tag, or one like any of a kind; ``label`` is for people."""

    text: str
    label: str
    is_sample: bool = False


def coverage(run: RunCondition, restriction: Expression) -> Coverage:
    """Whether ``restriction`` holds in all ordinary pipelines in which a job runs as ``run``."""
    counterexamples: list[str] = []
    is_certain = True
    ends: set[Expression] = set()
    for case in _cases(run, restriction):
        outcome = case.example.holds(restriction)
        if case.example.holds(case.runs) is not False and outcome is not False:
            ends.update(
                special for special in _SPECIAL if case.example.holds(restriction, special) is False
            )
        if case.refutes(restriction):
            counterexamples.append(case.name.label)
        elif not case.general.is_implied(case.runs, restriction):
            is_certain = False
    return Coverage(
        False if counterexamples else (True if is_certain else None),
        counterexamples[0] if counterexamples else "",
        ends_ssh=_SSH in ends,
        ends_unversioned=_UNVERSIONED in ends,
    )


def surely_covers(run: RunCondition, restriction: Expression) -> bool:
    """Whether the `coverage` of ``restriction`` is certain and complete."""
    return all(
        case.general.is_implied(case.runs, restriction) and not case.refutes(restriction)
        for case in _cases(run, restriction)
    )


def is_about_refs(restriction: Expression) -> bool:
    """Whether ``restriction`` depends on more than how a pipeline was started."""
    leaves = set(_leaves(restriction))
    return not leaves <= set(_SPECIAL)


class _Pipeline:
    """A pipeline for a branch or a tag.

    ``defaults`` are the values of the parameters; None: they may have any.
    """

    def __init__(self, name: _Name, *, is_tag: bool, defaults: dict[str, Value] | None) -> None:
        text = Sample(name.text) if name.is_sample and defaults is None else name.text
        self._values: dict[str, Value | Absent] = {
            **(defaults or {}),
            BRANCH: ABSENT if is_tag else text,
            TAG: text if is_tag else ABSENT,
        }

    def holds(self, expression: Expression, special: Expression | None = None) -> bool | None:
        """Whether ``expression`` holds; ``special``: what is special about this pipeline."""
        return holds(
            expression, self._values.get, lambda part: part == special if part in _SPECIAL else None
        )

    def is_implied(self, condition: Expression, consequence: Expression) -> bool:
        """Whether ``consequence`` holds where ``condition`` does, whatever is not known."""
        undecided: dict[Expression, None] = {}

        def note(part: Expression) -> bool | None:
            if part in _SPECIAL:
                return False
            undecided[part] = None
            return None

        outcomes = [holds(side, self._values.get, note) for side in (condition, consequence)]
        if outcomes[0] is False or outcomes[1]:
            return True
        if len(undecided) > _MOST_UNDECIDED:
            return False
        for choice in product((True, False), repeat=len(undecided)):
            chosen = dict(zip(undecided, choice, strict=True))
            decide = {**dict.fromkeys(_SPECIAL, False), **chosen}.get
            if holds(condition, self._values.get, decide) and not holds(
                consequence, self._values.get, decide
            ):
                return False
        return True


class _Case(Struct, frozen=True):
    """Pipelines for a branch or a tag called ``name``, in which a job may run.

    The ``example`` has the defaults of the parameters; in the ``general`` one they are not known.
    """

    name: _Name
    example: _Pipeline
    general: _Pipeline
    runs: Expression
    surely_runs: Expression

    def refutes(self, restriction: Expression) -> bool:
        """Whether the job surely runs in the example, and ``restriction`` does not hold there."""
        if self.example.holds(restriction) is not False:
            return False
        return self.example.holds(self.surely_runs) is True


def _cases(run: RunCondition, restriction: Expression) -> Iterator[_Case]:
    """All kinds of pipelines that ``run`` and ``restriction`` distinguish."""
    defaults = dict(run.defaults)
    for is_tag, runs, surely_runs in (
        (False, run.on_branches, run.certain_on_branches),
        (True, run.on_tags, run.certain_on_tags),
    ):
        if runs == FALSE:
            continue
        for name in _names((runs, surely_runs, restriction), is_tag=is_tag):
            example = _Pipeline(name, is_tag=is_tag, defaults=defaults)
            general = _Pipeline(name, is_tag=is_tag, defaults=None)
            yield _Case(name, example, general, runs, surely_runs)


def _names(expressions: tuple[Expression, ...], *, is_tag: bool) -> Iterator[_Name]:
    """Names of branches or tags that cover all that ``expressions`` distinguish.

    Every name equals one of them, or is like a sample: it begins with the same of the prefixes and
    equals no text of the expressions.
    """
    variable = TAG if is_tag else BRANCH
    kind, kinds = ("tag", "tags") if is_tag else ("branch", "branches")
    texts: dict[str, None] = {}
    prefixes: dict[str, None] = {}
    for leaf in (leaf for expression in expressions for leaf in _leaves(expression)):
        if not isinstance(leaf, Operation):
            continue
        sides = (leaf.left, leaf.right)
        if any(isinstance(side, PipelineVariable) and side.name == variable for side in sides):
            into = prefixes if leaf.operator == "starts-with" else texts
            for side in sides:
                if isinstance(side, Literal) and isinstance(side.value, str) and side.value:
                    into[side.value] = None
    known = [*texts, *prefixes]
    for text in texts:
        yield _Name(text, f"{kind} {text}")
    for prefix in prefixes:
        yield _Name(_beyond(prefix, known), f"{kinds} {prefix}...", is_sample=True)
    yield _Name(_beyond("", known), f"other {kinds}" if known else kinds, is_sample=True)
    for text in (*prefixes, *_COMMON_NAMES):
        # No name ends with a slash (git-check-ref-format).
        if text not in texts and not text.endswith("/"):
            yield _Name(text, f"{kind} {text}")


def _beyond(prefix: str, texts: Sequence[str]) -> str:
    """A text that begins with ``prefix``, and with no longer one of ``texts``."""
    number = 0
    while any(
        len(text) > len(prefix) and f"{prefix}some-{number}".startswith(text) for text in texts
    ):
        number += 1
    return f"{prefix}some-{number}"


def _leaves(expression: Expression) -> Iterator[Expression]:
    if isinstance(expression, Junction):
        for part in expression.parts:
            yield from _leaves(part)
    elif isinstance(expression, Negation):
        yield from _leaves(expression.operand)
    else:
        yield expression
