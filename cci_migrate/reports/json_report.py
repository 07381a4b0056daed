"""The report as JSON; `schemas/report.schema.json` describes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import asdict
from typing_extensions import assert_never

from cci_migrate import __version__
from cci_migrate.assessing.account_wording import credential_names
from cci_migrate.engine.explanation import ExplainedPull
from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Refused
from cci_migrate.escaping.json_text import json_text
from cci_migrate.findings import Fix, NameReason, NoFix, Question, Remedy, Resolution
from cci_migrate.lossless.source import Position
from cci_migrate.reports.diffs import diffs_of_result
from cci_migrate.reports.report import Mode, Report, Result, resolutions_of

#: Raised when a key changes its meaning or is removed, not when one is added.
VERSION = 1


def json_report(report: Report) -> Iterator[str]:
    """The report as one JSON document, with a line end."""
    document = {
        "version": VERSION,
        "tool": {"name": "cci-migrate", "version": __version__},
        "mode": report.mode,
        "exit_code": report.exit_code,
        "summary": report.counts,
        "configs": [_config(result, report) for result in report.results],
        "todos": tuple(report.todos),
    }
    yield json_text(document, indent=2) + "\n"


def _config(result: Result, report: Report) -> dict[str, Any]:
    outcome = result.outcome
    common: dict[str, Any] = {"paths": outcome.paths, "prefix": result.prefix}
    match outcome:
        case Examined():
            return common | {
                "state": "examined",
                "findings": [_finding(resolution) for resolution in resolutions_of(outcome)],
                "images": outcome.images,
                "authenticated": outcome.authenticated,
                "unprovided": outcome.unprovided,
                "pulls": [_pull(pull) for pull in outcome.pulls],
                "changes": _changes(result, report),
                "todos": outcome.todos,
                "notes": [*outcome.notes, *outcome.compiler_notes],
                "unused_suppressions": [
                    {"path": unused.path, **_position(unused.position), "text": unused.text}
                    for unused in outcome.unused
                ],
            }
        case NotAConfig():
            return common | {"state": "not-a-config", "kind": outcome.kind}
        case Refused():
            return common | {
                "state": "refused",
                "cause": outcome.cause,
                "reason": outcome.reason,
                "instead": outcome.instead or None,
                "in_baseline": outcome.in_baseline,
                "findings": [_finding(resolution) for resolution in resolutions_of(outcome)],
                "pulls": [_pull(pull) for pull in outcome.pulls],
            }
        case Failed():
            return common | {
                "state": "failed",
                "problem": outcome.problem,
                "instead": outcome.instead or None,
                **_position(outcome.position),
            }
        case _:
            assert_never(outcome)


def _position(position: Position | None) -> dict[str, int | None]:
    line, column = (None, None) if position is None else (position.line, position.column)
    return {"line": line, "column": column}


def _pull(pull: ExplainedPull) -> dict[str, Any]:
    return {**asdict(pull), "reason": pull.reason or None}


def _changes(result: Result, report: Report) -> list[dict[str, Any]]:
    """The changed files.

    A diff with ``withheld_lines`` does not apply; it is null where it would, and write them so.
    """
    return [
        {
            "path": diff.path,
            "written": report.mode is Mode.WRITE,
            "diff": diff.data.decode() if diff.data is not None else None,
            "withheld_lines": diff.withheld,
        }
        for diff in diffs_of_result(result, report)
    ]


def _finding(resolution: Resolution) -> dict[str, Any]:
    finding = resolution.finding
    place = finding.place
    start, end = place.position, place.source.position(place.span.end)
    return {
        "key": str(finding.key),
        "rule": finding.rule,
        "severity": finding.severity,
        "effect": finding.effect,
        "state": resolution.state,
        "reason": resolution.reason or None,
        "path": place.source.path,
        **_position(start),
        "end_line": end.line,
        "end_column": end.column,
        "route": place.route,
        "subject": finding.subject,
        "owner": finding.owner,
        "registry": finding.registry,
        "message": finding.message,
        "because": finding.because,
        "remedy": _remedy(finding.remedy),
        "names": None if finding.names is None else _names(finding.names),
    }


def _names(names: NameReason) -> dict[str, Any]:
    return {
        "written": names.names,
        "provider": names.provider or None,
        "source": names.source,
        "reason": names.text,
        "path": names.path,
        "line": names.line,
        "ignored": names.ignored,
        "alternatives": [credential_names(alternative) for alternative in names.alternatives],
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    match remedy:
        case Fix():
            return {"kind": "fix", "title": remedy.summary}
        case NoFix():
            return {"kind": "none", "reason": remedy.reason, "instead": remedy.instead or None}
        case Question():
            return {
                "kind": "question",
                "text": remedy.text,
                "choices": [
                    {
                        "key": choice.key,
                        "label": choice.label,
                        "consequence": choice.consequence,
                        "remedy": _remedy(choice.remedy),
                    }
                    for choice in remedy.choices
                ],
            }
        case _:
            assert_never(remedy)
