"""The report in SARIF 2.1.0, for code scanning services.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html,
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from cci_migrate import __version__
from cci_migrate.engine.exit_codes import ExitCode
from cci_migrate.engine.outcomes import Failed, Refused
from cci_migrate.escaping.json_text import json_text
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.findings import Finding, FindingState, Fix, NoFix, Resolution, Severity
from cci_migrate.lossless.source import Position
from cci_migrate.reports.report import Report, Result
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
                "rules": [_rule(rule) for rule in RULES],
            }
        },
        # Columns of this tool count characters.
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "ROOT": {"description": {"text": "The root of the repository."}},
        },
        "invocations": [_invocation(report)],
        "results": [
            _result(result, resolution, report) for result, resolution in report.open_findings()
        ],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    yield json_text(document, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.manual, "markdown": rule.manual},
    }


def _result(result: Result, resolution: Resolution, report: Report) -> dict[str, Any]:
    finding = resolution.finding
    text = f"{finding.message} ({finding.owner}). {finding.because}"
    sarif_result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": _RULE_INDEX[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": _message(text + _remedy_text(finding)),
        "locations": [_location(result, finding, report)],
        # The key identifies the place by the config's structure, so it survives when lines move.
        "partialFingerprints": {"cciMigrateFindingKey/v1": str(finding.key)},
    }
    if resolution.state.is_ignored:
        kind = "inSource" if resolution.state is FindingState.SUPPRESSED else "external"
        sarif_result["suppressions"] = [
            {"kind": kind, "justification": printable(resolution.reason)}
        ]
    return sarif_result


def _remedy_text(finding: Finding) -> str:
    if isinstance(finding.remedy, Fix):
        return f" To fix it: {finding.remedy.summary}."
    if isinstance(finding.remedy, NoFix):
        advice = f"; {finding.remedy.instead}" if finding.remedy.instead else ""
        return f" Not fixed here: {finding.remedy.reason}{advice}."
    return f" {finding.remedy.text}"


def _location(result: Result, finding: Finding, report: Report) -> dict[str, Any]:
    place = finding.place
    start, end = place.position, place.source.position(place.span.end)
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(result, place.source.path, report),
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
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
        "exitCode": report.exit_code.value,
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
