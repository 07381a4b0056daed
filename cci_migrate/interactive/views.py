"""What is shown of configs, findings and changes: lines with a meaning, before any terminal.

Pure. `screen` gives the lines their colours and breaks prose to the width of the terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.impact import registry_name
from cci_migrate.engine.explanation import Access, ExplainedPull
from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.findings import (
    Answer,
    Apply,
    Finding,
    FindingState,
    Fix,
    NoFix,
    Question,
    Severity,
)
from cci_migrate.interactive.interview import Item
from cci_migrate.interactive.reviews import ConfigReview, TextChange
from cci_migrate.lossless.source import BOM
from cci_migrate.lossless.unified_diff import DiffLine, hunks
from cci_migrate.redaction.redaction import Redaction


class Look(Enum):
    """What a line is."""

    PLAIN = "plain"
    HEADING = "heading"
    QUIET = "quiet"
    ADDED = "added"
    REMOVED = "removed"
    MARKED = "marked"
    WARNING = "warning"
    ERROR = "error"


class Prose(Struct, frozen=True):
    """A paragraph, to be broken at the width of the terminal."""

    text: str
    look: Look = Look.PLAIN
    indent: int = 0


class Code(Struct, frozen=True):
    """A line of a file, which the terminal breaks where it will."""

    text: str
    look: Look = Look.PLAIN


class ManualPage(Struct, frozen=True):
    """A text in Markdown."""

    text: str


Line = Prose | Code | ManualPage
BLANK = Prose("")

_SEVERITY_LOOKS = {
    Severity.ERROR: Look.ERROR,
    Severity.WARNING: Look.WARNING,
    Severity.NOTE: Look.QUIET,
}
_FEW = 5


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 config``, ``2 configs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def overview(names: Sequence[tuple[str, Outcome]], items: Sequence[Item]) -> Iterator[Line]:
    """One look at the whole, before anything is asked.

    ``names`` are the configs with what is found in each, ``items`` what is to be decided on.
    """
    yield from overview_of_configs(names)
    findings = [
        resolution
        for _, outcome in names
        if isinstance(outcome, Examined)
        for resolution in outcome.resolutions
        if resolution.state is FindingState.LEFT
    ]
    yield from _to_decide(
        items,
        [finding.finding for finding in findings if isinstance(finding.finding.remedy, NoFix)],
    )


def overview_of_configs(names: Sequence[tuple[str, Outcome]]) -> Iterator[Line]:
    """The configs, their pulls by registry, and the files that were not examined."""
    examined = [(name, outcome) for name, outcome in names if isinstance(outcome, Examined)]
    files = sum(len(outcome.paths) for _, outcome in examined)
    config_names = [name for name, _ in examined]
    few = ", ".join(config_names[:_FEW]) + (
        f" and {len(config_names) - _FEW} more" if len(config_names) > _FEW else ""
    )
    title = counted(len(examined), "config")
    if files != len(examined):
        title += f" in {counted(files, 'file')}"
    yield Prose(f"{title}: {few}" if few else title, Look.HEADING)
    yield from _registries([pull for _, outcome in examined for pull in outcome.pulls])
    for name, outcome in names:
        remark = _not_examined(outcome)
        if remark is not None:
            yield Prose(f"{name}: {remark}", Look.WARNING)


def _registries(pulls: Sequence[ExplainedPull]) -> Iterator[Line]:
    places = {
        (pull.path, pull.line, pull.source, pull.image, pull.registry): pull.access
        for pull in pulls
    }
    by_registry: dict[str | None, Counter[Access]] = {}
    for (_, _, _, _, registry), access in places.items():
        by_registry.setdefault(registry, Counter())[access] += 1
    for registry, accesses in (
        sorted(by_registry.items(), key=lambda item: (-item[1].total(), item[0] or ""))
        if by_registry
        else ()
    ):
        name = "registry unknown" if registry is None else registry_name(registry)
        total = accesses.total()
        told = f"{name}: {counted(total, 'pull')}"
        parts = [
            f"{accesses[access]} {words}"
            for access, words in (
                (Access.AUTHENTICATED, "authenticated"),
                (Access.UNAUTHENTICATED, "not authenticated"),
                (Access.INCOMPLETE, "with incomplete credentials"),
                (Access.UNKNOWN, "not judged"),
                (Access.NOT_NEEDED, "without need"),
            )
            if accesses[access]
        ]
        yield Prose(f"{told}, {', '.join(parts)}", indent=2)


def _not_examined(outcome: Outcome) -> str | None:
    match outcome:
        case Refused(reason=reason):
            return f"skipped: {reason}"
        case Failed(problem=problem):
            return problem
        case _:
            return None


def _to_decide(items: Sequence[Item], unfixable: Sequence[Finding]) -> Iterator[Line]:
    questions = sum(isinstance(item.finding.remedy, Question) for item in items)
    fixes = len(items) - questions
    parts = []
    if fixes:
        parts.append(counted(fixes, "fix", "fixes"))
    if questions:
        parts.append(counted(questions, "question"))
    if parts:
        yield Prose(f"{' and '.join(parts)} to decide on.")
    else:
        yield Prose("There is nothing to decide on.")
    serious = sum(item.severity is not Severity.NOTE for item in unfixable)
    if serious:
        words = "finding has no fix here" if serious == 1 else "findings have no fix here"
        yield Prose(f"{serious} {words}; the report at the end says why.", Look.QUIET)


def finding_view(
    item: Item,
    number: int,
    total: int,
    lines: int,
    review: ConfigReview,
    redact: Redaction,
    *,
    says_why: bool,
) -> Iterator[Line]:
    """A finding, the lines around it, and what its fix changes.

    ``lines`` is how many lines are shown around a change; ``says_why`` asks for the reason too.
    """
    finding = item.finding
    position = finding.place.position
    path = review.config.display_path(finding.place.source.path)
    yield BLANK
    heading = f"{number} of {total}  {path}:{position.line}:{position.column}  {finding.rule}"
    yield Prose(heading, Look.HEADING)
    sentence = f"{finding.message} ({finding.owner})."
    yield Prose(redact.prose(sentence), _SEVERITY_LOOKS[finding.severity])
    if says_why and finding.because:
        yield Prose(finding.because, Look.QUIET)
    if (
        finding.names is not None
        and finding.names.is_worth_showing
        and isinstance(finding.remedy, Fix)
    ):
        yield Prose(f"Names: {finding.names.provided_names}: {finding.names.text}.", Look.QUIET)
        for ignored in finding.names.ignored:
            yield Prose(f"Not followed: {ignored}.", Look.QUIET)
    remedy = finding.remedy
    match remedy:
        case Fix() as fix:
            yield Prose(redact.prose(f"The fix: {fix.summary}."))
            changes = review.preview(finding.key, Apply())
            yield from _change_view(item, changes, lines, review, redact)
        case Question(text=text, choices=choices):
            yield from excerpt(item, lines, review, redact)
            yield Prose(redact.prose(text))
            for index, choice in enumerate(choices, 1):
                told = redact.prose(f"{index}) {choice.label}. {choice.consequence}")
                yield Prose(told, indent=2)
                if isinstance(choice.remedy, Fix):
                    changes = review.preview(finding.key, Answer(choice.key))
                    yield from _diffs(changes, 0, review, redact, None)
        case NoFix():
            return


def covers_everything(item: Item, lines: int) -> bool:
    """Whether ``lines`` around a finding are the whole file already."""
    return lines >= item.finding.place.source.line_count


def _change_view(
    item: Item,
    changes: Sequence[TextChange],
    lines: int,
    review: ConfigReview,
    redact: Redaction,
) -> Iterator[Line]:
    place = item.finding.place
    if not any(_is_near(item, change, lines) for change in changes):
        yield from excerpt(item, lines, review, redact)
    line = place.position.line
    for change in changes:
        marked = line if change.source.path == place.source.path else None
        yield from _diffs([change], lines, review, redact, marked)
    if not changes:
        yield Prose("What it changes is part of a fix that you decide on elsewhere.", Look.QUIET)


def _is_near(item: Item, change: TextChange, lines: int) -> bool:
    """Whether the diff of ``change`` shows the line of the finding."""
    place = item.finding.place
    if change.source.path != place.source.path:
        return False
    line = place.position.line
    return any(row.number == line for row in diff_lines(change, lines))


def excerpt(item: Item, lines: int, review: ConfigReview, redact: Redaction) -> Iterator[Line]:
    """The lines around a finding, its own marked."""
    place = item.finding.place
    source = place.source
    at = place.position.line
    first, last = max(1, at - lines), min(source.line_count, at + lines)
    width = len(str(last))
    yield Code(f"--- {review.config.display_path(source.path)}", Look.QUIET)
    for number in range(first, last + 1):
        span = source.line_span(number)
        text = redact.line(source.text[span.start : span.end])
        yield _numbered(number, " ", text, width, is_marked=number == at)


def _diffs(
    changes: Iterable[TextChange],
    lines: int,
    review: ConfigReview,
    redact: Redaction,
    marked: int | None,
) -> Iterator[Line]:
    for change in changes:
        name = review.config.display_path(change.source.path)
        if lines:
            yield Code(f"--- {name}", Look.QUIET)
        yield from change_lines(change, lines, redact, marked)


def change_lines(
    change: TextChange, lines: int, redact: Redaction, marked: int | None = None
) -> Iterator[Line]:
    """The diff of ``change``, its lines numbered as they are in the file now."""
    width = len(str(change.source.line_count))
    shown_before = 0
    for line in diff_lines(change, lines):
        if shown_before and line.number > shown_before + 1:
            yield Code(" " * width + " ...", Look.QUIET)
        shown_before = line.number
        is_marked = line.number == marked and line.sign != "+"
        text = redact.line(line.text)
        yield _numbered(line.number, line.sign, text, width, is_marked=is_marked)


def diff_lines(change: TextChange, lines: int) -> Iterator[DiffLine]:
    """The lines of the diff, with ``lines`` around each place; no text has a line end."""
    for hunk in hunks(change.source, change.edits, lines):
        for line in hunk.lines:
            text = line.text.removesuffix("\n").removeprefix(BOM)
            yield replace(line, text=text)


def _numbered(number: int, sign: str, text: str, width: int, *, is_marked: bool) -> Code:
    visible = text.removesuffix("\r").replace("\t", "    ")
    gutter = " " * width if sign == "+" else f"{number:>{width}}"
    look = {"+": Look.ADDED, "-": Look.REMOVED}.get(sign, Look.PLAIN)
    if is_marked and sign == " ":
        look = Look.MARKED
    return Code(f"{'>' if is_marked else ' '}{gutter} {sign} {text and visible}".rstrip(), look)


def whole_change(name: str, change: TextChange, redact: Redaction) -> Iterator[Line]:
    """The diff of the file ``name`` with everything that was accepted."""
    yield BLANK
    yield Prose(name, Look.HEADING)
    yield from change_lines(change, 3, redact)


def sums(name: str, change: TextChange) -> str:
    """``name: 6 lines added, 1 removed``."""
    signs = Counter(line.sign for line in diff_lines(change, 0))
    told = f"{name}: {counted(signs['+'], 'line')} added"
    return f"{told}, {signs['-']} removed" if signs["-"] else told


def not_done(outcome: Outcome) -> str | None:
    """Why the changes to a config cannot be made, if they cannot."""
    match outcome:
        case Refused(reason=reason, instead=instead):
            return f"{reason}; {instead}" if instead else reason
        case Failed(problem=problem, instead=instead):
            return f"{problem}; {instead}" if instead else problem
        case Examined() | NotAConfig():
            return None
