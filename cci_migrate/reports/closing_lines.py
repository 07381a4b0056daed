"""The last lines of a report for people: the totals of a run, and what is left to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from cci_migrate.engine.outcomes import Examined
from cci_migrate.findings import Effect, Finding, FindingState, Severity
from cci_migrate.reports.report import Counts, Mode, Report
from cci_migrate.reports.terminal_page import Page
from cci_migrate.wording import counted, tally

#: What so many findings of an effect are, after their number.
_EFFECT_TEXTS = {
    Effect.LIMITED: "limited today",
    Effect.CREDENTIALS: "with wrong or exposed credentials",
    Effect.WARNING: "to check",
    Effect.PRECAUTION: "precautionary on CircleCI Cloud",
    Effect.NOTE: "to note",
}

#: The largest number of configs that a thing to do names.
_FEW = 3


def closing_lines(report: Report, page: Page) -> str:
    """The totals, with a line end."""
    return page.prose(closing_text(report)) + "\n"


def closing_text(report: Report) -> str:
    """The totals: "Found 65 problems in 3 files: 1 limited today, 64 precautionary …"."""
    counts = report.counts
    problems = _problems(report)
    if not problems and not counts.refused and not counts.failed:
        problems = [f"Nothing to do in {counted(counts.configs, 'config')}"]
    return ". ".join([*problems, *_images(counts, report.mode), *_others(counts)]) + "."


def todo_lines(report: Report, page: Page) -> Iterator[str]:
    """What is left to do outside the files, and for which of them."""
    configs = sum(
        isinstance(result.outcome, Examined) and bool(result.outcome.todos)
        for result in report.results
    )
    # A to-do for every config needs no file names.
    items = [
        todo if len(names) == configs else f"{todo} (For {_few(names)}.)"
        for todo, names in report.todos.items()
    ]
    yield from page.items("To do outside the files", items)


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _FEW else f"{len(names)} configs"


def _problems(report: Report) -> list[str]:
    problems: list[Finding] = []
    files: set[str] = set()
    fixed = 0
    for result, resolution in report.open_findings():
        finding = resolution.finding
        if not resolution.state.is_ignored and finding.severity is not Severity.NOTE:
            problems.append(finding)
            files.add(result.display_path(finding.place.source.path))
            fixed += resolution.state is FindingState.FIXED
    counts = report.counts
    sentences = []
    if report.mode is Mode.WRITE and counts.fixed:
        sentences.append(f"Fixed {counted(counts.fixed, 'problem')} in {_files(counts.changed)}")
        if problems:
            sentences.append(f"{len(problems)} left: {tally(by_effect(problems))}")
    elif problems:
        where = f"{counted(len(problems), 'problem')} in {_files(len(files))}"
        sentences.append(f"Found {where}: {tally(by_effect(problems))}")
        sentences.append(f"{fixed or 'None'} fixable with cci-migrate")
    return sentences


def _files(count: int) -> str:
    return counted(count, "file")


def by_effect(findings: Iterable[Finding]) -> list[tuple[int, str]]:
    """How many of ``findings`` there are of each effect, and what these are."""
    counts = Counter(finding.effect for finding in findings)
    return [(counts[effect], text) for effect, text in _EFFECT_TEXTS.items() if counts[effect]]


def _images(counts: Counts, mode: Mode) -> list[str]:
    if not counts.images:
        return []
    which = "all" if counts.authenticated == counts.images else str(counts.authenticated)
    is_planned = mode is not Mode.WRITE and counts.fixed
    text = f"{counted(counts.images, 'image')}, {which} with credentials"
    text += " once fixed" if is_planned else ""
    if counts.unprovided:
        which = "" if counts.unprovided == counts.images else f" of {counts.unprovided}"
        text += f" if the project holds the variables{which}"
    return [text]


def _others(counts: Counts) -> list[str]:
    kinds = [
        counted(counts.noted, "note") if counts.noted else "",
        tally([(counts.suppressed, "ignored"), (counts.baseline, "in the baseline")]),
    ]
    others, in_baseline = ", ".join(filter(None, kinds)), counts.refused_in_baseline
    sentences = (
        (others, f"Also {others}"),
        (counts.refused, f"{_files(counts.refused)} skipped"),
        (in_baseline, f"{_files(in_baseline)} skipped, as in the baseline"),
        (counts.failed, f"{_files(counts.failed)} failed"),
    )
    return [sentence for applies, sentence in sentences if applies]
