r"""What edits change, line by line: as hunks, and as a diff that ``git apply`` takes.

Lines end at ``\n`` only: whatever else ends a line for YAML, a carriage return included, stays
inside the line, as it does in git's own diffs (https://git-scm.com/docs/diff-format,
https://git-scm.com/docs/git-apply).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

from msgspec import Struct

from cci_migrate.lossless.edits import Edit, apply_edits, in_order, insertion
from cci_migrate.lossless.source import BOM, SourceText, Span

_NO_NEWLINE = "\n\\ No newline at end of file\n"

#: What git writes for a byte of a name after a backslash (``quote.c`` in git's source).
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}

_Shown = Callable[[str], str]


class DiffLine(Struct, frozen=True):
    """A line that stays (``sign`` is a space), goes (``-``) or comes (``+``).

    ``number`` counts the old lines from 1; one that comes has that of the line above it. ``shown``
    is what may be shown of ``text``. Both have the line's end, and the file's byte order mark.
    """

    sign: str
    number: int
    text: str
    shown: str


class Hunk(Struct, frozen=True):
    """Lines that follow each other: those before them are ``old_before`` and ``new_before``."""

    old_before: int
    new_before: int
    lines: tuple[DiffLine, ...]


class _Change(Struct, frozen=True):
    """The old lines ``start:end``, from 0, become the lines ``added``."""

    start: int
    end: int
    added: Sequence[str]


def hunks(
    source: SourceText, edits: Iterable[Edit], context: int = 3, shown: _Shown = str
) -> Iterator[Hunk]:
    """The hunks of ``edits`` of ``source``, each with up to ``context`` lines around it.

    ``shown`` gives what may be shown of a line, and keeps its line end. A line of context that may
    not be shown as it is is left out where git can do without. Takes linear time.
    Raises EditConflictError where the edits do not fit.
    """
    text, shift = (BOM + source.text, len(BOM)) if source.has_bom else (source.text, 0)
    moved = [
        Edit(Span(edit.span.start + shift, edit.span.end + shift), edit.removed, edit.text)
        for edit in edits
    ]
    lines = _lines(text)
    longer = 0
    for changes, lead in _grouped(lines, _changes(text, moved), context, shown):
        yield _hunk(lines, changes, lead, longer, context, shown)
        longer += sum(len(change.added) - (change.end - change.start) for change in changes)


def unified_diff(path: str, file_hunks: Iterable[Hunk]) -> bytes:
    """The diff of the file ``path`` with ``file_hunks``; empty if there are none.

    ``path`` is relative to the folder that ``git apply`` will run in, with forward slashes.
    """
    body = "".join(map(_hunk_text, file_hunks))
    if not body:
        return b""
    old, new = _quoted("a/" + path), _quoted("b/" + path)
    head = f"diff --git {old} {new}\n--- {_ended(old)}\n+++ {_ended(new)}\n"
    return (head + body).encode()


def _hunk_text(hunk: Hunk) -> str:
    old = sum(line.sign != "+" for line in hunk.lines)
    new = sum(line.sign != "-" for line in hunk.lines)
    lines = "".join(
        line.sign + line.shown + ("" if line.shown.endswith("\n") else _NO_NEWLINE)
        for line in hunk.lines
    )
    return f"@@ -{_range(hunk.old_before, old)} +{_range(hunk.new_before, new)} @@\n{lines}"


def _range(before: int, count: int) -> str:
    if count == 1:
        return str(before + 1)
    return f"{before + 1 if count else before},{count}"


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def _changes(text: str, edits: Iterable[Edit]) -> Iterator[_Change]:
    """Which lines ``edits`` change, in order. Between two changes is a line that stays."""
    last: _Change | None = None
    line = counted = 0
    for span, inside in _by_lines(text, edits):
        line += text.count("\n", counted, span.start)
        counted = span.start
        change = _trimmed(line, text[span.start : span.end], inside)
        if change.start == change.end and not change.added:
            continue
        if last is None:
            last = change
        elif last.end == change.start:
            last = _Change(last.start, change.end, [*last.added, *change.added])
        else:
            yield last
            last = change
    if last is not None:
        yield last


def _by_lines(text: str, edits: Iterable[Edit]) -> Iterator[tuple[Span, list[Edit]]]:
    """Whole lines of ``text``, with the edits inside them as edits of these lines."""
    start = end = 0
    inside: list[Edit] = []
    for edit in _at_line_starts(text, in_order(edits)):
        if inside and end <= edit.span.start and end < len(text):
            yield Span(start, end), inside
            inside = []
        if not inside:
            start = text.rfind("\n", 0, edit.span.start) + 1
        if not inside or edit.span.end >= end:
            end = _end_of_lines(text, edit)
        own = Span(edit.span.start - start, edit.span.end - start)
        inside.append(Edit(own, edit.removed, edit.text))
    if inside:
        yield Span(start, end), inside


def _at_line_starts(text: str, edits: Sequence[Edit]) -> Iterator[Edit]:
    """``edits``, those that put whole lines before a line end put them behind it instead."""
    for edit, following in zip_longest(edits, edits[1:]):
        at = edit.span.start
        line_end = "\r\n" if edit.text.startswith("\r\n") else "\n"
        free = len(text) if following is None else following.span.start
        if (
            edit.span.end == at
            and edit.text.startswith(line_end)
            and text.startswith(line_end, at)
            and at + len(line_end) <= free
        ):
            yield insertion(at + len(line_end), edit.text[len(line_end) :] + line_end)
        else:
            yield edit


def _end_of_lines(text: str, edit: Edit) -> int:
    """Where the last line ends that ``edit`` changes, and not only comes before."""
    start, end = edit.span.start, edit.span.end
    ends = (text[max(0, start - 1) : start], text[max(0, end - 1) : end], edit.text[-1:])
    if all(character in ("", "\n") for character in ends):
        return end
    return text.find("\n", end) + 1 or len(text)


def _trimmed(line: int, text: str, edits: Iterable[Edit]) -> _Change:
    """What ``edits`` change of the lines ``text``, without the lines at both ends that stay."""
    old, new = _lines(text), _lines(apply_edits(text, edits))
    first, most = 0, min(len(old), len(new))
    while first < most and old[first] == new[first]:
        first += 1
    last = 0
    while last < most - first and old[-1 - last] == new[-1 - last]:
        last += 1
    return _Change(line + first, line + len(old) - last, new[first : len(new) - last])


def _grouped(
    lines: Sequence[str], changes: Iterable[_Change], context: int, shown: _Shown
) -> Iterator[tuple[list[_Change], int]]:
    """The changes of each hunk, and how many lines lead it in."""
    hunk: list[_Change] = []
    lead = 0
    for change in changes:
        between = lines[hunk[-1].end : change.start] if hunk else []
        if hunk and (len(between) > 2 * context or _can_be_parted(between, shown)):
            yield hunk, lead
            hunk = []
        if not hunk:
            lead = _plain_count(lines[max(0, change.start - context) : change.start][::-1], shown)
        hunk.append(change)
    if hunk:
        yield hunk, lead


def _plain_count(lines: Sequence[str], shown: _Shown) -> int:
    """How many of ``lines``, from the first, are shown as they are."""
    return next((at for at, line in enumerate(lines) if shown(line) != line), len(lines))


def _can_be_parted(between: Sequence[str], shown: _Shown) -> bool:
    """Whether a hunk can end in ``between``, so that what must not be shown there is left out."""
    return 0 < _plain_count(between, shown) < len(between)


def _hunk(
    lines: Sequence[str],
    changes: Sequence[_Change],
    lead: int,
    longer: int,
    context: int,
    shown: _Shown,
) -> Hunk:
    """The hunk of ``changes``; what is before them is ``longer`` by so many lines than it was."""
    first, last = changes[0], changes[-1]
    trail = min(context, len(lines) - last.end)
    # A hunk without lines at its end is one at the end of the file, to git.
    trail = _plain_count(lines[last.end : last.end + trail], shown) or trail
    if first.start + trail == last.end:
        # An insertion must hang on to something.
        lead = lead or min(context, first.start)

    def staying(start: int, end: int, sign: str = " ") -> Iterator[DiffLine]:
        for at in range(start, end):
            yield DiffLine(sign, at + 1, lines[at], shown(lines[at]))

    def hunk_lines() -> Iterator[DiffLine]:
        done = first.start - lead
        for change in changes:
            yield from staying(done, change.start)
            yield from staying(change.start, change.end, "-")
            for text in change.added:
                yield DiffLine("+", change.end, text, shown(text))
            done = change.end
        yield from staying(done, last.end + trail)

    before = first.start - lead
    return Hunk(before, before + longer, tuple(hunk_lines()))


def _quoted(name: str) -> str:
    """``name`` as git writes it: in quotes, with escapes, if it has odd bytes."""
    data = name.encode("utf-8", "surrogateescape")
    if all(32 <= byte < 127 and byte not in _ESCAPES for byte in data):
        return name
    return '"' + "".join(_escaped(byte) for byte in data) + '"'


def _escaped(byte: int) -> str:
    if byte in _ESCAPES:
        return "\\" + _ESCAPES[byte]
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def _ended(name: str) -> str:
    """``name`` with the tab that tells git where a name with a space in it ends."""
    return name + "\t" if " " in name else name
