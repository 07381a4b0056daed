"""The edits of one document as they are collected, and their order at one position."""

from __future__ import annotations

import re
from enum import IntEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.lossless.cannot_render import CannotRenderError
from cci_migrate.lossless.comment_lines import deeper_comments_end
from cci_migrate.lossless.edits import Edit, insertion, replacement
from cci_migrate.lossless.node_positions import last_block_scalar, line_after
from cci_migrate.lossless.nodes import Node, Scalar
from cci_migrate.lossless.scalar_positions import content_start
from cci_migrate.lossless.source import LINE_BREAK, SourceText


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


class Indented(Struct, frozen=True):
    """The lines from ``start`` to ``end`` move to the right by ``step``.

    Inserted lines move with them if they are indented by ``column`` at least: lines with less
    belong to something around them. Keys at that column only move if ``with_keys``. ``follower``
    is the insertion that follows the lines and stays where it is.
    """

    start: int
    end: int
    step: int
    column: int
    with_keys: bool = True
    follower: int | None = None


class Insertions:
    """Collects edits of ``source``."""

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._text = source.text
        self._edits: list[Edit] = []
        self._orders: list[_Key] = []
        self._indented: list[Indented] = []

    def edits(self) -> tuple[Edit, ...]:
        """All edits, in source order."""
        for index, (edit, key) in enumerate(zip(self._edits, self._orders, strict=True)):
            step = sum(lines.step for lines in self._indented if _moves(index, edit, key, lines))
            if step:
                self._edits[index], self._orders[index] = _moved(edit, key, step)
        for lines in self._indented:
            self._indent_lines(lines)
        self._indented.clear()
        order = sorted(range(len(self._edits)), key=self._orders.__getitem__)
        return tuple(self._edits[index] for index in order)

    def _indent_lines(self, lines: Indented) -> None:
        at = lines.start
        while at < lines.end:
            # A removed line needs no indent.
            is_removed = any(
                edit.span.start <= at < edit.span.end and not edit.text for edit in self._edits
            )
            if self._source.line_end(at) > at and not is_removed:
                self.insert(at, " " * lines.step, Order.BEFORE)
            at = self._source.next_line(at)

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
        self.add(replacement(self._text, start, end, text))

    def lines(self, at: int, lines: list[str], place: Order = Order.LINES) -> int:
        """Insert whole ``lines`` at ``at``, a line's start or the text's end; return the index."""
        line_break = self._source.line_break_near(at)
        joined = line_break.join(lines)
        first = lines[0].lstrip()
        order = (at, place, len(first) - len(lines[0]), 0 if first.startswith("-") else 1)
        if at == len(self._text) and not self._source.is_line_start(at):
            return self._put(insertion(at, line_break + joined), order)
        return self._put(insertion(at, joined + line_break), order)

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
        at_end = at == len(self._text) and not self._source.is_line_start(at)
        if at_end and (block := last_block_scalar(node)) is not None and not _strips(block):
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

    def indent(self, lines: Indented) -> None:
        """Move lines, and what is inserted into them, to the right."""
        if lines.start < lines.end:
            self._indented.append(lines)


def _moves(index: int, edit: Edit, key: _Key, lines: Indented) -> bool:
    """Whether the edit at ``index`` is part of the indented ``lines``."""
    at, place = key[:2]
    if index == lines.follower or not lines.start <= at <= lines.end:
        return False
    if place not in (Order.LINES, Order.COMMENT_LINES):
        return at < lines.end
    if place is Order.COMMENT_LINES and at == lines.end:
        return False
    first = edit.text.lstrip("\r\n")
    indent = len(first) - len(first.lstrip(" "))
    if indent == lines.column and place is Order.LINES:
        return lines.with_keys or first.lstrip(" ").startswith("-")
    return indent >= lines.column


def _moved(edit: Edit, key: _Key, step: int) -> tuple[Edit, _Key]:
    """``edit`` and its key, with each line that it begins indented by ``step`` more."""
    text = re.sub(f"({LINE_BREAK.pattern})(?=[^\r\n])", rf"\g<0>{' ' * step}", edit.text)
    at, place, indent, kind = key
    if place in (Order.LINES, Order.COMMENT_LINES):
        indent -= step
        if text[:1] not in ("\r", "\n"):
            text = " " * step + text
    return replace(edit, text=text), (at, place, indent, kind)


def _strips(block: Scalar) -> bool:
    """Whether the block scalar ``block`` ends without a line break: ``|-`` or ``>-``."""
    start = content_start(block)
    header = block.source.text[start : block.source.line_end(start)]
    return "-" in header.split("#")[0]
