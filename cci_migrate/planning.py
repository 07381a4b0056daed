"""From findings and decisions to one plan: the operations, and the edits that carry them out.

A pure function: the same findings and decisions give the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.operations import AddComment, Operation
from cci_migrate.policy import DEFAULT_POLICY, Policy

if TYPE_CHECKING:
    from cci_migrate.lossless.edits import Edit


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
    documents: Sequence[Document],
    findings: Iterable[Finding],
    decisions: Decisions,
    policy: Policy = DEFAULT_POLICY,
    *,
    writes: bool = True,
) -> Plan:
    """The plan for ``findings`` of the config that ``documents`` make up.

    ``policy`` tells which of them are not wanted.
    ``writes`` False: the plan gets no edits, for whoever only wants to know what there is to do.
    """
    all_findings = list(findings)
    chosen = _choose_all(all_findings, decisions, policy)
    wanted = _operations(chosen)
    edits = _rendered(documents, wanted) if writes else {}
    if isinstance(edits, str):
        chosen = [_renderable(documents, one) for one in chosen]
    settled, kept = _settle(all_findings, chosen)
    if writes and (isinstance(edits, str) or kept != wanted):
        edits = _rendered(documents, kept)
    if isinstance(edits, str):
        # Each can be written, but not all of them in one text.
        together = "the changes of this file cannot be written together"
        chosen = [_left(one, together) for one in chosen]
        settled, kept = _settle(all_findings, chosen)
        edits = {}
    return Plan(settled, kept, edits)


def _settle(
    findings: Sequence[Finding], chosen: Sequence[_Chosen]
) -> tuple[tuple[Settled, ...], tuple[Operation, ...]]:
    """What becomes of each finding, and the operations of those that are fixed."""
    settled: list[Settled] = []
    kept: list[_Chosen] = []
    done: set[str] = set()
    for finding, one in zip(findings, chosen, strict=True):
        if finding.after and done.isdisjoint(finding.after):
            # It rests on fixes none of which is made: there is nothing to say of it.
            continue
        if not done.issuperset(finding.after_all):
            continue
        if one.state is State.FIXED:
            done.add(finding.key)
        settled.append(Settled(finding, one.state, one.reason))
        kept.append(one)
    return tuple(settled), _operations(kept)


def _choose_all(findings: Sequence[Finding], decisions: Decisions, policy: Policy) -> list[_Chosen]:
    """What is made of each; those on which others rest come first."""
    chosen: list[_Chosen] = []
    fixed: set[str] = set()
    for finding in findings:
        # The baseline holds what was there: not what a fix of today brings with it. A new image
        # that gets credentials needs the context, even if the job lacked it for another image.
        is_new = not fixed.isdisjoint((*finding.after, *finding.after_all))
        one = _choose(finding, decisions, policy, is_new=is_new)
        if one.state is State.FIXED:
            fixed.add(finding.key)
        chosen.append(one)
    return chosen


def _choose(finding: Finding, decisions: Decisions, policy: Policy, *, is_new: bool) -> _Chosen:
    if policy.heeds_ignores:
        comment = ignored_by(finding.place, finding.rule)
        if comment is not None:
            return _Chosen(State.SUPPRESSED, comment.reason, ())
        if finding.accepted in policy.baseline.accepted and not is_new:
            return _Chosen(State.BASELINE, "in the baseline", ())
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
    found = _rendered(documents, one.operations)
    if isinstance(found, str):
        return _left(one, f"the change cannot be written here: {found}")
    return one


def _left(one: _Chosen, reason: str) -> _Chosen:
    return _Chosen(State.LEFT, reason, ()) if one.operations else one


def _rendered(
    documents: Sequence[Document], operations: Sequence[Operation]
) -> Mapping[str, tuple[Edit, ...]] | str:
    """The edits of each file, or why ``operations`` cannot be written."""
    if not operations:
        return {}
    # Not needed for looking only.
    from cci_migrate.lossless.cannot_render import CannotRenderError
    from cci_migrate.lossless.rendering import node_of, render

    by_source: dict[int, list[Operation]] = {}
    for operation in operations:
        by_source.setdefault(id(node_of(operation).source), []).append(operation)
    try:
        return {
            document.source.path: render(document, by_source[id(document.source)])
            for document in documents
            if id(document.source) in by_source
        }
    except CannotRenderError as error:
        return str(error)


def _operations(chosen: Iterable[_Chosen]) -> tuple[Operation, ...]:
    """The operations of all, each once: findings that share a definition share the edit."""
    return tuple(dict.fromkeys(op for one in chosen for op in one.operations))
