"""Outcomes without the secrets of their configs in any of their texts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.engine.outcomes import (
    Examined,
    Failed,
    NotAConfig,
    Outcome,
    Refused,
    Unexamined,
)
from cci_migrate.findings import (
    Finding,
    Fix,
    NoFix,
    Question,
    Remedy,
    Resolution,
)
from cci_migrate.redaction.redaction import Redaction

if TYPE_CHECKING:
    from cci_migrate.engine.explanation import ExplainedPull

_T = TypeVar("_T", bound=Struct)


def redacted(outcome: Outcome, redaction: Redaction) -> Outcome:
    """``outcome`` without secrets in its texts; its change stays as it is."""
    if not isinstance(outcome, Examined):
        return redacted_reason(outcome, redaction)
    return replace(
        _cleaned(outcome, redaction, "todos", "notes"),
        resolutions=_resolutions(outcome, redaction),
        pulls=_pulls(outcome, redaction),
        unused=tuple(_cleaned(unused, redaction, "text") for unused in outcome.unused),
    )


def redacted_reason(outcome: Unexamined, redaction: Redaction) -> Unexamined:
    """``outcome`` without secrets in its texts."""
    match outcome:
        case Refused():
            return replace(
                _cleaned(outcome, redaction, "reason", "instead"),
                resolutions=_resolutions(outcome, redaction),
                pulls=_pulls(outcome, redaction),
            )
        case Failed():
            return _cleaned(outcome, redaction, "problem", "instead")
        case NotAConfig():
            return outcome
        case _:
            assert_never(outcome)


def _cleaned(value: _T, redaction: Redaction, *fields: str) -> _T:
    """``value`` without secrets in ``fields``, each of which is a text or has several."""
    clean = redaction.prose
    texts = {name: getattr(value, name) for name in fields}
    return replace(
        value,
        **{
            name: clean(text) if isinstance(text, str) else tuple(map(clean, text))
            for name, text in texts.items()
        },
    )


def _resolutions(outcome: Examined | Refused, redaction: Redaction) -> tuple[Resolution, ...]:
    return tuple(
        replace(
            _cleaned(resolution, redaction, "reason"),
            finding=_finding(resolution.finding, redaction),
        )
        for resolution in outcome.resolutions
    )


def _finding(finding: Finding, redaction: Redaction) -> Finding:
    names = finding.names
    if names is not None:
        names = _cleaned(names, redaction, "names", "source", "text", "provider", "ignored")
    return replace(
        _cleaned(finding, redaction, "message", "subject", "owner", "because"),
        remedy=_remedy(finding.remedy, redaction),
        names=names,
    )


def _remedy(remedy: Remedy, redaction: Redaction) -> Remedy:
    if isinstance(remedy, Question):
        choices = tuple(
            replace(
                _cleaned(choice, redaction, "label", "consequence"),
                remedy=_fix_or_not(choice.remedy, redaction),
            )
            for choice in remedy.choices
        )
        return Question(redaction.prose(remedy.text), choices)
    return _fix_or_not(remedy, redaction)


def _fix_or_not(remedy: Fix | NoFix, redaction: Redaction) -> Fix | NoFix:
    if isinstance(remedy, Fix):
        return _cleaned(remedy, redaction, "title")
    return _cleaned(remedy, redaction, "reason", "instead")


def _pulls(outcome: Examined | Refused, redaction: Redaction) -> tuple[ExplainedPull, ...]:
    # Each text but the path, whatever it is for: a new field must not be forgotten here.
    return tuple(
        _cleaned(
            pull,
            redaction,
            *(
                name
                for name in pull.__struct_fields__
                if name != "path" and isinstance(getattr(pull, name), str | tuple)
            ),
        )
        for pull in outcome.pulls
    )
