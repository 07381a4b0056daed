"""The report in SARIF 2.1.0, for code scanning services.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html,
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from cci_migrate import __version__
from cci_migrate.engine.outcomes import Examined, Failed, Refused
from cci_migrate.escaping.json_text import json_text
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.exit_codes import ExitCode
from cci_migrate.findings import Finding, FindingState, Fix, Resolution, Severity
from cci_migrate.lossless.edits import Edit
from cci_migrate.lossless.source import Position, SourceText, Span
from cci_migrate.project import DOCUMENTATION, rule_page_address
from cci_migrate.reports.grouping import remedy_of
from cci_migrate.reports.report import Report, Result, resolutions_of
from cci_migrate.rules.catalogue import RULES
from cci_migrate.rules.rule import Rule

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_RULE_INDEX = {rule.id: index for index, rule in enumerate(RULES)}


def sarif_report(report: Report) -> Iterator[str]:
    """The findings that exist after the run as one SARIF document, with a line end."""
    run = {
        "tool": {
            "driver": {
                "name": "cci-migrate",
                "semanticVersion": __version__,
                **({"informationUri": DOCUMENTATION} if DOCUMENTATION else {}),
                "rules": [_rule(rule) for rule in RULES],
            }
        },
        # Columns of this tool count characters.
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The root of the repository."}}},
        "invocations": [_invocation(report)],
        "results": list(_results(report)),
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    yield json_text(document, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    page = rule_page_address(rule.id)
    tags = ["circleci", "docker", "security" if rule.security_severity else "reliability"]
    properties: dict[str, Any] = {"tags": tags}
    if rule.security_severity:
        # What code scanning of GitHub reads; only with the tag "security".
        properties["security-severity"] = str(rule.security_severity)
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.manual, "markdown": rule.manual},
        **({"helpUri": page} if page else {}),
        "defaultConfiguration": {"level": _LEVELS[rule.effect.severity]},
        "properties": properties,
    }


def _results(report: Report) -> Iterator[dict[str, Any]]:
    for result in report.results:
        outcome = result.outcome
        change = outcome.change if isinstance(outcome, Examined) else None
        files = () if change is None else change.files
        sources = {file.path: SourceText.decode(file.path, file.before) for file in files}
        for resolution in filter(report.is_open, resolutions_of(outcome)):
            yield _result(result, resolution, report, sources)


def _result(
    result: Result, resolution: Resolution, report: Report, sources: Mapping[str, SourceText]
) -> dict[str, Any]:
    """A finding. ``sources`` are the texts of the files that are changed, by their paths."""
    finding = resolution.finding
    text = f"{finding.message} ({finding.owner}). {finding.because}"
    sarif_result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": _RULE_INDEX[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": _message(text + _remedy_text(resolution)),
        "locations": [_location(result, finding, report)],
        # The key identifies the place by the config's structure, so it survives when lines move.
        "partialFingerprints": {"cciMigrateFindingKey/v1": str(finding.key)},
    }
    if fixes := _fixes(result, finding, report, sources):
        sarif_result["fixes"] = fixes
    if resolution.state.is_ignored:
        kind = "inSource" if resolution.state is FindingState.SUPPRESSED else "external"
        sarif_result["suppressions"] = [
            {"kind": kind, "justification": printable(resolution.reason)}
        ]
    return sarif_result


def _remedy_text(resolution: Resolution) -> str:
    text = remedy_of((resolution,))
    return f" {text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "?", ")")) else ".")


def _fixes(
    result: Result, finding: Finding, report: Report, sources: Mapping[str, SourceText]
) -> list[dict[str, Any]]:
    """The fix with its edits, if they are known: section 3.55 of the standard."""
    outcome = result.outcome
    edits = outcome.fix_edits.get(finding.key, ()) if isinstance(outcome, Examined) else ()
    changes = [
        {
            "artifactLocation": _artifact(result, path, report),
            "replacements": [
                _replacement(sources[path], change.edit) for change in edits if change.path == path
            ],
        }
        for path in dict.fromkeys(change.path for change in edits)
    ]
    if not changes or not isinstance(finding.remedy, Fix):
        return []
    return [{"description": _message(finding.remedy.summary), "artifactChanges": changes}]


def _replacement(source: SourceText, edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(source, edit.span), "insertedContent": {"text": edit.text}}


def _region(source: SourceText, span: Span) -> dict[str, int]:
    start, end = source.position(span.start), source.position(span.end)
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }


def _location(result: Result, finding: Finding, report: Report) -> dict[str, Any]:
    place = finding.place
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(result, place.source.path, report),
            "region": _region(place.source, place.span),
        },
        "logicalLocations": [{"fullyQualifiedName": place.route}],
    }


def _artifact(result: Result, path: str, report: Report) -> dict[str, Any]:
    if report.is_one_repository:
        return {"uri": _uri(path), "uriBaseId": "ROOT"}
    return {"uri": _uri(result.prefix + path)}


def _uri(path: str) -> str:
    """``path``, with any bytes, as a relative reference (RFC 3986, section 2.1)."""
    return quote(path.encode("utf-8", "surrogateescape"))


def _message(text: str) -> dict[str, str]:
    """``text`` with ``[text](address)`` escaped, which readers of SARIF show as a link.

    Section 3.11.6 of the standard.
    """
    return {"text": printable(text).replace("](", "] (")}


def _invocation(report: Report) -> dict[str, Any]:
    notifications = []
    for result in report.results:
        outcome = result.outcome
        if isinstance(outcome, Failed):
            notifications.append(
                _notification(
                    result, report, "error", outcome.paths[0], outcome.problem, outcome.position
                )
            )
        elif isinstance(outcome, Refused):
            text = f"skipped: {outcome.reason}"
            level = "note" if outcome.in_baseline else "warning"
            notifications.append(_notification(result, report, level, outcome.paths[0], text))
    for result, unused in report.unused:
        notifications.append(
            _notification(result, report, "note", unused.path, unused.text, unused.position)
        )
    return {
        "executionSuccessful": report.exit_code in {ExitCode.DONE, ExitCode.LEFT},
        "exitCode": report.exit_code,
        "toolExecutionNotifications": notifications,
    }


def _notification(
    result: Result,
    report: Report,
    level: str,
    path: str,
    text: str,
    position: Position | None = None,
) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(result, path, report)}
    if position is not None:
        physical["region"] = {"startLine": position.line, "startColumn": position.column}
    return {
        "level": level,
        "message": _message(text),
        "locations": [{"physicalLocation": physical}],
    }
