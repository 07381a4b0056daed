"""The report as JUnit XML, which CI services show as test results.

https://circleci.com/docs/guides/test/collect-test-data/: CircleCI shows
failed tests with their messages. Each config is a test suite, each finding a failed test case; an
ignored finding is a skipped one.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as XML

from typing_extensions import assert_never

from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Refused
from cci_migrate.engine.suppressions import UnusedSuppression
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.findings import (
    Finding,
    FindingState,
    Fix,
    NoFix,
    Question,
    Remedy,
    Resolution,
    Severity,
)
from cci_migrate.reports.report import Report, Result, resolutions_of

NAME = "cci-migrate"


def junit_report(report: Report) -> Iterator[str]:
    """The findings that exist after the run as one document, with a line end."""
    suites = XML.Element("testsuites", name=NAME)
    for result in report.results:
        if not isinstance(result.outcome, NotAConfig):
            suites.append(_suite(result, report))
    for counted in ("tests", "failures", "errors", "skipped"):
        suites.set(counted, str(sum(int(suite.get(counted, "0")) for suite in suites)))
    XML.indent(suites)
    yield '<?xml version="1.0" encoding="utf-8"?>\n'
    yield XML.tostring(suites, encoding="unicode") + "\n"


def _suite(result: Result, report: Report) -> XML.Element:
    outcome = result.outcome
    name = ", ".join(result.display_path(path) for path in outcome.paths)
    suite = XML.Element("testsuite", name=name)
    for resolution in resolutions_of(outcome):
        if report.is_open(resolution):
            suite.append(_finding(result, resolution))
    if isinstance(outcome, Refused):
        text = outcome.reason + _advice(outcome.instead)
        tag = "skipped" if outcome.in_baseline else "failure"
        suite.append(_whole(result, "the file can be changed", tag, text))
    elif isinstance(outcome, Failed):
        text = outcome.problem + _advice(outcome.instead)
        suite.append(_whole(result, "the file can be read", "error", text))
    if isinstance(outcome, Examined):
        for unused in outcome.unused:
            suite.append(_unused(result, unused))
    if len(suite) == 0:
        suite.append(_case(result, outcome.paths[0], "every pull is as it should be"))
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


def _finding(result: Result, resolution: Resolution) -> XML.Element:
    finding = resolution.finding
    place = finding.place
    case = _case(result, place.source.path, f"{finding.rule}: {place.route}")
    case.set("line", str(place.position.line))
    if resolution.state.is_ignored:
        XML.SubElement(case, "skipped", message=printable(resolution.reason or "ignored"))
        return case
    location_and_message = (
        f"{place.position.line}:{place.position.column}: {finding.message} ({finding.owner})"
    )
    parts = (location_and_message, finding.because, _remedy_text(resolution))
    text = "\n".join(printable(part) for part in parts if part)
    if finding.severity is Severity.NOTE:
        XML.SubElement(case, "system-out").text = text
        return case
    failure = XML.SubElement(
        case, "failure", message=printable(finding.message), type=finding.severity.value
    )
    failure.text = text
    return case


def _remedy_text(resolution: Resolution) -> str:
    finding: Finding = resolution.finding
    remedy: Remedy = finding.remedy
    match remedy:
        case Fix():
            return (
                f"To fix it: {remedy.summary}."
                if resolution.state is FindingState.FIXED
                else resolution.reason
            )
        case NoFix():
            return (resolution.reason or remedy.reason) + _advice(remedy.instead)
        case Question():
            return resolution.reason or remedy.text
        case _:
            assert_never(remedy)


def _advice(instead: str) -> str:
    return f"; {instead}" if instead else ""
