r"""Edits as hunks of lines, and as a diff for ``git apply``.

Lines end at ``\n`` only: YAML's other line breaks, a carriage return included, are part of the
line, as in git's own diffs (https://git-scm.com/docs/diff-format,
https://git-scm.com/docs/git-apply).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

from msgspec import Struct

from cci_migrate.lossless.edits import Edit, apply_edits, in_order, insertion
from cci_migrate.lossless.source import BOM, SourceText, Span

_NO_NEWLINE = "\n\\ No newline at end of file\n"

#: The letter that git writes after a backslash for a byte of a name (``quote.c`` in git's source).
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}

_Redact = Callable[[str], str]


class DiffLine(Struct, frozen=True):
    """A line that is unchanged (``sign`` is a space), removed (``-``) or added (``+``).

    ``number`` is the old line number, from 1; for an added line, that of the line above it.
    ``redacted`` is ``text`` without secrets. Both include the line break and the file's byte order
    mark.
    """

    sign: str
    number: int
    text: str
    redacted: str


class Hunk(Struct, frozen=True):
    """Consecutive lines, after ``old_before`` old lines and ``new_before`` new ones."""

    old_before: int
    new_before: int
    lines: tuple[DiffLine, ...]


class _Change(Struct, frozen=True):
    """The old lines ``start:end``, from 0, become the lines ``added``."""

    start: int
    end: int
    added: Sequence[str]


def hunks(
    source: SourceText, edits: Iterable[Edit], context: int = 3, redact: _Redact = str
) -> Iterator[Hunk]:
    """The hunks of ``edits`` of ``source``, each with up to ``context`` lines around it.

    ``redact`` removes secrets from a line and keeps its line break. A context line that it changes
    is left out if git can do without. Takes linear time.
    Raises EditConflictError if the edits don't fit.
    """
    text, bom_length = (BOM + source.text, len(BOM)) if source.has_bom else (source.text, 0)
    moved = [
        Edit(
            Span(edit.span.start + bom_length, edit.span.end + bom_length), edit.removed, edit.text
        )
        for edit in edits
    ]
    lines = _lines(text)
    line_shift = 0
    for changes, lead in _grouped(lines, _changes(text, moved), context, redact):
        yield _hunk(lines, changes, lead, line_shift, context, redact)
        line_shift += sum(len(change.added) - (change.end - change.start) for change in changes)


def unified_diff(path: str, file_hunks: Iterable[Hunk]) -> bytes:
    """The diff, in UTF-8, of the file ``path`` with ``file_hunks``; empty if there are none.

    ``path`` is relative to the folder where ``git apply`` will run, with forward slashes.
    """
    body = "".join(map(_hunk_text, file_hunks))
    if not body:
        return b""
    old, new = _quoted("a/" + path), _quoted("b/" + path)
    head = f"diff --git {old} {new}\n--- {_with_tab(old)}\n+++ {_with_tab(new)}\n"
    return (head + body).encode()


def _hunk_text(hunk: Hunk) -> str:
    old = sum(line.sign != "+" for line in hunk.lines)
    new = sum(line.sign != "-" for line in hunk.lines)
    lines = "".join(
        line.sign + line.redacted + ("" if line.redacted.endswith("\n") else _NO_NEWLINE)
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
    """The lines that ``edits`` change, in order. At least one unchanged line separates changes."""
    last: _Change | None = None
    line = counted = 0
    for span, inside in _edits_by_line(text, edits):
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


def _edits_by_line(text: str, edits: Iterable[Edit]) -> Iterator[tuple[Span, list[Edit]]]:
    """Spans of whole lines of ``text``, each with its edits, relative to the start of the span."""
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
    """``edits``; an insertion of whole lines before a line break is moved after it."""
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
    """The end of the last line that ``edit`` changes."""
    start, end = edit.span.start, edit.span.end
    ends = (text[max(0, start - 1) : start], text[max(0, end - 1) : end], edit.text[-1:])
    if all(character in ("", "\n") for character in ends):
        return end
    return text.find("\n", end) + 1 or len(text)


def _trimmed(line: int, text: str, edits: Iterable[Edit]) -> _Change:
    """The change that ``edits`` make to the lines ``text``, without unchanged lines at its ends."""
    old, new = _lines(text), _lines(apply_edits(text, edits))
    first, last = unchanged_ends(old, new)
    return _Change(line + first, line + len(old) - last, new[first : len(new) - last])


def unchanged_ends(old: Sequence[object], new: Sequence[object]) -> tuple[int, int]:
    """How many items at the start of both lists are equal, and how many of the rest at the end."""
    first, most = 0, min(len(old), len(new))
    while first < most and old[first] == new[first]:
        first += 1
    last = 0
    while last < most - first and old[-1 - last] == new[-1 - last]:
        last += 1
    return first, last


def _grouped(
    lines: Sequence[str], changes: Iterable[_Change], context: int, redact: _Redact
) -> Iterator[tuple[list[_Change], int]]:
    """The changes of each hunk, and its number of leading context lines."""
    hunk: list[_Change] = []
    lead = 0
    for change in changes:
        between = lines[hunk[-1].end : change.start] if hunk else []
        if hunk and (len(between) > 2 * context or _can_split(between, redact)):
            yield hunk, lead
            hunk = []
        if not hunk:
            lead = _unredacted_count(
                lines[max(0, change.start - context) : change.start][::-1], redact
            )
        hunk.append(change)
    if hunk:
        yield hunk, lead


def _unredacted_count(lines: Sequence[str], redact: _Redact) -> int:
    """The number of ``lines``, from the first, that ``redact`` leaves unchanged."""
    return next((at for at, line in enumerate(lines) if redact(line) != line), len(lines))


def _can_split(between: Sequence[str], redact: _Redact) -> bool:
    """Whether a hunk can end within the lines ``between``, to leave out a secret there."""
    return 0 < _unredacted_count(between, redact) < len(between)


def _hunk(
    lines: Sequence[str],
    changes: Sequence[_Change],
    lead: int,
    line_shift: int,
    context: int,
    redact: _Redact,
) -> Hunk:
    """The hunk of ``changes``; earlier hunks have added ``line_shift`` lines to the file."""
    first, last = changes[0], changes[-1]
    trail = min(context, len(lines) - last.end)
    # To git, a hunk without trailing context is at the end of the file.
    trail = _unredacted_count(lines[last.end : last.end + trail], redact) or trail
    if first.start + trail == last.end:
        # An insertion needs at least one line of context.
        lead = lead or min(context, first.start)

    def old_lines(start: int, end: int, sign: str = " ") -> Iterator[DiffLine]:
        for at in range(start, end):
            yield DiffLine(sign, at + 1, lines[at], redact(lines[at]))

    def hunk_lines() -> Iterator[DiffLine]:
        done = first.start - lead
        for change in changes:
            yield from old_lines(done, change.start)
            yield from old_lines(change.start, change.end, "-")
            for text in change.added:
                yield DiffLine("+", change.end, text, redact(text))
            done = change.end
        yield from old_lines(done, last.end + trail)

    before = first.start - lead
    return Hunk(before, before + line_shift, tuple(hunk_lines()))


def _quoted(name: str) -> str:
    """``name`` as git writes it: quoted, with escapes, if it has special bytes."""
    escaped = "".join(map(_escaped, name.encode("utf-8", "surrogateescape")))
    return name if escaped == name else f'"{escaped}"'


def _escaped(byte: int) -> str:
    if byte in _ESCAPES:
        return "\\" + _ESCAPES[byte]
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def _with_tab(name: str) -> str:
    """``name`` with the tab that marks its end for git if it contains a space."""
    return name + "\t" if " " in name else name
