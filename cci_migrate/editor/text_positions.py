"""Offsets in a text as positions of the Language Server Protocol, and back.

Lines end at a line feed, a carriage return, or both, and characters are counted in the units that
client and server agreed on:
https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#position
"""

from __future__ import annotations

import re
from bisect import bisect_right

from lsprotocol.types import Position, PositionEncodingKind, Range

_LINE_END = re.compile(r"\r\n|\n|\r")


class TextPositions:
    """The positions in ``text``; ``encoding`` names the units."""

    def __init__(self, text: str, encoding: PositionEncodingKind | str) -> None:
        self._text = text
        self._encoding = encoding
        ends = list(_LINE_END.finditer(text))
        self._starts = [0, *(end.end() for end in ends)]
        self._ends = [*(end.start() for end in ends), len(text)]

    def position(self, offset: int) -> Position:
        """The position of the character at ``offset``."""
        line = bisect_right(self._starts, offset) - 1
        return Position(line, self._units(self._text[self._starts[line] : offset]))

    def range(self, start: int, end: int) -> Range:
        """The range from ``start`` to ``end``."""
        return Range(self.position(start), self.position(end))

    def on_one_line(self, start: int, end: int) -> Range:
        """The range from ``start`` to ``end`` or to the end of the first line."""
        line = bisect_right(self._starts, start) - 1
        return self.range(start, max(start, min(end, self._ends[line])))

    def _units(self, text: str) -> int:
        if self._encoding == PositionEncodingKind.Utf8:
            return len(text.encode("utf-8", "surrogatepass"))
        if self._encoding == PositionEncodingKind.Utf32:
            return len(text)
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
