"""From findings and decisions to one plan: the operations, and the edits that carry them out.

A pure function: the same findings and decisions give the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.engine.ignore_comments import comment_text, ignored_by
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import (
    Answer,
    Apply,
    ContextGrant,
    Decisions,
    Finding,
    FindingKey,
    FindingState,
    Fix,
    NoFix,
    Question,
    Remedy,
    Settled,
    Skip,
    Suppress,
)
from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.operations import AddComment, Operation
from cci_migrate.lossless.source import SourceText
from cci_migrate.policy.model import DEFAULT_POLICY, Policy
from cci_migrate.remedies.context_placement import ContextPlacement, NoRoom, Places, without_room

if TYPE_CHECKING:
    from cci_migrate.lossless.edits import Edit


class Plan(Struct, frozen=True):
    """What is to be done. ``edits`` holds those of each file by its path.

    ``contexts`` are those that workflow jobs get by it.
    """

    settled: tuple[Settled, ...]
    operations: tuple[Operation, ...]
    edits: Mapping[str, tuple[Edit, ...]]
    contexts: tuple[ContextGrant, ...] = ()

    __repr__ = repr_without("operations", "edits")

    @property
    def fixed(self) -> frozenset[FindingKey]:
        """The keys of the findings that the plan removes."""
        return frozenset(
            one.finding.key for one in self.settled if one.state is not FindingState.LEFT
        )


class _Chosen(Struct, frozen=True):
    """What a decision makes of a finding."""

    state: FindingState
    reason: str
    operations: tuple[Operation, ...] = ()
    contexts: tuple[ContextGrant, ...] = ()

    def left(self, reason: str) -> _Chosen:
        """The same finding, left for ``reason`` if it was to be changed."""
        return _Chosen(FindingState.LEFT, reason) if self.operations or self.contexts else self


def plan_changes(
    documents: Sequence[Document],
    findings: Iterable[Finding],
    decisions: Decisions,
    policy: Policy = DEFAULT_POLICY,
    *,
    placement: ContextPlacement | None = None,
    writes: bool = True,
) -> Plan:
    """The plan for ``findings`` of the config that ``documents`` make up.

    ``policy`` tells which of them are not wanted. ``placement`` finds the places for the contexts
    that fixes bring along: those of all fixes are placed together, and a fix of which one has no
    place is not made.
    ``writes`` False: the plan gets no edits, for whoever only wants to know what there is to do.
    """
    all_findings = list(findings)
    chosen = [_choose(finding, decisions, policy) for finding in all_findings]
    settled, kept, contexts = _settle(all_findings, chosen, placement)
    edits = _rendered(documents, kept) if writes else {}
    if isinstance(edits, str):
        chosen = [_renderable(documents, one, placement) for one in chosen]
        settled, kept, contexts = _settle(all_findings, chosen, placement)
        edits = _rendered(documents, kept)
    if isinstance(edits, str):
        # Each can be written, but not all of them in one text.
        together = "the changes of this file cannot be written together"
        chosen = [one.left(together) for one in chosen]
        settled, kept, contexts = _settle(all_findings, chosen, placement)
        edits = {}
    return Plan(settled, kept, edits, contexts)


def _settle(
    findings: Sequence[Finding], chosen: Sequence[_Chosen], placement: ContextPlacement | None
) -> tuple[tuple[Settled, ...], tuple[Operation, ...], tuple[ContextGrant, ...]]:
    """What becomes of each finding, and the operations and contexts of those that are fixed."""
    while True:
        settled: list[Settled] = []
        kept: list[_Chosen] = []
        done: set[FindingKey] = set()
        for finding, one in zip(findings, chosen, strict=True):
            if finding.after and done.isdisjoint(finding.after):
                # It rests on fixes none of which is made: there is nothing to say of it.
                continue
            if not done.issuperset(finding.after_all):
                continue
            if one.state is FindingState.FIXED:
                done.add(finding.key)
            settled.append(Settled(finding, one.state, one.reason))
            kept.append(one)
        contexts = tuple(dict.fromkeys(grant for one in kept for grant in one.contexts))
        places = {} if placement is None else placement.places(contexts)
        if not any(isinstance(place, NoRoom) for place in places.values()):
            return tuple(settled), _operations(kept, places), contexts
        # Without one of its contexts a fix is not made, which may leave others without a place.
        chosen = [_placed(one, places) for one in chosen]


def _placed(one: _Chosen, places: Places) -> _Chosen:
    for grant in one.contexts:
        place = places.get(grant.entry)
        if isinstance(place, NoRoom):
            return one.left(without_room(grant, place))
    return one


def _choose(finding: Finding, decisions: Decisions, policy: Policy) -> _Chosen:
    if policy.heeds_ignores:
        comment = ignored_by(finding.place, finding.rule)
        if comment is not None:
            return _Chosen(FindingState.SUPPRESSED, comment.reason)
        if finding.accepted in policy.baseline.accepted:
            return _Chosen(FindingState.BASELINE, "in the baseline")
    decision = decisions.of(finding)
    match decision:
        case Skip():
            return _Chosen(FindingState.LEFT, "skipped")
        case Suppress(reason):
            text = comment_text(finding.rule, reason)
            return _Chosen(FindingState.SUPPRESSED, reason, (AddComment(finding.place.node, text),))
        case Answer(choice):
            return _answered(finding.remedy, choice)
        case Apply():
            return _applied(finding.remedy)
        case _:
            assert_never(decision)


def _applied(remedy: Remedy) -> _Chosen:
    match remedy:
        case Fix(operations=operations, contexts=contexts):
            return _Chosen(FindingState.FIXED, "", operations, contexts)
        case NoFix(reason):
            return _Chosen(FindingState.LEFT, reason)
        case Question(text):
            return _Chosen(FindingState.LEFT, f"needs a decision: {text}")
        case _:
            assert_never(remedy)


def _answered(remedy: Remedy, choice: str) -> _Chosen:
    if isinstance(remedy, Question):
        for one in remedy.choices:
            if one.key == choice:
                return _applied(one.remedy)
        return _applied(remedy)
    return _applied(remedy)


def _renderable(
    documents: Sequence[Document], one: _Chosen, placement: ContextPlacement | None
) -> _Chosen:
    places = {} if placement is None else placement.places(one.contexts)
    problem = _rendered(documents, _operations([one], places))
    if isinstance(problem, str):
        return one.left(f"the change cannot be written here: {problem}")
    return one


def _rendered(
    documents: Sequence[Document], operations: Sequence[Operation]
) -> Mapping[str, tuple[Edit, ...]] | str:
    """The edits of each file, or why ``operations`` cannot be written."""
    if not operations:
        return {}
    # Not needed for looking only.
    from cci_migrate.lossless.cannot_render import CannotRenderError
    from cci_migrate.lossless.rendering import node_of, render

    by_source: dict[SourceText, list[Operation]] = {}
    for operation in operations:
        by_source.setdefault(node_of(operation).source, []).append(operation)
    try:
        return {
            document.source.path: render(document, by_source[document.source])
            for document in documents
            if document.source in by_source
        }
    except CannotRenderError as error:
        return str(error)


def _operations(chosen: Iterable[_Chosen], places: Places) -> tuple[Operation, ...]:
    """The operations of all, each once: findings that share a definition share the edit."""
    operations: dict[Operation, None] = {}
    for one in chosen:
        operations.update(dict.fromkeys(one.operations))
    for place in places.values():
        operations.update(dict.fromkeys(() if isinstance(place, NoRoom) else place))
    return tuple(operations)
