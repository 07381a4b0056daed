"""Outcomes without the secrets of their configs in any of their texts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.engine.outcomes import (
    Examined,
    Failed,
    NotAConfig,
    Outcome,
    Refused,
    ToDo,
    Unexamined,
)
from cci_migrate.findings import (
    Choice,
    Finding,
    Fix,
    NameReason,
    NoFix,
    Question,
    Remedy,
    Resolution,
)
from cci_migrate.redaction.redaction import Redaction

if TYPE_CHECKING:
    from cci_migrate.engine.explanation import ExplainedPull


def redacted(outcome: Outcome, redaction: Redaction) -> Outcome:
    """``outcome`` without secrets in its texts; its change stays as it is."""
    clean = redaction.prose
    match outcome:
        case Examined():
            return replace(
                outcome,
                resolutions=tuple(
                    _resolution(resolution, redaction) for resolution in outcome.resolutions
                ),
                todos=tuple(ToDo(clean(todo.text)) for todo in outcome.todos),
                notes=tuple(map(clean, outcome.notes)),
                pulls=tuple(_pull(pull, redaction) for pull in outcome.pulls),
                unused=tuple(replace(unused, text=clean(unused.text)) for unused in outcome.unused),
            )
        case NotAConfig() | Refused() | Failed():
            return redacted_reason(outcome, redaction)
        case _:
            assert_never(outcome)


def redacted_reason(outcome: Unexamined, redaction: Redaction) -> Unexamined:
    """``outcome`` without secrets in its texts."""
    clean = redaction.prose
    match outcome:
        case Refused():
            return replace(
                outcome,
                reason=clean(outcome.reason),
                instead=clean(outcome.instead),
                resolutions=tuple(
                    _resolution(resolution, redaction) for resolution in outcome.resolutions
                ),
                pulls=tuple(_pull(pull, redaction) for pull in outcome.pulls),
            )
        case Failed():
            return replace(outcome, problem=clean(outcome.problem), instead=clean(outcome.instead))
        case NotAConfig():
            return outcome
        case _:
            assert_never(outcome)


def _resolution(resolution: Resolution, redaction: Redaction) -> Resolution:
    finding = _finding(resolution.finding, redaction)
    return replace(resolution, finding=finding, reason=redaction.prose(resolution.reason))


def _finding(finding: Finding, redaction: Redaction) -> Finding:
    clean = redaction.prose
    return replace(
        finding,
        message=clean(finding.message),
        subject=clean(finding.subject),
        owner=clean(finding.owner),
        because=clean(finding.because),
        remedy=_remedy(finding.remedy, redaction),
        names=None if finding.names is None else _names(finding.names, redaction),
    )


def _names(names: NameReason, redaction: Redaction) -> NameReason:
    return replace(
        names,
        names=redaction.prose(names.names),
        source=redaction.prose(names.source),
        text=redaction.prose(names.text),
        provider=redaction.prose(names.provider),
        ignored=tuple(map(redaction.prose, names.ignored)),
    )


def _remedy(remedy: Remedy, redaction: Redaction) -> Remedy:
    match remedy:
        case Fix() | NoFix():
            return _fix_or_not(remedy, redaction)
        case Question():
            choices = tuple(_choice(choice, redaction) for choice in remedy.choices)
            return Question(redaction.prose(remedy.text), choices)
        case _:
            assert_never(remedy)


def _choice(choice: Choice, redaction: Redaction) -> Choice:
    return Choice(
        choice.key,
        redaction.prose(choice.label),
        redaction.prose(choice.consequence),
        _fix_or_not(choice.remedy, redaction),
    )


def _fix_or_not(remedy: Fix | NoFix, redaction: Redaction) -> Fix | NoFix:
    if isinstance(remedy, Fix):
        return replace(remedy, title=redaction.prose(remedy.title))
    return NoFix(redaction.prose(remedy.reason), redaction.prose(remedy.instead))


def _pull(pull: ExplainedPull, redaction: Redaction) -> ExplainedPull:
    # Each text but the path, whatever it is for: a new field must not be forgotten here.
    texts: dict[str, str | tuple[str, ...]] = {}
    for name in pull.__struct_fields__:
        value = getattr(pull, name)
        if name == "path":
            continue
        if isinstance(value, str):
            texts[name] = redaction.prose(value)
        elif isinstance(value, tuple):
            texts[name] = tuple(map(redaction.prose, value))
    return replace(pull, **texts)
