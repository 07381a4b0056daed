"""The text of one YAML file, with its bytes preserved, and positions in it.

Every position in this package is an offset in characters into ``SourceText.text``, never in
bytes, and not counting the byte order mark, which is stored separately.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate

from msgspec import Struct

from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.groups import grouped
from cci_migrate.lazy_patterns import lazy_pattern

BOM = "\ufeff"

#: What ends a line for YAML 1.1 (https://yaml.org/spec/1.1/#b-break).
LINE_BREAK = lazy_pattern("\r\n|[\n\r\x85\u2028\u2029]")

#: Where a text has none of these, a line ends with "\n" alone; then they need no expression.
_RARE_BREAKS = "\r\x85\u2028\u2029"

_ANCHOR = lazy_pattern(r"&([^\s,\[\]{}]+)")
_PLAIN_BREAK = lazy_pattern("\r\n|[\n\r]")


def line_breaks_in(text: str) -> frozenset[str]:
    """The kinds of line breaks in ``text``: what `LINE_BREAK` finds in it."""
    rest = text.replace("\r\n", "")
    kinds = {mark for mark in ("\n", *_RARE_BREAKS) if mark in rest}
    return frozenset(kinds if rest == text else kinds | {"\r\n"})


class NotUtf8Error(ValueError):
    """The bytes are not UTF-8 text: the first wrong byte is at ``offset``, on line ``line``."""

    def __init__(self, offset: int, line: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset
        self.line = line


class Span(Struct, frozen=True, order=True):
    """A half-open range of characters of a source text."""

    start: int
    end: int


class Position(Struct, frozen=True, order=True):
    """A line and a column as people count them: from 1, the column in characters."""

    line: int
    column: int


class SourceText(Struct, frozen=True, eq=False, dict=True):
    """One file's text.

    ``path`` is the name used in reports, with forward slashes; nothing here opens it.
    ``SourceText.decode(path, data).encode() == data`` for every ``data`` that decodes.
    """

    path: str
    text: str
    has_bom: bool = False

    __repr__ = repr_without("text")

    @classmethod
    def decode(cls, path: str, data: bytes) -> SourceText:
        """Read UTF-8 ``data``, with or without a byte order mark.

        Raises NotUtf8Error for anything else, NUL bytes (a binary file) included.
        """
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise NotUtf8Error(error.start, line, "the file is not UTF-8 text") from None
        nul = text.find("\0")
        if nul >= 0:
            line = text.count("\n", 0, nul) + 1
            raise NotUtf8Error(nul, line, "the file is binary: it has a NUL character")
        has_bom = text.startswith(BOM)
        return cls(path, text[1:] if has_bom else text, has_bom)

    def encode(self) -> bytes:
        """The bytes of the file."""
        return (BOM + self.text if self.has_bom else self.text).encode("utf-8")

    def with_text(self, text: str) -> SourceText:
        """The same file with another text."""
        return SourceText(self.path, text, self.has_bom)

    @cached_property
    def _line_starts(self) -> list[int]:
        text = self.text
        if any(mark in text for mark in _RARE_BREAKS):
            return [0, *(match.end() for match in LINE_BREAK.finditer(text))]
        lengths = map(len, text.split("\n")[:-1])
        # Each line before has its break too.
        return [line + start for line, start in enumerate(accumulate(lengths, initial=0))]

    @cached_property
    def anchor_marks(self) -> Mapping[str, Sequence[int]]:
        """The offsets of every ``&name``, by name; in comments and scalars too."""
        return grouped((match.group(1), match.start()) for match in _ANCHOR.finditer(self.text))

    def position(self, offset: int) -> Position:
        """The line and column of ``offset``."""
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def line_start(self, offset: int) -> int:
        """The offset where the line of ``offset`` begins."""
        return self._line_starts[bisect_right(self._line_starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """The offset of the line break that ends the line of ``offset``, or the text's end."""
        starts = self._line_starts
        line = bisect_right(starts, offset)
        if line == len(starts):
            return len(self.text)
        length = 2 if self.text.endswith("\r\n", 0, starts[line]) else 1
        # Within "\r\n", the break has begun before.
        return max(offset, starts[line] - length)

    def next_line(self, offset: int) -> int:
        """The offset after the line break that ends the line of ``offset``, or the text's end."""
        starts = self._line_starts
        line = bisect_right(starts, offset)
        return starts[line] if line < len(starts) else len(self.text)

    def line_span(self, line: int) -> Span:
        """The span of line number ``line`` (from 1), without its line break."""
        start = self._line_starts[line - 1]
        return Span(start, self.line_end(start))

    def is_line_start(self, offset: int) -> bool:
        """Whether a line begins at ``offset``."""
        return offset == self.line_start(offset)

    @property
    def line_count(self) -> int:
        """The number of lines; a final line break does not begin another."""
        starts = self._line_starts
        return len(starts) - (1 if len(starts) > 1 and starts[-1] == len(self.text) else 0)

    def line_break_near(self, offset: int) -> str:
        """The line break for a line inserted at ``offset``: that of the line before it.

        So a file with mixed line breaks keeps each part consistent.
        """
        start = self.line_start(offset)
        before = self.text[max(0, start - 2) : start]
        if before[-1:] in ("\n", "\r"):
            return before if before == "\r\n" else before[-1]
        # On the first line, or after a line break that only YAML has: that of the next line.
        after = _PLAIN_BREAK.search(self.text, offset)
        return after.group() if after else "\n"
