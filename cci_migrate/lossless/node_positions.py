"""Where nodes and their parts are in the text: columns, dashes, the lines that they end on."""

from __future__ import annotations

import re

from cci_migrate.lossless.cannot_render import CannotRenderError
from cci_migrate.lossless.merging import own_entry
from cci_migrate.lossless.nodes import Mapping, Node, Scalar, Sequence
from cci_migrate.lossless.source import LINE_BREAK, SourceText

_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*")
_EXPLICIT_KEY = re.compile(r"\?[ \t]+$")


def column(source: SourceText, offset: int) -> int:
    """The column of ``offset``, from 0; a tab counts as one."""
    return offset - source.line_start(offset)


def is_explicit(key: Node) -> bool:
    """Whether the block key ``key`` is written ``? key``."""
    source = key.source
    line_start = source.line_start(key.start)
    return _EXPLICIT_KEY.search(source.text[line_start : key.start]) is not None


def key_column(mapping: Mapping) -> int:
    """The column where the entries of a block mapping start, at the ``?`` of an explicit key."""
    first = mapping.entries[0][0]
    source = mapping.source
    line_start = source.line_start(first.start)
    before = source.text[line_start : first.start]
    explicit = _EXPLICIT_KEY.search(before) if "?" in before else None
    return explicit.start() if explicit else first.start - line_start


def dash(sequence: Sequence, index: int) -> int:
    """The offset of the dash of the item at ``index`` of a block sequence."""
    text = sequence.source.text
    at = sequence.items[index].start
    if text.startswith("- ", at - 2):
        return at - 2
    while True:
        line_start = sequence.source.line_start(at)
        before = text[line_start:at]
        if "#" in before:
            before = _COMMENT.sub("", before)
        before = before.rstrip()
        if before.endswith("-"):
            return line_start + len(before) - 1
        if line_start == 0:
            return sequence.start
        at = line_start - 1


def last_block_scalar(node: Node) -> Scalar | None:
    """The block scalar that ends the text of ``node``; None if it ends otherwise."""
    while True:
        if isinstance(node, Mapping) and not node.is_flow and node.entries:
            node = node.entries[-1][1]
        elif isinstance(node, Sequence) and not node.is_flow and node.items:
            node = node.items[-1]
        else:
            return node if isinstance(node, Scalar) and node.style in ("|", ">") else None


def is_on_one_line(scalar: Scalar) -> bool:
    """Whether ``scalar`` is written on one line, and not as a block."""
    is_block = scalar.style in ("|", ">")
    return not is_block and not LINE_BREAK.search(scalar.source.text, scalar.start, scalar.end)


def line_after(node: Node) -> int:
    """The offset of the line after ``node`` and the comment on its last line."""
    block = last_block_scalar(node)
    if block is not None and LINE_BREAK.fullmatch(block.source.text[block.end - 1]):
        return block.end
    return node.source.next_line(node.end)


def end_of_entry(key: Node, value: Node) -> Node:
    """The node that ends an entry: its value, or its key if it has neither value nor colon."""
    return key if value.start == key.end else value


def starts_line(source: SourceText, offset: int) -> bool:
    """Whether ``offset`` is preceded by nothing but white space on its line."""
    return not source.text[source.line_start(offset) : offset].strip()


def entry_called(mapping: Mapping, name: str) -> tuple[Node, Node]:
    """The key and value of the last entry ``name`` of ``mapping``. Raises CannotRenderError."""
    entry = own_entry(mapping, name)
    if entry is None:
        raise CannotRenderError(f"the mapping has no key {name!r}")
    return entry.key, entry.value
