"""The report for people: what is wrong, most important first, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.findings import Effect, FindingState, Fix, Question, Resolution, Severity
from cci_migrate.groups import grouped
from cci_migrate.project import rule_page_address
from cci_migrate.redaction.excerpts import Excerpt, excerpt_of
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.reports.closing_lines import closing_lines, todo_lines
from cci_migrate.reports.grouping import (
    FindingGroup,
    groups_of,
    headline,
    location,
    remedy_of,
)
from cci_migrate.reports.report import Mode, Report, Result
from cci_migrate.reports.terminal_page import Page
from cci_migrate.wording import counted

#: The largest number of files, and of lines of a file, that are listed without --verbose.
_FEW_FILES = 3
_FEW_LINES = 12

SEVERITY_WORDS = {
    Effect.LIMITED: "error",
    Effect.CREDENTIALS: "error",
    Effect.WARNING: "warning",
    Effect.PRECAUTION: "precaution",
    Effect.NOTE: "note",
}
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


class Detail(Struct, frozen=True):
    """How much a report shows.

    ``verbosity`` -1: errors and the last lines. 1: also each place of a group, clean files, ignored
    findings, and the answers to questions. ``has_source``: lines of source.
    """

    verbosity: int = 0
    has_source: bool = True

    @property
    def is_quiet(self) -> bool:
        """Whether only errors are shown."""
        return self.verbosity < 0

    @property
    def is_verbose(self) -> bool:
        """Whether everything is shown."""
        return self.verbosity > 0

    def lists(self, resolution: Resolution, mode: Mode) -> bool:
        """Whether the report lists a finding: after a change, only what is left.

        Beside a diff, notes are left out: a summary has to be short.
        """
        if resolution.state.is_ignored:
            return self.is_verbose
        if mode is not Mode.CHECK and resolution.state is FindingState.FIXED:
            return False
        severity = resolution.finding.severity
        if mode is Mode.DRY_RUN and severity is Severity.NOTE:
            return self.is_verbose
        return not self.is_quiet or severity is Severity.ERROR


def text_report(report: Report, detail: Detail, page: Page) -> Iterator[str]:
    """The paragraphs of the report, each with its line ends.

    Failed files are not included: `failure_lines` are for standard error.
    """
    if report.mode is not Mode.CHECK and not detail.is_quiet:
        yield from _changes(report, detail, page)
    yield from _findings(report, detail, page)
    if not detail.is_quiet:
        yield from _remarks(report, detail, page)
        if report.mode is not Mode.DRY_RUN or detail.is_verbose:
            notes = report.by_text(lambda outcome: outcome.notes)
            yield from page.items("Notes", _notes(notes, detail))
        compiled = report.by_text(lambda outcome: outcome.compiler_notes)
        yield from page.items("CircleCI's compiler", _notes(compiled, detail))
        yield from page.items("Unused ignores", _unused(report))
    yield closing_lines(report, page)
    if not detail.is_quiet:
        yield from ("\n" + part.removesuffix("\n") for part in todo_lines(report, page))


def failure_lines(result: Result) -> list[str]:
    """The lines for a failed file: place, problem, what to do; the line that is wrong."""
    if not isinstance(result.outcome, Failed):
        return []
    failed = result.outcome
    *others, last = failed.paths
    paths = [*map(result.display_path, others), result.display_place(last, failed.position)]
    source = [] if failed.excerpt is None else list(Page().source(failed.excerpt))
    return [f"{', '.join(paths)}: {failed.explanation}", *source]


def _changes(report: Report, detail: Detail, page: Page) -> Iterator[str]:
    """What is changed, by file."""
    fixed = groups_of(report, lambda resolution: resolution.state is FindingState.FIXED)
    by_file = grouped((group.result.display_path(group.path), group) for group in fixed)
    word = "Fixed" if report.mode is Mode.WRITE else "To fix"
    shown = list(by_file) if detail.is_verbose else list(by_file)[:_FEW_FILES]
    for path in shown:
        lines = [page.styled(f"{word} in {path}", "green", bold=True)]
        for group in by_file[path]:
            what = group.remedy.removeprefix("fix: ")
            lines.append(page.prose(f"{group.kind.rule}: {what}", "  ", "    "))
        yield "\n".join(lines) + "\n\n"
    if len(shown) < len(by_file):
        yield f"{word} in {counted(len(by_file) - len(shown), 'more file')}; -v lists them\n\n"


def _findings(report: Report, detail: Detail, page: Page) -> Iterator[str]:
    groups = groups_of(report, lambda resolution: detail.lists(resolution, report.mode))
    explained: set[str] = set()
    for kind, alike in grouped((group.kind, group) for group in groups).items():
        because = "" if kind.because in explained or kind.state.is_ignored else kind.because
        explained.add(kind.because)
        lines = [*_heading(alike, page), *_places(alike, detail, page)]
        if because:
            lines.append(page.prose(f"why: {because}", "  ", "    "))
        remedy = remedy_of(tuple(chain.from_iterable(group.resolutions for group in alike)))
        lines.append(page.prose(remedy, "  ", "    "))
        yield "\n".join(lines) + "\n\n"


def _heading(alike: list[FindingGroup], page: Page) -> Iterator[str]:
    kind = alike[0].kind
    word = SEVERITY_WORDS[kind.effect]
    fixable = " (fixable)" if kind.state is FindingState.FIXED else ""
    plain = f"{word}[{kind.rule}]:"
    text = page.prose(f"{plain} {headline(tuple(alike))}{fixable}", "", "  ")
    rule = page.linked(kind.rule, rule_page_address(kind.rule))
    colour = _COLOURS[kind.effect.severity]
    styled = (
        page.styled(f"{word}[", colour, bold=True) + rule + page.styled("]:", colour, bold=True)
    )
    yield styled + text[len(plain) :]


def _places(alike: list[FindingGroup], detail: Detail, page: Page) -> Iterator[str]:
    first, *others = alike
    yield f"  --> {first.location}"
    excerpt = _excerpt(first) if detail.has_source else None
    if excerpt is not None:
        yield from page.source(excerpt, first.first.owner)
    if detail.is_verbose:
        yield from _each_place(alike, page)
        return
    if more := first.others(_FEW_LINES):
        yield page.prose(more, "  ", "    ")
    for group in others[:_FEW_FILES]:
        count = len(group.resolutions) - 1
        yield f"  --> {group.location}" + (f" and {count} more" if count else "")
    if len(others) > _FEW_FILES:
        yield f"  and {counted(len(others) - _FEW_FILES, 'more file')}; -v lists them"


def _each_place(alike: list[FindingGroup], page: Page) -> Iterator[str]:
    """Each finding with its place, the names that a fix writes, and the answers to choose from."""
    is_alone = len(alike) == len(alike[0].resolutions) == 1
    explained: set[str] = set()
    for group in alike:
        for resolution in group.resolutions:
            finding = resolution.finding
            if not is_alone:
                where = location(group.result, finding)
                yield page.prose(f"{where}: {finding.message} ({finding.owner})", "  ", "    ")
            for text in _details(resolution):
                if text not in explained:
                    yield page.prose(text, "    ", "      ")
                explained.add(text)


def _details(resolution: Resolution) -> Iterator[str]:
    finding = resolution.finding
    if finding.names is not None and isinstance(finding.remedy, Fix):
        yield f"names: {finding.names.provided_names}: {finding.names.text}"
        yield from (f"ignored: {ignored}" for ignored in finding.names.ignored)
    if isinstance(finding.remedy, Question) and resolution.state is FindingState.LEFT:
        for choice in finding.remedy.choices:
            yield f"{choice.key}: {choice.label} - {choice.consequence}"


def _excerpt(group: FindingGroup) -> Excerpt | None:
    outcome = group.result.outcome
    redaction = outcome.redaction if isinstance(outcome, Examined | Refused) else Redaction()
    place = group.first.place
    return excerpt_of(place.source, place.span, redaction)


def _remarks(report: Report, detail: Detail, page: Page) -> Iterator[str]:
    """A sentence for each file that is not examined."""
    lines = [
        page.prose(f"{result.display_paths}: {remark}", "", "  ")
        for result in report.results
        if (remark := _remark(result.outcome, detail)) is not None
    ]
    if lines:
        yield "\n".join(lines) + "\n\n"


def _remark(outcome: Outcome, detail: Detail) -> str | None:
    """The remark on a file as a whole; None if there is none."""
    match outcome:
        case Refused(in_baseline=True):
            return f"in the baseline: {outcome.reason}" if detail.is_verbose else None
        case Refused():
            return f"skipped: {outcome.explanation}"
        case NotAConfig():
            return f"not a CircleCI config: {outcome.kind}" if detail.is_verbose else None
        case Examined():
            return "nothing to do" if detail.is_verbose and not outcome.resolutions else None
        case Failed():
            return None
        case _:
            assert_never(outcome)


def _notes(files: Mapping[str, list[str]], detail: Detail) -> list[str]:
    items = []
    for note, names in files.items():
        is_named = len(names) == 1 or detail.is_verbose
        items.append(f"{', '.join(names) if is_named else f'{len(names)} files'}: {note}")
    return items


def _unused(report: Report) -> list[str]:
    return [
        f"{result.display_place(unused.path, unused.position)}: {unused.text}"
        for result, unused in report.unused
    ]
