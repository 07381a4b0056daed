"""The edits of one document as they are collected, and their order at one position."""

from __future__ import annotations

from enum import IntEnum, auto

from msgspec.structs import replace

from cci_migrate.lossless.cannot_render import CannotRenderError
from cci_migrate.lossless.edits import Edit, insertion
from cci_migrate.lossless.layout import deeper_comments_end, last_leaf, line_after
from cci_migrate.lossless.nodes import Node, Scalar
from cci_migrate.lossless.scalar_positions import content_start
from cci_migrate.lossless.source import SourceText, Span


class Order(IntEnum):
    """The order of several insertions at one position."""

    CLOSE = auto()  #: ends a node that ends here, the inner before the outer
    BEHIND = auto()  #: follows a node that ends here
    LINES = auto()  #: lines that belong to the node above, the deepest first
    COMMENT_LINES = auto()  #: lines that belong to the line below
    BEFORE = auto()  #: precedes a node that starts here
    OPEN = auto()  #: begins a node that starts here, the outer before the inner
    REPLACE = auto()


#: Offset, order, and two numbers that order edits that are alike in both.
_Key = tuple[int, Order, int, int]


class Insertions:
    """Collects edits of ``source``."""

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._text = source.text
        self._edits: list[Edit] = []
        self._orders: list[_Key] = []
        #: The starts of lines to indent, and by how much.
        self._indents: list[tuple[int, int]] = []

    def edits(self) -> tuple[Edit, ...]:
        """All edits, in source order."""
        for at, step in self._indents:
            # A removed line needs no indent.
            if not any(
                edit.span.start <= at < edit.span.end and not edit.text for edit in self._edits
            ):
                self.insert(at, " " * step, Order.BEFORE)
        self._indents.clear()
        order = sorted(range(len(self._edits)), key=self._orders.__getitem__)
        return tuple(self._edits[index] for index in order)

    def _put(self, edit: Edit, order: _Key) -> int:
        self._edits.append(edit)
        self._orders.append(order)
        return len(self._edits) - 1

    def insert(self, at: int, text: str, place: Order) -> int:
        """Insert ``text`` at ``at``; return the index that `extend` takes."""
        return self._put(insertion(at, text), (at, place, 0, 0))

    def open(self, node: Node, text: str) -> None:
        """Insert ``text`` where ``node`` starts, as a part of it."""
        self._put(insertion(node.start, text), (node.start, Order.OPEN, -node.end, 0))

    def close(self, node: Node, text: str) -> int:
        """Insert ``text`` where ``node`` ends, as a part of it; return its index."""
        return self._put(insertion(node.end, text), (node.end, Order.CLOSE, -node.start, 0))

    def add(self, edit: Edit) -> None:
        """Collect ``edit``, which replaces text."""
        self._put(edit, (edit.span.start, Order.REPLACE, 0, 0))

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace the text from ``start`` to ``end``."""
        self.add(Edit(Span(start, end), self._text[start:end], text))

    def lines(self, at: int, lines: list[str], place: Order = Order.LINES) -> int:
        """Insert whole ``lines`` at ``at``, a line's start or the text's end; return the index."""
        line_break = self._source.line_break_near(at)
        joined = line_break.join(lines)
        first = lines[0].lstrip()
        order = (at, place, len(first) - len(lines[0]), 0 if first.startswith("-") else 1)
        if at == len(self._text) and not self._starts_line(at):
            return self._put(insertion(at, line_break + joined), order)
        return self._put(insertion(at, joined + line_break), order)

    def _starts_line(self, at: int) -> bool:
        return at == self._source.line_start(at)

    def lines_behind(self, node: Node, lines: list[str], *, past_comments: bool = True) -> None:
        """Insert ``lines`` below ``node`` and below the comments indented deeper than they are."""
        at = self.line_after(node)
        if past_comments:
            first = next(line for line in lines if line)
            at = deeper_comments_end(self._source, at, len(first) - len(first.lstrip()) + 1)
        self.lines(at, lines)

    def line_after(self, node: Node) -> int:
        """The offset of the line after ``node``. Raises CannotRenderError if none can be there."""
        at = line_after(node)
        leaf = last_leaf(node)
        at_end = at == len(self._text) and not self._starts_line(at)
        if at_end and isinstance(leaf, Scalar) and leaf.style in ("|", ">") and not _strips(leaf):
            raise CannotRenderError("a block scalar ends the file without a line end")
        return at

    def extend(self, index: int, closing: str, text: str) -> None:
        """Append ``text`` to the edit at ``index``, before its ``closing`` part."""
        edit = self._edits[index]
        body = edit.text.removesuffix(closing)
        self._edits[index] = replace(edit, text=body + text + closing)

    def below(self, node: Node, lines: list[str]) -> None:
        """Insert ``lines`` below the line on which ``node`` ends."""
        if lines:
            self.lines(self._source.next_line(node.end), lines)

    def indent(self, start: int, end: int, step: int) -> None:
        """Move the lines from ``start`` to ``end`` to the right by ``step``."""
        while start < end:
            if self._source.line_end(start) > start:
                self._indents.append((start, step))
            start = self._source.next_line(start)


def _strips(block: Scalar) -> bool:
    """Whether the block scalar ``block`` ends without a line break: ``|-`` or ``>-``."""
    start = content_start(block)
    header = block.source.text[start : block.source.line_end(start)]
    return "-" in header.split("#")[0]
