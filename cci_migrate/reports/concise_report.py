"""The report for editors and grep: a line for each finding."""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.engine.outcomes import Refused
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.findings import FindingState
from cci_migrate.reports.closing_lines import closing_text
from cci_migrate.reports.grouping import location
from cci_migrate.reports.report import Report, resolutions_of
from cci_migrate.reports.text_report import SEVERITY_WORDS, Detail


def concise_report(report: Report, detail: Detail) -> Iterator[str]:
    """``path:line:column: severity[rule] message`` for each finding, in the order of the files."""
    for result in report.results:
        for resolution in resolutions_of(result.outcome):
            if detail.lists(resolution, report.mode):
                finding = resolution.finding
                fixable = " (fixable)" if resolution.state is FindingState.FIXED else ""
                word = SEVERITY_WORDS[finding.effect]
                message = f"{word}[{finding.rule}] {finding.message} ({finding.owner}){fixable}"
                yield f"{location(result, finding)}: {printable(message)}\n"
        outcome = result.outcome
        if isinstance(outcome, Refused) and not outcome.in_baseline and not detail.is_quiet:
            remark = f"skipped: {outcome.explanation}"
            yield f"{result.display_path(outcome.paths[0])}: {printable(remark)}\n"
    yield closing_text(report) + "\n"
