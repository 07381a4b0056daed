"""Findings as diagnostics, by file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lsprotocol.types import Diagnostic, DiagnosticSeverity, Position, Range
from typing_extensions import assert_never

from cci_migrate.editor.config_reviews import Review
from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Refused
from cci_migrate.findings import Finding, Fix, NoFix, Question, Severity
from cci_migrate.wording import with_advice

SOURCE = "cci-migrate"
_SEVERITIES = {
    Severity.ERROR: DiagnosticSeverity.Error,
    Severity.WARNING: DiagnosticSeverity.Warning,
    Severity.NOTE: DiagnosticSeverity.Information,
}


def diagnostics_of(review: Review) -> Mapping[Path, list[Diagnostic]]:
    """The diagnostics of each file of a config, an empty list for files without any.

    ``data`` of each is the key of its finding.
    """
    config, outcome = review.config, review.outcome
    by_file: dict[Path, list[Diagnostic]] = {
        config.path_of(name): [] for name in config.files.paths
    }
    match outcome:
        case NotAConfig() | Examined():
            pass
        case Failed():
            path, at = config.path_of(outcome.paths[0]), Position(0, 0)
            if outcome.position is not None:
                at = Position(outcome.position.line - 1, outcome.position.column - 1)
            by_file[path].append(_about_file(outcome, at, DiagnosticSeverity.Error))
        case Refused():
            path, at = config.path_of(outcome.paths[0]), Position(0, 0)
            by_file[path].append(_about_file(outcome, at, DiagnosticSeverity.Information))
        case _:
            assert_never(outcome)
    for resolution in review.resolutions:
        finding = resolution.finding
        path = config.path_of(finding.place.source.path)
        by_file[path].append(_diagnostic(finding, review.range_of(finding)))
    return by_file


def _about_file(
    outcome: Failed | Refused, at: Position, severity: DiagnosticSeverity
) -> Diagnostic:
    return Diagnostic(Range(at, at), outcome.explanation, severity, source=SOURCE)


def _diagnostic(finding: Finding, underlined: Range) -> Diagnostic:
    return Diagnostic(
        underlined,
        f"{finding.message}\n{_what_to_do(finding)}",
        _SEVERITIES[finding.severity],
        finding.rule,
        source=SOURCE,
        data=str(finding.key),
    )


def _what_to_do(finding: Finding) -> str:
    match finding.remedy:
        case Fix(summary=summary):
            return f"To fix: {summary}"
        case NoFix(reason, instead):
            return with_advice(reason, instead)
        case Question(text):
            return text
        case _:
            assert_never(finding.remedy)
