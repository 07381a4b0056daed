"""How a document is laid out: columns, indents, where lines can be put."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from cci_migrate.lossless.nodes import (
    Alias,
    Collection,
    Document,
    Mapping,
    Node,
    Scalar,
    Sequence,
    walk,
)
from cci_migrate.lossless.source import LINE_BREAK, SourceText

DEFAULT_STEP = 2

_COMMENT_LINE = re.compile(r"[ \t]*#")
_EXPLICIT_KEY = re.compile(r"\?[ \t]+$")


def column(source: SourceText, offset: int) -> int:
    """The column of ``offset``, from 0, a tab counting as one."""
    return offset - source.line_start(offset)


def key_column(mapping: Mapping) -> int:
    """The column at which the entries of a block mapping start (its ``?`` where it has one)."""
    first = mapping.entries[0][0]
    source = mapping.source
    line_start = source.line_start(first.start)
    before = source.text[line_start : first.start]
    explicit = _EXPLICIT_KEY.search(before)
    return explicit.start() if explicit else first.start - line_start


def dash(sequence: Sequence, index: int) -> int:
    """The offset of the dash of the item at ``index`` of a block sequence."""
    text = sequence.source.text
    at = sequence.items[index].start
    while True:
        line_start = sequence.source.line_start(at)
        before = text[line_start:at]
        before = before.split(" #", 1)[0] if _has_comment(before) else before
        found = before.rstrip().rfind("-")
        if found >= 0 and not before[found + 1 :].strip():
            return line_start + found
        at = max(0, line_start - 1)
        if line_start == 0:
            return sequence.start


def _has_comment(text: str) -> bool:
    return " #" in text


def last_leaf(node: Node) -> Node:
    """The node that ends ``node``'s text: itself, or for a block collection its last leaf."""
    while True:
        if isinstance(node, Mapping) and not node.is_flow and node.entries:
            node = node.entries[-1][1]
        elif isinstance(node, Sequence) and not node.is_flow and node.items:
            node = node.items[-1]
        else:
            return node


def line_after(node: Node) -> int:
    """The offset of the line that follows ``node``, the comment on its last line included."""
    leaf = last_leaf(node)
    text = leaf.source.text
    if isinstance(leaf, Scalar) and leaf.style in ("|", ">") and leaf.end > leaf.start:
        ends_with_break = LINE_BREAK.fullmatch(text[leaf.end - 1])
        if ends_with_break:
            return leaf.end
    return leaf.source.next_line(leaf.end)


def starts_line(source: SourceText, offset: int) -> bool:
    """Whether only white space stands before ``offset`` on its line."""
    return not source.text[source.line_start(offset) : offset].strip()


def comment_block_above(source: SourceText, offset: int) -> int:
    """Where the comment lines start that stand directly above the line of ``offset``.

    The start of the line of ``offset`` itself where there are none. Only comments at that line's
    own indent belong to it.
    """
    start = source.line_start(offset)
    text = source.text
    indent = re.match(r"[ \t]*", text[start:offset])
    wanted = indent.group() if indent else ""
    while start > 0:
        previous = source.line_start(start - 1)
        if text[previous - 1 : previous] == "\r" and text[previous : previous + 1] == "\n":
            previous = source.line_start(previous - 1)
        line = text[previous:start]
        if not _COMMENT_LINE.match(line) or line[: len(line) - len(line.lstrip())] != wanted:
            break
        start = previous
    return start


@dataclass(frozen=True, slots=True)
class Style:
    """How far children stand to the right of their parents' keys."""

    step: int
    sequence_offset: int


class Layout:
    """A document's nodes by their parents, and its prevailing style.

    Made only for documents that are edited.
    """

    def __init__(self, document: Document) -> None:
        self.source = document.source
        self._parents: dict[int, Collection] = {}
        steps: Counter[int] = Counter()
        offsets: Counter[int] = Counter()
        if document.root is not None:
            for node in walk(document.root):
                if isinstance(node, Mapping):
                    for key, value in node.entries:
                        self._parents[id(key)] = node
                        self._parents[id(value)] = node
                        if not node.is_flow:
                            _measure(node, value, steps, offsets)
                elif isinstance(node, Sequence):
                    for item in node.items:
                        self._parents[id(item)] = node
        step = _most_common(steps, DEFAULT_STEP)
        self.style = Style(step, _most_common(offsets, step))

    def parent(self, node: Node) -> Collection | None:
        """The collection that ``node`` stands in."""
        return self._parents.get(id(node))

    def is_in_flow(self, node: Node) -> bool:
        """Whether ``node`` stands in a flow collection."""
        parent = self.parent(node)
        return parent is not None and parent.is_flow

    def style_in(self, mapping: Mapping) -> Style:
        """The style of the entries of a block ``mapping``; the document's if they tell none."""
        steps: Counter[int] = Counter()
        offsets: Counter[int] = Counter()
        for _, value in mapping.entries:
            _measure(mapping, value, steps, offsets)
        return Style(
            _most_common(steps, self.style.step),
            _most_common(offsets, self.style.sequence_offset),
        )

    def step_below_item(self, node: Node) -> int:
        """How far below-standing keys are from the key of an item such as ``- build:``.

        Told by the other items of the sequence that ``node`` stands in.
        """
        parent = self.parent(node)
        if isinstance(parent, Mapping):
            parent = self.parent(parent)
        steps: Counter[int] = Counter()
        if isinstance(parent, Sequence):
            for item in parent.items:
                if isinstance(item, Mapping) and not item.is_flow:
                    for _, value in item.entries:
                        _measure(item, value, steps, Counter())
        return _most_common(steps, self.style.step)


def _measure(mapping: Mapping, value: Node, steps: Counter[int], offsets: Counter[int]) -> None:
    if isinstance(value, Alias | Scalar):
        return
    if value.is_flow:
        return
    if isinstance(value, Mapping):
        if value.entries:
            distance = key_column(value) - key_column(mapping)
            if distance > 0:
                steps[distance] += 1
    elif value.items:
        at = dash(value, 0)
        distance = column(value.source, at) - key_column(mapping)
        if distance >= 0 and starts_line(value.source, at):
            offsets[distance] += 1


def _most_common(counts: Counter[int], otherwise: int) -> int:
    return counts.most_common(1)[0][0] if counts else otherwise
