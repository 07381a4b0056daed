"""From findings and decisions to one plan: the operations, and the edits that carry them out.

A pure function: the same findings and decisions give the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.engine.accepted_findings import accepted_findings
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
    Resolution,
    Skip,
    Suppress,
)
from cci_migrate.groups import grouped
from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.operations import AddComment, Operation, joined
from cci_migrate.lossless.plain_places import are_surely_written
from cci_migrate.policy.settings import DEFAULT_POLICY, Policy
from cci_migrate.remedies.context_placement import ContextPlacement, Places, obstacle_to
from cci_migrate.remedies.version_upgrade import in_new_version

if TYPE_CHECKING:
    from cci_migrate.lossless.edits import Edit


class Plan(Struct, frozen=True):
    """The planned changes of a config. ``edits`` are those of each file, by its path.

    ``contexts`` are those that workflow jobs get by it.
    """

    resolutions: tuple[Resolution, ...]
    operations: tuple[Operation, ...]
    edits: Mapping[str, tuple[Edit, ...]]
    contexts: tuple[ContextGrant, ...] = ()

    __repr__ = repr_without("operations", "edits")

    @property
    def fixed_findings(self) -> tuple[Finding, ...]:
        """The findings that the plan fixes."""
        return tuple(
            resolution.finding
            for resolution in self.resolutions
            if resolution.state is FindingState.FIXED
        )

    @property
    def fixed(self) -> frozenset[FindingKey]:
        """The keys of the findings that the plan fixes."""
        return frozenset(finding.key for finding in self.fixed_findings)


class _Effect(Struct, frozen=True):
    """The effect of a decision on a finding."""

    state: FindingState
    reason: str
    operations: tuple[Operation, ...] = ()
    contexts: tuple[ContextGrant, ...] = ()

    def left(self, reason: str) -> _Effect:
        """The effect without changes, left for ``reason``; the same if it has none."""
        return _Effect(FindingState.LEFT, reason) if self.operations or self.contexts else self


def plan_changes(
    documents: Sequence[Document],
    findings: Iterable[Finding],
    decisions: Decisions,
    placement: ContextPlacement,
    policy: Policy = DEFAULT_POLICY,
    *,
    writes: bool = True,
) -> Plan:
    """The plan for ``findings`` of the config in ``documents``.

    ``placement`` finds the places for the contexts that fixes bring along: those of all fixes are
    placed together, and a fix is not made if one of its contexts has no place. ``policy`` says
    which of them to ignore. ``writes`` False: the plan may lack its edits, for callers that only
    report; which fixes can be written is found all the same.
    """
    all_findings = list(findings)
    accepted = accepted_findings(all_findings, policy.baseline)
    effects = [
        _effect_of(finding, decisions, policy, is_in_baseline=finding.key in accepted)
        for finding in all_findings
    ]
    resolutions, operations, contexts = _resolve(all_findings, effects, placement)
    edits: Mapping[str, tuple[Edit, ...]] | str = {}
    if writes or not are_surely_written(operations):
        edits = _rendered(documents, operations)
    if isinstance(edits, str):
        effects = [_renderable(documents, effect, placement) for effect in effects]
        resolutions, operations, contexts = _resolve(all_findings, effects, placement)
        edits = _rendered(documents, operations)
    if isinstance(edits, str):
        # Each can be written, but not all of them in one text.
        together = "can't combine the changes of this file"
        effects = [effect.left(together) for effect in effects]
        resolutions, operations, contexts = _resolve(all_findings, effects, placement)
        edits = {}
    return Plan(resolutions, operations, edits, contexts)


def edits_of_fix(
    documents: Sequence[Document], fix: Fix, placement: ContextPlacement
) -> Mapping[str, tuple[Edit, ...]]:
    """The edits of each file that ``fix`` makes if it is made alone; empty if it cannot be."""
    effect = _Effect(FindingState.FIXED, "", fix.operations, fix.contexts)
    edits = _rendered_alone(documents, effect, placement)
    return {} if isinstance(edits, str) else edits


def _resolve(
    findings: Sequence[Finding], effects: Sequence[_Effect], placement: ContextPlacement
) -> tuple[tuple[Resolution, ...], tuple[Operation, ...], tuple[ContextGrant, ...]]:
    """The resolution of each finding, and the operations and contexts of those that are fixed."""
    while True:
        resolutions: list[Resolution] = []
        resolved: list[_Effect] = []
        fixed: set[FindingKey] = set()
        for finding, effect in zip(findings, effects, strict=True):
            if finding.after and fixed.isdisjoint(finding.after):
                # It rests on fixes none of which is made: there is nothing to say of it.
                continue
            if not fixed.issuperset(finding.after_all):
                continue
            if effect.state is FindingState.FIXED:
                fixed.add(finding.key)
            resolutions.append(Resolution(finding, effect.state, effect.reason))
            resolved.append(effect)
        contexts = tuple(dict.fromkeys(grant for effect in resolved for grant in effect.contexts))
        places = placement.places(contexts)
        if not any(isinstance(place, NoFix) for place in places.values()):
            return tuple(resolutions), _operations(resolved, places), contexts
        # Without one of its contexts a fix is not made, which may leave others without a place.
        effects = [_placed(effect, places) for effect in effects]


def _placed(effect: _Effect, places: Places) -> _Effect:
    obstacle = obstacle_to(effect.contexts, places)
    return effect if obstacle is None else effect.left(obstacle.reason)


def _effect_of(
    finding: Finding, decisions: Decisions, policy: Policy, *, is_in_baseline: bool
) -> _Effect:
    if policy.applies_ignores:
        comment = ignored_by(finding.place, finding.rule)
        if comment is not None:
            return _Effect(FindingState.SUPPRESSED, comment.reason)
        if is_in_baseline:
            return _Effect(FindingState.BASELINE, "in the baseline")
    decision = decisions.of(finding)
    match decision:
        case Skip():
            return _Effect(FindingState.LEFT, "skipped")
        case Suppress(reason):
            text = comment_text(finding.rule, reason)
            return _Effect(FindingState.SUPPRESSED, reason, (AddComment(finding.place.node, text),))
        case Answer(choice):
            return _effect_of_answer(finding.remedy, choice)
        case Apply():
            return _effect_of_applying(finding.remedy)
        case _:
            assert_never(decision)


def _effect_of_applying(remedy: Remedy) -> _Effect:
    match remedy:
        case Fix(operations=operations, contexts=contexts):
            return _Effect(FindingState.FIXED, "", operations, contexts)
        case NoFix(reason):
            return _Effect(FindingState.LEFT, reason)
        case Question(text):
            return _Effect(FindingState.LEFT, f"needs a decision: {text}")
        case _:
            assert_never(remedy)


def _effect_of_answer(remedy: Remedy, choice: str) -> _Effect:
    for offered in remedy.choices if isinstance(remedy, Question) else ():
        if offered.key == choice:
            return _effect_of_applying(offered.remedy)
    return _effect_of_applying(remedy)


def _renderable(
    documents: Sequence[Document], effect: _Effect, placement: ContextPlacement
) -> _Effect:
    problem = _rendered_alone(documents, effect, placement)
    if isinstance(problem, str):
        return effect.left(f"can't write the change here: {problem}")
    return effect


def _rendered_alone(
    documents: Sequence[Document], effect: _Effect, placement: ContextPlacement
) -> Mapping[str, tuple[Edit, ...]] | str:
    return _rendered(documents, _operations([effect], placement.places(effect.contexts)))


def _rendered(
    documents: Sequence[Document], operations: Sequence[Operation]
) -> Mapping[str, tuple[Edit, ...]] | str:
    """The edits of each file, or why ``operations`` cannot be written."""
    if not operations:
        return {}
    # Not needed for looking only.
    from cci_migrate.lossless.cannot_render import CannotRenderError
    from cci_migrate.lossless.rendering import node_of, render

    by_source = grouped((node_of(operation).source, operation) for operation in operations)
    try:
        return {
            document.source.path: render(document, by_source[document.source])
            for document in documents
            if document.source in by_source
        }
    except CannotRenderError as error:
        return str(error)


def _operations(effects: Iterable[_Effect], places: Places) -> tuple[Operation, ...]:
    """The operations of all effects, each once: findings in one definition share its edit."""
    operations: dict[Operation, None] = {}
    for effect in effects:
        operations.update(dict.fromkeys(effect.operations))
    for place in places.values():
        operations.update(dict.fromkeys(() if isinstance(place, NoFix) else place))
    return joined(in_new_version(operations))
