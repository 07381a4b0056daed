"""The contexts that fixes add: which of them are needed, and whether all have a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.engine.ignore_comments import ignored_by
from cci_migrate.findings import (
    Choice,
    ContextCandidate,
    ContextGrant,
    Finding,
    Fix,
    NoFix,
    Question,
    Remedy,
)
from cci_migrate.policy.settings import Platform, Policy
from cci_migrate.remedies.context_placement import ContextPlacement, obstacle_to
from cci_migrate.rule_ids import MISSING_CONTEXT
from cci_migrate.wording import listed


def placement_of(assessment: Assessment) -> ContextPlacement:
    """The places for contexts in the config of ``assessment``."""
    return ContextPlacement(
        assessment.config,
        assessment.sharing,
        single_only=assessment.policy.platform is Platform.SERVER,
    )


def is_ignored(grant: ContextGrant) -> bool:
    """Whether a comment says of the workflow job that it needs no context."""
    return ignored_by(grant.place, MISSING_CONTEXT) is not None


def fixes_with_room(
    findings: Sequence[Finding], placement: ContextPlacement, policy: Policy
) -> list[Finding]:
    """``findings``, without the fixes that bring along a context that has no place.

    A fix leaves out the contexts of workflow jobs that a comment says need none. A fix with
    contexts to choose from becomes a question.
    """
    if policy.applies_ignores:
        findings = [_after_comments(finding) for finding in findings]
    findings = [_with_remedy(finding, _asking_for_context(finding.remedy)) for finding in findings]
    grants = [grant for finding in findings for grant in _contexts_of(finding.remedy)]
    if not grants:
        return list(findings)
    places = placement.places(grants)
    return [
        _with_remedy(finding, obstacle_to(_contexts_of(finding.remedy), places) or finding.remedy)
        for finding in findings
    ]


def _with_remedy(finding: Finding, remedy: Remedy) -> Finding:
    return finding if remedy is finding.remedy else replace(finding, remedy=remedy)


def _after_comments(finding: Finding) -> Finding:
    remedy = _without_unwanted(finding.remedy)
    names = finding.names
    if names is not None and isinstance(remedy, Fix) and remedy.withheld:
        # Some of its jobs have the variables from elsewhere.
        return replace(finding, remedy=remedy, names=replace(names, provider=""))
    return _with_remedy(finding, remedy)


def _contexts_of(remedy: Remedy) -> tuple[ContextGrant, ...]:
    return remedy.contexts if isinstance(remedy, Fix) else ()


def _without_unwanted(remedy: Remedy) -> Remedy:
    match remedy:
        case Fix(contexts=contexts):
            withheld = tuple(filter(is_ignored, contexts))
            kept = tuple(grant for grant in contexts if grant not in withheld)
            return replace(remedy, contexts=kept, withheld=withheld) if withheld else remedy
        case Question(choices=choices):
            return replace(remedy, choices=tuple(map(_choice_without_unwanted, choices)))
        case NoFix():
            return remedy


def _choice_without_unwanted(choice: Choice) -> Choice:
    remedy = _without_unwanted(choice.remedy)
    return replace(choice, remedy=remedy) if isinstance(remedy, Fix) else choice


def _asking_for_context(remedy: Remedy) -> Remedy:
    match remedy:
        case Fix() as fix:
            choices = tuple(_in_each_context(fix))
            if not choices:
                return fix
            names, candidates = _unclear(fix)
            places = "; ".join(candidate.title for candidate in candidates)
            return Question(
                f"other configs of the repository read {names} from different places: {places}; "
                "set the context in the policy",
                (*choices, _LEAVE),
            )
        case Question(choices=choices):
            return replace(remedy, choices=tuple(_with_context(choices)))
        case NoFix():
            return remedy


def _with_context(choices: Iterable[Choice]) -> Iterator[Choice]:
    """``choices``, each of those with contexts to choose from once for each context."""
    for choice in choices:
        fix = choice.remedy
        inner = tuple(_in_each_context(fix)) if isinstance(fix, Fix) else ()
        if not inner:
            yield choice
        for nested_choice in inner:
            label = f"{choice.label}, with the variables from {nested_choice.label}"
            yield replace(
                choice,
                key=f"{choice.key}-{nested_choice.key}",
                label=label,
                remedy=nested_choice.remedy,
            )


def _in_each_context(fix: Fix) -> Iterator[Choice]:
    """``fix`` with each of the contexts that it may bring along; nothing where that is clear."""
    for candidate in _unclear(fix)[1]:
        name = candidate.context
        others = tuple(grant for grant in fix.contexts if not grant.candidates)
        if name is None:
            consequence = "The workflow jobs get no context."
            yield Choice("project", candidate.title, consequence, replace(fix, contexts=others))
            continue
        chosen = tuple(
            replace(grant, context=name, candidates=())
            for grant in fix.contexts
            if grant.candidates
        )
        yield Choice(
            f"context-{name}",
            candidate.title,
            "The workflow jobs that need it get this context.",
            replace(fix, contexts=(*others, *chosen)),
        )


def _unclear(fix: Fix) -> tuple[str, tuple[ContextCandidate, ...]]:
    """The variables of ``fix`` for which there are contexts to choose from, and these."""
    for grant in fix.contexts:
        if grant.candidates:
            return listed([f"${name}" for name in grant.variables]), grant.candidates
    return "", ()


_LEAVE = Choice.leave("The pull stays without credentials.", "set the context in the policy")
