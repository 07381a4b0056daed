"""The report for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from textwrap import fill

import click
from typing_extensions import assert_never

from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.findings import FindingState, Fix, NoFix, Question, Remedy, Resolution, Severity
from cci_migrate.reports.report import Counts, Mode, Report, Result, resolutions_of

_MARGIN = "        "
WIDEST = 100
_NARROWEST = 20

#: The largest number of files that are named, not counted.
_FEW = 3

_SEVERITY_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_STATE_COLOURS = {
    FindingState.FIXED: "green",
    FindingState.LEFT: "yellow",
    FindingState.SUPPRESSED: "bright_black",
    FindingState.BASELINE: "bright_black",
}

#: The word for a finding that is fixed or would be.
_FIXED_WORDS = {Mode.WRITE: "fixed", Mode.CHECK: "to fix", Mode.DRY_RUN: "to fix"}


def text_report(
    report: Report, *, verbosity: int, in_colour: bool, width: int = WIDEST
) -> Iterator[str]:
    """The paragraphs of the report, each with its line ends; prose is wrapped at ``width``.

    ``verbosity`` -1: only the problems that exist after the run. 1: also clean files, ignored
    findings, and the answers to questions. Failed files are not included: `failure_line` is for
    standard error.
    """
    paint = _Paint(in_colour, min(max(width, _NARROWEST), WIDEST))
    for result in report.results:
        lines = list(_result_lines(result, report, verbosity, paint))
        if lines:
            yield "\n".join(lines) + "\n\n"
    if verbosity >= 0:
        yield from _reasons(report, paint)
        yield from _todo(report, paint)
        yield from _notes(report, verbosity, paint)
        yield from _unused(report, paint)
        yield _closing(report, paint) + "\n"


def failure_line(result: Result) -> str | None:
    """The line for a failed file: place, problem, what to do. None for any other file."""
    if not isinstance(result.outcome, Failed):
        return None
    failed = result.outcome
    place = ", ".join(result.display_path(path) for path in failed.paths)
    if failed.position is not None:
        place += f":{failed.position.line}:{failed.position.column}"
    return printable(f"{place}: {_with_advice(failed.problem, failed.instead)}")


def coloured_diff(diff: str) -> str:
    """``diff`` for a terminal: coloured, with control characters escaped."""
    lines = diff.split("\n")
    return "\n".join(_coloured_line(line) for line in lines)


def _coloured_line(line: str) -> str:
    shown = printable(line.replace("\t", "    ").removesuffix("\r"))
    if line.startswith(("+++", "---", "diff ")):
        return click.style(shown, bold=True)
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return click.style(shown, fg=colour) if colour else shown


class _Paint:
    """Adds colours to text if ``in_colour``, and wraps prose at ``width``."""

    def __init__(self, in_colour: bool, width: int) -> None:
        self._in_colour = in_colour
        self._width = width

    def __call__(self, text: str, colour: str | None = None, *, bold: bool = False) -> str:
        return click.style(text, fg=colour, bold=bold) if self._in_colour else text

    def item(self, text: str) -> str:
        """``text`` as an item of a list."""
        return fill(
            text,
            self._width,
            initial_indent="  - ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _with_advice(problem: str, instead: str) -> str:
    return f"{problem}; {instead}" if instead else problem


def _result_lines(result: Result, report: Report, verbosity: int, paint: _Paint) -> Iterator[str]:
    outcome = result.outcome
    by_path: dict[str, list[Resolution]] = {path: [] for path in outcome.paths}
    for resolution in resolutions_of(outcome):
        if _is_listed(resolution, report.mode, verbosity):
            by_path.setdefault(resolution.finding.place.source.path, []).append(resolution)
    remark = _remark(outcome, verbosity)
    if remark is not None:
        shown = ", ".join(result.display_path(path) for path in outcome.paths)
        yield paint(shown, bold=True)
        yield f"  {printable(remark)}"
    for path, resolutions in by_path.items():
        if resolutions and (remark is None or len(by_path) > 1):
            yield paint(result.display_path(path), bold=True)
        for resolution in resolutions:
            yield from _finding_lines(resolution, report.mode, verbosity, paint)


def _is_listed(resolution: Resolution, mode: Mode, verbosity: int) -> bool:
    if resolution.state.is_ignored:
        return verbosity > 0
    is_open = resolution.state is FindingState.LEFT or mode is not Mode.WRITE
    return verbosity >= 0 or (is_open and resolution.finding.severity is not Severity.NOTE)


def _remark(outcome: Outcome, verbosity: int) -> str | None:
    """The remark on a file as a whole; None if there is none."""
    match outcome:
        case Refused(in_baseline=True):
            return f"in the baseline: {outcome.reason}" if verbosity > 0 else None
        case Refused():
            return f"skipped: {_with_advice(outcome.reason, outcome.instead)}"
        case NotAConfig():
            return f"not a CircleCI config: {outcome.kind}" if verbosity > 0 else None
        case Examined():
            return "nothing to do" if verbosity > 0 and not outcome.resolutions else None
        case Failed():
            return None
        case _:
            assert_never(outcome)


def _finding_lines(
    resolution: Resolution, mode: Mode, verbosity: int, paint: _Paint
) -> Iterator[str]:
    finding = resolution.finding
    position = finding.place.position
    severity = paint(finding.severity.value, _SEVERITY_COLOURS[finding.severity])
    yield (
        f"  {position.line}:{position.column}  {severity}  {finding.rule}: "
        f"{printable(finding.message)} ({printable(finding.owner)})"
    )
    word = (
        _FIXED_WORDS[mode]
        if resolution.state is FindingState.FIXED
        else _STATE_WORDS[resolution.state]
    )
    result_text = printable(_result_text(resolution))
    coloured = paint(word, _STATE_COLOURS[resolution.state])
    yield f"{_MARGIN}{coloured}: {result_text}" if result_text else f"{_MARGIN}{coloured}"
    if verbosity > 0 and finding.names is not None and isinstance(finding.remedy, Fix):
        yield printable(f"{_MARGIN}names: {finding.names.provided_names}: {finding.names.text}")
        for ignored in finding.names.ignored:
            yield printable(f"{_MARGIN}ignored: {ignored}")
    if (
        verbosity > 0
        and isinstance(finding.remedy, Question)
        and resolution.state is FindingState.LEFT
    ):
        for choice in finding.remedy.choices:
            yield printable(f"{_MARGIN}  {choice.key}: {choice.label} - {choice.consequence}")


_STATE_WORDS = {
    FindingState.LEFT: "left",
    FindingState.SUPPRESSED: "ignored",
    FindingState.BASELINE: "left for now",
}


def _result_text(resolution: Resolution) -> str:
    remedy: Remedy = resolution.finding.remedy
    if resolution.state.is_ignored:
        return resolution.reason
    match remedy:
        case Fix():
            return remedy.summary if resolution.state is FindingState.FIXED else resolution.reason
        case NoFix():
            return _with_advice(resolution.reason or remedy.reason, remedy.instead)
        case Question():
            if resolution.state is FindingState.FIXED:
                return "as you answered"
            return resolution.reason or remedy.text
        case _:
            assert_never(remedy)


def _reasons(report: Report, paint: _Paint) -> Iterator[str]:
    """Each distinct reason once, with the rules that it is given for."""
    rules: dict[str, dict[str, None]] = defaultdict(dict)
    for result in report.results:
        for resolution in resolutions_of(result.outcome):
            if not resolution.state.is_ignored and resolution.finding.because:
                rules[resolution.finding.because][resolution.finding.rule] = None
    yield from _section(
        "Why it matters",
        [f"{', '.join(names)}: {because}" for because, names in rules.items()],
        paint,
    )


def _todo(report: Report, paint: _Paint) -> Iterator[str]:
    heading = (
        "Left for you to do outside the files"
        if report.mode is Mode.WRITE
        else "You will have to do this outside the files"
    )
    files: dict[str, list[str]] = defaultdict(list)
    configs = 0
    for result in report.results:
        if isinstance(result.outcome, Examined) and result.outcome.todos:
            configs += 1
            for todo in result.outcome.todos:
                files[todo.text].append(result.display_path(result.outcome.paths[0]))
    # A to-do for every config needs no file names.
    items = [
        todo if len(names) == configs else f"{todo} (For {_few(names)}.)"
        for todo, names in files.items()
    ]
    yield from _section(heading, items, paint)


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _FEW else f"{len(names)} configs"


def _notes(report: Report, verbosity: int, paint: _Paint) -> Iterator[str]:
    files: dict[str, list[str]] = defaultdict(list)
    for result in report.results:
        if isinstance(result.outcome, Examined):
            for note in result.outcome.notes:
                files[note].append(result.display_path(result.outcome.paths[0]))
    items = [
        f"{', '.join(names) if len(names) == 1 or verbosity > 0 else f'{len(names)} files'}: {note}"
        for note, names in files.items()
    ]
    yield from _section("Notes", items, paint)


def _unused(report: Report, paint: _Paint) -> Iterator[str]:
    items = []
    for result, suppression in report.unused:
        place = result.display_path(suppression.path)
        if suppression.position is not None:
            place += f":{suppression.position.line}:{suppression.position.column}"
        items.append(f"{place}: {suppression.text}")
    yield from _section("Unused ignores", items, paint)


def closing_line(report: Report) -> str:
    """The last line of the report, with the totals, without its line end."""
    return _closing(report, _Paint(in_colour=False, width=WIDEST))


def _section(heading: str, items: list[str], paint: _Paint) -> Iterator[str]:
    if items:
        lines = [paint(heading, bold=True), *(paint.item(printable(item)) for item in items)]
        yield "\n".join(lines) + "\n\n"


def _closing(report: Report, paint: _Paint) -> str:
    counts = report.counts
    images = f", {_number(counts.images, 'image')}{_with_credentials(counts, report.mode)}"
    is_read = any(isinstance(result.outcome, Examined) for result in report.results)
    parts = [_number(counts.configs, "config") + (images if is_read or not counts.configs else "")]
    if counts.findings:
        summands: list[tuple[int, str, Callable[[str], str]]] = [
            (counts.fixed, _FIXED_WORDS[report.mode], lambda text: paint(text, "green")),
            (counts.left, "left", lambda text: paint(text, "yellow")),
            (counts.noted, "to know of", str),
            (counts.suppressed, "ignored", str),
            (counts.baseline, "in the baseline", str),
        ]
        sums = ", ".join(colour(f"{count} {word}") for count, word, colour in summands if count)
        parts.append(f"{_number(counts.findings, 'finding')}: {sums}")
    elif not counts.failed and not counts.refused:
        parts.append("Nothing to do")
    if counts.refused:
        parts.append(f"{_number(counts.refused, 'file')} skipped")
    if counts.refused_in_baseline:
        parts.append(f"{_number(counts.refused_in_baseline, 'file')} in the baseline")
    if counts.failed:
        parts.append(paint(f"{_number(counts.failed, 'file')} failed", "red"))
    return ". ".join(parts) + "."


def _with_credentials(counts: Counts, mode: Mode) -> str:
    if not counts.images:
        return ""
    which = "all" if counts.authenticated == counts.images else str(counts.authenticated)
    is_planned = mode is not Mode.WRITE and counts.fixed
    text = f", {which} with credentials" + (" once fixed" if is_planned else "")
    if counts.unprovided:
        which = "" if counts.unprovided == counts.images else f" of {counts.unprovided}"
        text += f" if the project holds the variables{which}"
    return text


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
