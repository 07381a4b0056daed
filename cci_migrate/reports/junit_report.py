"""The report as JUnit XML, as CI services show test results.

https://circleci.com/docs/guides/test/collect-test-data/: a failed test is shown with its message.
Each config is a test suite, each finding a test case that failed; what is ignored was skipped.
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
    Settled,
    Severity,
)
from cci_migrate.reports.report import Report, Result, settled_of

NAME = "cci-migrate"


def junit_report(report: Report) -> Iterator[str]:
    """The findings that are still there as one document, with a line end."""
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
    name = ", ".join(result.shown(path) for path in outcome.paths)
    suite = XML.Element("testsuite", name=name)
    for one in settled_of(outcome):
        if report.is_open(one):
            suite.append(_finding(result, one))
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
    shown = result.shown(path)
    return XML.Element("testcase", name=printable(name), classname=shown, file=shown, time="0")


def _whole(result: Result, name: str, tag: str, text: str) -> XML.Element:
    case = _case(result, result.outcome.paths[0], name)
    child = XML.SubElement(case, tag, message=printable(text))
    if tag != "skipped":
        child.set("type", NAME)
    return case


def _unused(result: Result, unused: UnusedSuppression) -> XML.Element:
    """A test that passes, with its text as output: it does not fail the run."""
    case = _case(result, unused.path, f"unused ignore: {unused.text}")
    where = ""
    if unused.position is not None:
        case.set("line", str(unused.position.line))
        where = f"{unused.position.line}:{unused.position.column}: "
    XML.SubElement(case, "system-out").text = printable(where + unused.text)
    return case


def _finding(result: Result, one: Settled) -> XML.Element:
    finding = one.finding
    place = finding.place
    case = _case(result, place.source.path, f"{finding.rule}: {place.route}")
    case.set("line", str(place.position.line))
    if one.state.is_unwanted:
        XML.SubElement(case, "skipped", message=printable(one.reason or "ignored"))
        return case
    told = f"{place.position.line}:{place.position.column}: {finding.message} ({finding.owner})"
    parts = (told, finding.because, _remedy_text(one))
    text = "\n".join(printable(part) for part in parts if part)
    if finding.severity is Severity.NOTE:
        XML.SubElement(case, "system-out").text = text
        return case
    failure = XML.SubElement(
        case, "failure", message=printable(finding.message), type=finding.severity.value
    )
    failure.text = text
    return case


def _remedy_text(one: Settled) -> str:
    finding: Finding = one.finding
    remedy: Remedy = finding.remedy
    match remedy:
        case Fix():
            return (
                f"To fix it: {remedy.summary}." if one.state is FindingState.FIXED else one.reason
            )
        case NoFix():
            return (one.reason or remedy.reason) + _advice(remedy.instead)
        case Question():
            return one.reason or remedy.text
        case _:
            assert_never(remedy)


def _advice(instead: str) -> str:
    return f"; {instead}" if instead else ""
