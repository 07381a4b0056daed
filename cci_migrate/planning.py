"""From findings and decisions to one plan: the operations, and the edits that carry them out.

A pure function: the same findings and decisions give the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from typing_extensions import assert_never

from cci_migrate.findings import (
    Answer,
    Apply,
    Decisions,
    Finding,
    Fix,
    NoFix,
    Question,
    Remedy,
    Settled,
    Skip,
    State,
    Suppress,
)
from cci_migrate.ignore_comments import comment_text, ignored_by
from cci_migrate.lossless.edits import Edit
from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.operations import AddComment, Operation
from cci_migrate.lossless.rendering import CannotRenderError, node_of, render


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. ``edits`` holds those of each file by its path."""

    settled: tuple[Settled, ...]
    operations: tuple[Operation, ...] = field(repr=False)
    edits: Mapping[str, tuple[Edit, ...]] = field(repr=False)

    @property
    def fixed(self) -> frozenset[str]:
        """The keys of the findings that the plan removes."""
        return frozenset(one.finding.key for one in self.settled if one.state is not State.LEFT)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What a decision makes of a finding."""

    state: State
    reason: str
    operations: tuple[Operation, ...]


def plan_changes(
    documents: Sequence[Document], findings: Iterable[Finding], decisions: Decisions
) -> Plan:
    """The plan for ``findings`` of the config that ``documents`` make up."""
    all_findings = list(findings)
    chosen = {finding.key: _choose(finding, decisions) for finding in all_findings}
    wanted = _unique(op for one in chosen.values() for op in one.operations)
    try:
        edits = _render(documents, wanted)
    except CannotRenderError:
        chosen = {key: _renderable(documents, one) for key, one in chosen.items()}
    settled: list[Settled] = []
    done: set[str] = set()
    for finding in all_findings:
        one = chosen[finding.key]
        if finding.after and done.isdisjoint(finding.after):
            # It rests on fixes none of which is made: there is nothing to say of it.
            continue
        if one.state is State.FIXED:
            done.add(finding.key)
        settled.append(Settled(finding, one.state, one.reason))
    kept = _unique(op for one in settled for op in chosen[one.finding.key].operations)
    if kept != wanted:
        edits = _render(documents, kept)
    return Plan(tuple(settled), kept, edits)


def _choose(finding: Finding, decisions: Decisions) -> _Chosen:
    comment = ignored_by(finding.place, finding.rule)
    if comment is not None:
        return _Chosen(State.SUPPRESSED, comment.reason, ())
    decision = decisions.of(finding)
    match decision:
        case Skip():
            return _Chosen(State.LEFT, "skipped", ())
        case Suppress(reason):
            text = comment_text(finding.rule, reason)
            return _Chosen(State.SUPPRESSED, reason, (AddComment(finding.place.node, text),))
        case Answer(choice):
            return _answered(finding.remedy, choice)
        case Apply():
            return _applied(finding.remedy)
        case _:
            assert_never(decision)


def _applied(remedy: Remedy) -> _Chosen:
    match remedy:
        case Fix(operations=operations):
            return _Chosen(State.FIXED, "", operations)
        case NoFix(reason):
            return _Chosen(State.LEFT, reason, ())
        case Question(text):
            return _Chosen(State.LEFT, f"needs a decision: {text}", ())
        case _:
            assert_never(remedy)


def _answered(remedy: Remedy, choice: str) -> _Chosen:
    if isinstance(remedy, Question):
        for one in remedy.choices:
            if one.key == choice:
                return _applied(one.remedy)
        return _applied(remedy)
    return _applied(remedy)


def _renderable(documents: Sequence[Document], one: _Chosen) -> _Chosen:
    try:
        _render(documents, one.operations)
    except CannotRenderError as error:
        return _Chosen(State.LEFT, f"the change cannot be written here: {error}", ())
    return one


def _render(
    documents: Sequence[Document], operations: Sequence[Operation]
) -> Mapping[str, tuple[Edit, ...]]:
    by_source: dict[int, list[Operation]] = {}
    for operation in operations:
        by_source.setdefault(id(node_of(operation).source), []).append(operation)
    return {
        document.source.path: render(document, by_source[id(document.source)])
        for document in documents
        if id(document.source) in by_source
    }


def _unique(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    return tuple(dict.fromkeys(operations))
