"""Insertions into flow collections: ``{a: b}`` and ``[a, b]``, on one line or on several."""

from __future__ import annotations

from msgspec.structs import replace

from cci_migrate.lossless.content_text import (
    JSON_FLOW,
    PLAIN_FLOW,
    FlowStyle,
    flow_pair,
    flow_value,
)
from cci_migrate.lossless.insertions import Insertions, Order
from cci_migrate.lossless.layout import Layout, common_quote
from cci_migrate.lossless.node_positions import entry_called, starts_line
from cci_migrate.lossless.nodes import Alias, Collection, Mapping, Node, Scalar, Sequence
from cci_migrate.lossless.operations import Content
from cci_migrate.lossless.scalar_positions import content_start


class FlowInsertions:
    """Adds entries and items to flow collections, by way of ``insertions``."""

    def __init__(self, insertions: Insertions, layout: Layout) -> None:
        self._insertions = insertions
        self._layout = layout
        self._source = layout.source
        self._text = layout.source.text
        #: The latest edit at the end of a collection: its index among the insertions, and the
        #: closing part of its text. The next insertion there continues it.
        self._ends: dict[Collection, tuple[int, str]] = {}
        #: The same for parts on lines of their own, by the offset that they follow.
        self._lines: dict[int, tuple[int, str]] = {}

    def add_entry(self, mapping: Mapping, key: str, content: Content, after: str | None) -> None:
        """Add ``key: content`` behind the entry ``after``, or as the last entry of ``mapping``."""
        opening = content_start(mapping)
        style = self.style_of(mapping)
        pair = flow_pair(key, content, style)
        if self._text[opening] != "{":
            # A pair without braces in a flow sequence: `[image: x]`.
            open_end = self._ends.get(mapping)
            if open_end is None:
                padding = self._layout.padding_of_wrapped_pair(mapping)
                closing = f"{padding}}}"
                self._insertions.open(mapping, f"{{{padding}")
                index = self._insertions.close(mapping, f"{style.comma}{pair}{closing}")
                self._ends[mapping] = (index, closing)
            else:
                self._insertions.extend(*open_end, f"{style.comma}{pair}")
        elif not mapping.entries:
            self._fill(mapping, pair, style)
        else:
            entries = mapping.entries
            previous = entries[-1] if after is None else entry_called(mapping, after)
            index = next(number for number, entry in enumerate(entries) if entry[0] is previous[0])
            following = entries[index + 1][0] if index + 1 < len(entries) else None
            end = max(previous[0].end, previous[1].end)
            self._add_after(previous[0].start, end, following, pair, style)

    def add_item(self, sequence: Sequence, index: int, content: Content) -> None:
        """Add ``content`` to ``sequence`` before the item that has the number ``index``."""
        style = self.style_of(sequence)
        item = flow_value(content, style)
        items = sequence.items
        if not items:
            self._fill(sequence, item, style)
        elif index == 0:
            first = items[0].start
            if starts_line(self._source, first):
                indent = self._text[self._source.line_start(first) : first]
                line_break = self._source.line_break_near(first)
                self._insertions.insert(first, f"{item},{line_break}{indent}", Order.BEFORE)
            else:
                self._insertions.insert(first, f"{item}{style.comma}", Order.BEFORE)
        else:
            following = items[index] if index < len(items) else None
            previous = items[index - 1]
            self._add_after(previous.start, previous.end, following, item, style)

    def style_of(self, node: Collection) -> FlowStyle:
        """How ``node`` is written: the quotes of its keys, and the spaces around its signs.

        What it does not show itself is as in the flow collections around it.
        """
        style = PLAIN_FLOW
        if isinstance(node, Mapping):
            keys = [key for key, _ in node.entries]
        else:
            keys = [
                key for item in node.items if isinstance(item, Mapping) for key, _ in item.entries
            ]
            style = FlowStyle(quote=common_quote(node.items))
        # In JSON, all keys are quoted.
        if _are_quoted(keys) if keys else self._is_in_json(node):
            style = JSON_FLOW
        style = self.separated(style, node)
        opening = content_start(node)
        if self._text[opening] in "{[" and self._text[opening + 1] == " ":
            style = replace(style, padding=" ")
        return style

    def separated(self, style: FlowStyle, node: Node | None) -> FlowStyle:
        """``style`` with the separators in ``node``, else those of the collections around it."""
        comma = colon = None
        while node is not None and not isinstance(node, Scalar | Alias) and node.is_flow:
            comma = comma or self._comma_in(node)
            colon = colon or self._colon_in(node)
            node = self._layout.parent(node)
        if style.quotes_keys:
            # Behind a key without quotes, a colon needs a space.
            style = replace(style, colon=colon or style.colon)
        return replace(style, comma=comma or ("," if style.colon == ":" else style.comma))

    def _is_in_json(self, node: Node) -> bool:
        """Whether the flow mapping around ``node``, if there is one, has quoted keys."""
        parent = self._layout.parent(node)
        while isinstance(parent, Sequence) and parent.is_flow:
            parent = self._layout.parent(parent)
        return (
            isinstance(parent, Mapping)
            and parent.is_flow
            and _are_quoted([key for key, _ in parent.entries])
        )

    def _comma_in(self, node: Collection) -> str | None:
        """The comma between the first two parts of ``node``, and the space behind it, if any."""
        if isinstance(node, Mapping):
            spans = [(key.start, max(key.end, value.end)) for key, value in node.entries[:2]]
        else:
            spans = [(item.start, item.end) for item in node.items[:2]]
        between = self._text[spans[0][1] : spans[1][0]] if len(spans) > 1 else ""
        return between if between in (",", ", ") else None

    def _colon_in(self, node: Collection) -> str | None:
        """The colon behind the first key of ``node``, if that is quoted, and any space behind."""
        if not isinstance(node, Mapping) or not _are_quoted([key for key, _ in node.entries[:1]]):
            return None
        key, value = node.entries[0]
        between = self._text[key.end : value.start]
        return between if between in (":", ": ") else None

    def _fill(self, node: Collection, text: str, style: FlowStyle) -> None:
        open_end = self._ends.get(node)
        if open_end is None:
            index = self._insertions.insert(node.end - 1, text + style.padding, Order.BEHIND)
            self._ends[node] = (index, style.padding)
        else:
            self._insertions.extend(*open_end, style.comma + text)

    def _add_after(
        self, start: int, end: int, following: Node | None, text: str, style: FlowStyle
    ) -> None:
        """Add ``text`` after the part of a flow collection from ``start`` to ``end``."""
        source = self._source
        # `{a:}`: a comma right after the colon would become part of a plain scalar.
        gap = " " if self._text[end - 1] == ":" else ""
        line_end = source.line_end(end)
        has_line = starts_line(source, start) and (following is None or following.start > line_end)
        if not has_line:
            self._insertions.insert(end, f"{gap}{style.comma}{text}", Order.BEHIND)
            return
        # Each part has its own line, and so has the new one, below the last one's comment.
        indent = self._text[source.line_start(start) : start]
        rest = self._text[end:line_end].strip(" \t")
        below = source.next_line(end)
        line_break = source.line_break_near(below)
        if rest.startswith(",") and rest[1:].lstrip(" \t")[:1] in ("", "#"):
            self._insertions.lines(below, [f"{indent}{text},"])
        elif following is None and rest[:1] in ("", "#") and below > line_end:
            open_end = self._lines.get(end)
            if open_end is None:
                self._insertions.insert(end, f"{gap},", Order.BEHIND)
                self._lines[end] = (self._insertions.lines(below, [indent + text]), line_break)
            else:
                self._insertions.extend(*open_end, f",{line_break}{indent}{text}")
        else:
            self._insertions.insert(end, f"{gap},{line_break}{indent}{text}", Order.BEHIND)


def _are_quoted(keys: list[Node]) -> bool:
    """Whether there are ``keys``, and all are double-quoted, as in JSON."""
    return bool(keys) and all(isinstance(key, Scalar) and key.style == '"' for key in keys)
