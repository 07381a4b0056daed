"""How many findings there are: by effect on the platform, by rule and by registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cci_migrate.assessing.impact import registry_name
from cci_migrate.findings import FindingState
from cci_migrate.reports.closing_lines import by_effect, closing_lines
from cci_migrate.reports.report import Report
from cci_migrate.reports.terminal_page import Page
from cci_migrate.reports.text_report import Detail
from cci_migrate.rules.catalogue import RULES


def statistics_report(report: Report, detail: Detail, page: Page) -> Iterator[str]:
    """A table for each count of what ``detail`` lists in ``report``, and its last lines.

    ``page`` wraps and colours them.
    """
    resolutions = [
        resolution
        for _, resolution in report.open_findings()
        if detail.lists(resolution, report.mode)
    ]
    findings = [resolution.finding for resolution in resolutions]
    fixable = Counter(
        resolution.finding.rule
        for resolution in resolutions
        if resolution.state is FindingState.FIXED
    )
    summaries = {rule.id: rule.summary for rule in RULES}
    rules = Counter(finding.rule for finding in findings)
    yield from _table("By effect", by_effect(findings), page)
    yield from _table(
        "By rule",
        [
            (count, f"{rule} ({fixable[rule]} fixable): {summaries[rule]}")
            for rule, count in rules.most_common()
        ],
        page,
    )
    registries = Counter(finding.registry for finding in findings)
    yield from _table(
        "By registry",
        [
            (count, "no registry, or an unknown one" if host is None else registry_name(host))
            for host, count in registries.most_common()
        ],
        page,
    )
    yield closing_lines(report, page)


def _table(heading: str, rows: list[tuple[int, str]], page: Page) -> Iterator[str]:
    if rows:
        width = max(len(str(count)) for count, _ in rows)
        lines = [page.prose(text, f"  {count:>{width}}  ") for count, text in rows]
        yield "\n".join([page.styled(heading, bold=True), *lines]) + "\n\n"
