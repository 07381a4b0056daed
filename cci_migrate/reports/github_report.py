"""Annotations for GitHub Actions, one line each.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cci_migrate.engine.outcomes import Failed, Refused
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.findings import Severity
from cci_migrate.lossless.source import Position
from cci_migrate.reports.grouping import FindingGroup, groups_of
from cci_migrate.reports.report import Report, Result

#: The number of annotations of one kind that GitHub shows for a step; the log has the others.
#: https://github.com/orgs/community/discussions/26680
LIMIT = 10
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def github_report(report: Report) -> Iterator[str]:
    """A line for findings of one kind in a file, each refused file and each failed one.

    If GitHub does not show them all, the first line says so.
    """
    lines = list(_annotations(report))
    kinds = Counter(line.split(" ", 1)[0].removeprefix("::") for line in lines)
    many = [f"{count} of kind {kind}" for kind, count in kinds.items() if count > LIMIT]
    if many:
        notice = f"GitHub shows {LIMIT} annotations of each kind for a step; here are "
        yield f"::notice title=cci-migrate::{notice}{', '.join(many)}. The log has them all.\n"
    yield from lines


def _annotations(report: Report) -> Iterator[str]:
    groups = groups_of(
        report, lambda resolution: report.is_open(resolution) and not resolution.state.is_ignored
    )
    yield from map(_finding, groups)
    for result in report.results:
        outcome = result.outcome
        if isinstance(outcome, Refused):
            text = f"skipped: {outcome.explanation}"
            if not outcome.in_baseline:
                yield _command("warning", result, outcome.paths[0], "cci-migrate", text)
        elif isinstance(outcome, Failed):
            path, text, at = outcome.paths[0], outcome.explanation, _at(outcome.position)
            yield _command("error", result, path, "cci-migrate", text, at=at)
    for result, unused in report.unused:
        at = _at(unused.position)
        yield _command("notice", result, unused.path, "cci-migrate", unused.text, at=at)


def _at(position: Position | None) -> dict[str, int]:
    return {} if position is None else {"line": position.line, "col": position.column}


def _finding(group: FindingGroup) -> str:
    """An annotation of the first place, with the lines of the others."""
    finding = group.first
    place = finding.place
    start, end = place.position, place.source.position(place.span.end)
    at = {"line": start.line, "endLine": end.line}
    if start.line == end.line:
        at |= {"col": start.column, "endColumn": end.column}
    text = (group.headline, group.others(), finding.because, group.remedy)
    return _command(_LEVELS[finding.severity], group.result, group.path, finding.rule, *text, at=at)


def _command(
    level: str, result: Result, path: str, title: str, *text: str, at: dict[str, int] | None = None
) -> str:
    """A command whose message has the lines ``text``."""
    properties = {"file": result.prefix + path, **(at or {}), "title": title}
    location_and_message = ",".join(
        f"{key}={_property(str(value))}" for key, value in properties.items()
    )
    return f"::{level} {location_and_message}::{'%0A'.join(_data(line) for line in text if line)}\n"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
