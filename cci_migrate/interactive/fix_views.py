"""What is shown of a fix or question, of several that are alike, and of a whole change.

Pure. What a fix changes in many places is cut to the rows of the terminal, so that its heading
stays in sight; a user who asks for more lines gets them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.findings import Answer, Apply, Finding, Fix, NoFix, Question, Severity, summary_of
from cci_migrate.interactive.interview import FEW_LINES, AskFix, AskGroup, Item
from cci_migrate.interactive.reviews import ConfigReview, TextChange
from cci_migrate.interactive.shown_lines import BLANK, Code, Line, Look, Prose
from cci_migrate.lossless.source import BOM
from cci_migrate.lossless.unified_diff import DiffLine, Hunk, hunks
from cci_migrate.redaction.redaction import Redaction
from cci_migrate.wording import counted, shortened

_SEVERITY_LOOKS = {
    Severity.ERROR: Look.ERROR,
    Severity.WARNING: Look.WARNING,
    Severity.NOTE: Look.QUIET,
}
_FEW, _FEWEST = 5, 2
#: For what follows a view: the rest of the changes, the prompt, and the line for its help.
_ROWS_AFTER = 3
#: Of a view: what is longer is read more slowly than it is asked for.
_MOST_ROWS = 36
#: What a change needs to be understood.
_ROWS_FOR_CHANGE = 6


class _Detail(Enum):
    """How much is said above a change; less where it has no room. Keys show the rest."""

    ALL = "all"
    NAMES = "no reason why it matters"
    LITTLE = "no reason for the names either"
    LEAST = "of a group, no message of its first"


class Room(Struct, frozen=True):
    """The rows of a terminal, and how many of them a line takes."""

    rows: int
    height: Callable[[Line], int]

    def after(self, lines: Iterable[Line]) -> int:
        """How many rows a view may take below ``lines``."""
        return min(self.rows - _ROWS_AFTER, _MOST_ROWS) - sum(map(self.height, lines))


class _Block(Struct, frozen=True):
    """Neighbouring changed lines, from line ``first``."""

    first: int
    lines: tuple[Line, ...]


def fix_view(step: AskFix, review: ConfigReview, room: Room, *, says_why: bool) -> Iterator[Line]:
    """A finding, the lines around it, and what its fix changes.

    ``says_why`` asks for the reason why it matters, too.
    """
    item, redact = step.item, review.redaction
    place = item.finding.place
    path = review.config.display_path(place.source.path)
    where = f"{path}:{place.position.line}:{place.position.column}"
    heading = Prose(f"{step.number} of {step.total}  {where}  {item.finding.rule}", Look.HEADING)
    fix = item.finding.remedy
    summary = [Prose(redact.prose(f"The fix: {fix.summary}."))] if isinstance(fix, Fix) else []

    def head_with(detail: _Detail) -> list[Line]:
        reasons = _reasons(item.finding, detail, says_why=says_why)
        return [BLANK, heading, *_message(item.finding, redact), *reasons, *summary]

    head = _fitting(map(head_with, _Detail), room)
    yield from head
    yield from _remedy_view(item, step.lines, review, room, head)


def group_view(
    step: AskGroup,
    paths: Iterable[str],
    review: ConfigReview,
    room: Room,
    *,
    says_why: bool,
) -> Iterator[Line]:
    """Fixes or questions that are alike, in the files ``paths``, and the first of them."""
    redact = review.redaction
    findings = [item.finding for item in step.items]
    first = findings[0]
    last = step.number + len(findings) - 1
    files = dict.fromkeys(paths)
    where = next(iter(files)) if len(files) == 1 else counted(len(files), "file")
    heading = Prose(f"{step.number}-{last} of {step.total}  {where}  {first.rule}", Look.HEADING)
    fixes = [finding.remedy for finding in findings if isinstance(finding.remedy, Fix)]
    together = [Prose(redact.prose(f"The fix for all: {summary_of(fixes)}."))] if fixes else []

    def head_with(detail: _Detail) -> list[Line]:
        most = _FEW if detail in (_Detail.ALL, _Detail.NAMES) else _FEWEST
        subjects = redact.prose(_most_common((finding.subject for finding in findings), most))
        return [
            BLANK,
            heading,
            Prose(f"{len(findings)} {first.plural}: {subjects}.", _SEVERITY_LOOKS[first.severity]),
            *_reasons(first, detail, says_why=says_why),
            *together,
            Prose("The first of them:"),
            *(() if detail is _Detail.LEAST else _message(first, redact)),
        ]

    head = _fitting(map(head_with, _Detail), room)
    yield from head
    yield from _remedy_view(step.item, FEW_LINES, review, room, head)


def _fitting(heads: Iterable[list[Line]], room: Room) -> list[Line]:
    """The first of ``heads`` that leaves room for a change, or the last; there is one at least."""
    for head in heads:
        if room.after(head) >= _ROWS_FOR_CHANGE:
            break
    return head


def _most_common(subjects: Iterable[str], most: int) -> str:
    """``cimg/node:22.4 (7), redis:7 and 3 more``, with up to ``most`` names."""
    counts = Counter(subjects).most_common()
    names = [name if count == 1 else f"{name} ({count})" for name, count in counts]
    return shortened(names, most)


def _message(finding: Finding, redact: Redaction) -> Iterator[Line]:
    sentence = f"{finding.message} ({finding.owner})."
    yield Prose(redact.prose(sentence), _SEVERITY_LOOKS[finding.severity])


def _reasons(finding: Finding, detail: _Detail, *, says_why: bool) -> Iterator[Line]:
    """Why the finding matters, and why its fix writes its names, in so much detail."""
    if says_why and detail is _Detail.ALL and finding.because:
        yield Prose(finding.because, Look.QUIET)
    names = finding.names
    if detail not in (_Detail.ALL, _Detail.NAMES) or not isinstance(finding.remedy, Fix):
        return
    if names is not None and names.is_worth_showing:
        yield Prose(f"Names: {names.provided_names}: {names.text}.", Look.QUIET)
        for ignored in names.ignored:
            yield Prose(f"Ignored: {ignored}.", Look.QUIET)


def _remedy_view(
    item: Item, lines: int, review: ConfigReview, room: Room, head: Sequence[Line]
) -> Iterator[Line]:
    """What the fix or each answer changes, below ``head``, with ``lines`` around each change."""
    finding, redact = item.finding, review.redaction
    match finding.remedy:
        case Fix():
            changes = review.preview(finding.key, Apply())
            # Who asked for more lines gets them all.
            tries = [lines] if lines > FEW_LINES else [FEW_LINES, 1]
            blocks = (_change_blocks(item, changes, around, review) for around in tries)
            rows = None if lines > FEW_LINES else room.after(head)
            yield from _fitted(blocks, rows, room)
            if not changes:
                yield Prose("This change is part of another fix.", Look.QUIET)
        case Question(text=text, choices=choices):
            around = [*excerpt(item, lines, review), Prose(redact.prose(text))]
            answers = [
                Prose(redact.prose(f"{number}) {choice.label}. {choice.consequence}"), indent=2)
                for number, choice in enumerate(choices, 1)
            ]
            rows = room.after([*head, *around, *answers]) // max(1, len(choices))
            yield from around
            for answer, choice in zip(answers, choices, strict=True):
                yield answer
                if isinstance(choice.remedy, Fix):
                    changes = review.preview(finding.key, Answer(choice.key))
                    yield from _fitted([_blocks(changes, 0, redact)], rows, room)
        case NoFix():
            return


def _fitted(tries: Iterable[Sequence[_Block]], rows: int | None, room: Room) -> Iterator[Line]:
    """The first of ``tries`` that fits into ``rows``; the beginning of the last if none does."""
    for blocks in tries:
        heights = [sum(map(room.height, block.lines)) for block in blocks]
        if rows is None or sum(heights) <= rows:
            for block in blocks:
                yield from block.lines
            return
    shown = 1
    while shown < len(blocks) and rows is not None and sum(heights[: shown + 1]) <= rows:
        shown += 1
    for block in blocks[:shown]:
        yield from block.lines
    rest = [str(block.first) for block in blocks[shown:]]
    if rest:
        at = ", ".join(rest[:_FEW]) + (", ..." if len(rest) > _FEW else "")
        lines = "line" if len(rest) == 1 else "lines"
        yield Prose(f"... and {counted(len(rest), 'more hunk')} at {lines} {at}", Look.QUIET)


def covers_everything(item: Item, lines: int) -> bool:
    """Whether ``lines`` around a finding are the whole file already."""
    return lines >= item.finding.place.source.line_count


def _change_blocks(
    item: Item, changes: Sequence[TextChange], lines: int, review: ConfigReview
) -> list[_Block]:
    """The changes of a fix; before them the lines of its finding, if no change is near."""
    place = item.finding.place
    blocks = []
    if not any(_is_near(item, change, lines) for change in changes):
        around = tuple(excerpt(item, lines, review))
        blocks.append(_Block(place.position.line, around))
    for change in changes:
        is_own = change.source.path == place.source.path
        name = review.config.display_path(change.source.path)
        marked = place.position.line if is_own else None
        title = Code(f"--- {name}", Look.QUIET)
        for number, block in enumerate(_blocks([change], lines, review.redaction, marked)):
            blocks.append(block if number else replace(block, lines=(title, *block.lines)))
    return blocks


def _blocks(
    changes: Iterable[TextChange], lines: int, redact: Redaction, marked: int | None = None
) -> list[_Block]:
    blocks = []
    for change in changes:
        shown_before = 0
        for hunk in hunks(change.source, change.edits, lines):
            first = next(line.number for line in hunk.lines if line.sign != " ")
            shown = tuple(_hunk_lines(change, hunk, redact, marked, shown_before))
            blocks.append(_Block(first, shown))
            shown_before = hunk.lines[-1].number
    return blocks


def _is_near(item: Item, change: TextChange, lines: int) -> bool:
    """Whether the diff of ``change`` shows the line of the finding."""
    place = item.finding.place
    if change.source.path != place.source.path:
        return False
    line = place.position.line
    return any(row.number == line for row in diff_lines(change, lines))


def excerpt(item: Item, lines: int, review: ConfigReview) -> Iterator[Line]:
    """The lines around a finding, its own marked."""
    place = item.finding.place
    source = place.source
    at = place.position.line
    first, last = max(1, at - lines), min(source.line_count, at + lines)
    width = len(str(last))
    yield Code(f"--- {review.config.display_path(source.path)}", Look.QUIET)
    for number in range(first, last + 1):
        span = source.line_span(number)
        text = review.redaction.line(source.text[span.start : span.end])
        yield _numbered(number, " ", text, width, is_marked=number == at)


def whole_change(name: str, change: TextChange, redact: Redaction) -> Iterator[Line]:
    """The diff of the file ``name`` with everything that was accepted."""
    yield BLANK
    yield Prose(name, Look.HEADING)
    for block in _blocks([change], FEW_LINES, redact):
        yield from block.lines


def _hunk_lines(
    change: TextChange, hunk: Hunk, redact: Redaction, marked: int | None, shown_before: int
) -> Iterator[Line]:
    """The lines of ``hunk``, numbered as they are in the file now, after line ``shown_before``."""
    width = len(str(change.source.line_count))
    for line in _diff_lines(hunk):
        if shown_before and line.number > shown_before + 1:
            yield Code(" " * width + " ...", Look.QUIET)
        shown_before = line.number
        is_marked = line.number == marked and line.sign != "+"
        text = redact.line(line.text)
        yield _numbered(line.number, line.sign, text, width, is_marked=is_marked)


def diff_lines(change: TextChange, lines: int) -> Iterator[DiffLine]:
    """The lines of the diff, with ``lines`` around each place; no text has a line end."""
    for hunk in hunks(change.source, change.edits, lines):
        yield from _diff_lines(hunk)


def _diff_lines(hunk: Hunk) -> Iterator[DiffLine]:
    for line in hunk.lines:
        yield replace(line, text=line.text.removesuffix("\n").removeprefix(BOM))


def _numbered(number: int, sign: str, text: str, width: int, *, is_marked: bool) -> Code:
    visible = text.removesuffix("\r").replace("\t", "    ")
    gutter = " " * width if sign == "+" else f"{number:>{width}}"
    look = {"+": Look.ADDED, "-": Look.REMOVED}.get(sign, Look.PLAIN)
    if is_marked and sign == " ":
        look = Look.MARKED
    return Code(f"{'>' if is_marked else ' '}{gutter} {sign} {text and visible}".rstrip(), look)
