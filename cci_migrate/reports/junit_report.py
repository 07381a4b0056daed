"""The report as JUnit XML, which CI services show as test results.

https://circleci.com/docs/guides/test/collect-test-data/: CircleCI shows
failed tests with their messages. Each config is a test suite, the findings of one kind in a file
are a failed test case; ignored ones are a skipped case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as XML

from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Refused
from cci_migrate.engine.suppressions import UnusedSuppression
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.findings import Severity
from cci_migrate.groups import grouped
from cci_migrate.reports.grouping import FindingGroup, groups_of, location
from cci_migrate.reports.report import Report, Result

NAME = "cci-migrate"


def junit_report(report: Report) -> Iterator[str]:
    """The findings that exist after the run as one document, with a line end."""
    suites = XML.Element("testsuites", name=NAME)
    groups = grouped((group.result, group) for group in groups_of(report, report.is_open))
    for result in report.results:
        if not isinstance(result.outcome, NotAConfig):
            suites.append(_suite(result, groups.get(result, ())))
    for counted in ("tests", "failures", "errors", "skipped"):
        suites.set(counted, str(sum(int(suite.get(counted, "0")) for suite in suites)))
    XML.indent(suites)
    yield '<?xml version="1.0" encoding="utf-8"?>\n'
    yield XML.tostring(suites, encoding="unicode") + "\n"


def _suite(result: Result, groups: Sequence[FindingGroup]) -> XML.Element:
    outcome = result.outcome
    suite = XML.Element("testsuite", name=result.display_paths)
    suite.extend(map(_finding, groups))
    if isinstance(outcome, Refused):
        tag = "skipped" if outcome.in_baseline else "failure"
        suite.append(_whole(result, "the file can be changed", tag, outcome.explanation))
    elif isinstance(outcome, Failed):
        suite.append(_whole(result, "the file can be read", "error", outcome.explanation))
    if isinstance(outcome, Examined):
        for unused in outcome.unused:
            suite.append(_unused(result, unused))
    if len(suite) == 0:
        suite.append(_case(result, outcome.paths[0], "nothing to do"))
    suite.set("tests", str(len(suite)))
    for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(counted, str(len(suite.findall(f"*/{tag}"))))
    return suite


def _case(result: Result, path: str, name: str) -> XML.Element:
    shown = result.display_path(path)
    return XML.Element("testcase", name=printable(name), classname=shown, file=shown, time="0")


def _whole(result: Result, name: str, tag: str, text: str) -> XML.Element:
    case = _case(result, result.outcome.paths[0], name)
    child = XML.SubElement(case, tag, message=printable(text))
    if tag != "skipped":
        child.set("type", NAME)
    return case


def _unused(result: Result, unused: UnusedSuppression) -> XML.Element:
    """A passing test with the text as its output, which does not fail the run."""
    case = _case(result, unused.path, f"unused ignore: {unused.text}")
    where = ""
    if unused.position is not None:
        case.set("line", str(unused.position.line))
        where = f"{unused.position.line}:{unused.position.column}: "
    XML.SubElement(case, "system-out").text = printable(where + unused.text)
    return case


def _finding(group: FindingGroup) -> XML.Element:
    """One case for findings of one kind, with the place of each in its text."""
    case = _case(group.result, group.path, f"{group.kind.rule}: {group.first.place.route}")
    case.set("line", str(group.first.place.position.line))
    if group.kind.state.is_ignored:
        reason = group.resolutions[0].reason or "ignored"
        XML.SubElement(case, "skipped", message=printable(reason))
        return case
    findings = [resolution.finding for resolution in group.resolutions]
    places = [
        f"{location(group.result, finding)}: {finding.message} ({finding.owner})"
        for finding in findings
    ]
    parts = (*places, group.kind.because, group.remedy)
    text = "\n".join(printable(part) for part in parts if part)
    if group.first.severity is Severity.NOTE:
        XML.SubElement(case, "system-out").text = text
        return case
    failure = XML.SubElement(
        case, "failure", message=printable(group.headline), type=group.first.severity.value
    )
    failure.text = text
    return case
