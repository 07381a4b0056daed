"""Removals as text: a node goes with its lines and the comments on them, and nothing else."""

from __future__ import annotations

from cci_migrate.lossless.cannot_render import CannotRenderError
from cci_migrate.lossless.insertions import Insertions
from cci_migrate.lossless.layout import Layout
from cci_migrate.lossless.merging import MERGE_KEY, own_entry
from cci_migrate.lossless.node_positions import (
    dash,
    end_of_entry,
    entry_called,
    is_explicit,
    is_on_one_line,
    last_block_scalar,
    line_after,
    starts_line,
)
from cci_migrate.lossless.nodes import Alias, Collection, Mapping, Node, Scalar, Sequence
from cci_migrate.lossless.source import LINE_BREAK


class Removals:
    """Removes nodes, by way of ``insertions``. The methods raise CannotRenderError."""

    def __init__(self, insertions: Insertions, layout: Layout) -> None:
        self._layout = layout
        self._source = layout.source
        self._text = layout.source.text
        self._replace = insertions.replace

    def remove_entry(self, mapping: Mapping, key: str) -> None:
        """Remove the entry ``key`` of ``mapping``."""
        parts = [(key_node, end_of_entry(key_node, value)) for key_node, value in mapping.entries]
        index = [first for first, _ in parts].index(entry_called(mapping, key)[0])
        if len(parts) == 2 and self._layout.is_wrapped_pair(mapping):
            self._unwrap(mapping, *parts[1 - index])
        else:
            self._remove(mapping, parts, (index,))

    def remove_items(self, sequence: Sequence, indexes: tuple[int, ...]) -> None:
        """Remove the items at ``indexes`` of ``sequence``."""
        self._remove(sequence, [(item, item) for item in sequence.items], indexes)

    def _remove(
        self, collection: Collection, parts: list[tuple[Node, Node]], indexes: tuple[int, ...]
    ) -> None:
        """Remove the parts of ``collection`` at ``indexes``.

        ``parts`` are its items or entries, each as its first and its last node.
        """
        remaining = [index for index in range(len(parts)) if index not in indexes]
        if not remaining:
            raise CannotRenderError("nothing else would be left there")
        for index in indexes:
            if collection.is_flow:
                previous = max((other for other in remaining if other < index), default=None)
                self._remove_from_flow(parts, index, previous)
            else:
                self._remove_lines(collection, parts, index)

    def _unwrap(self, collection: Collection, first: Node, last: Node) -> None:
        """Leave nothing of the flow ``collection`` but ``first`` to ``last``, without brackets."""
        self._replace(collection.start, first.start, "")
        self._replace(last.end, collection.end, "")

    def _remove_lines(
        self, collection: Collection, parts: list[tuple[Node, Node]], index: int
    ) -> None:
        first, last = parts[index]
        begin = dash(collection, index) if isinstance(collection, Sequence) else first.start
        if (isinstance(collection, Mapping) and is_explicit(first)) or not starts_line(
            self._source, begin
        ):
            raise CannotRenderError("it shares its lines with something else")
        start = self._source.line_start(begin)
        end = line_after(last)
        if index > 0 and self._is_blank_above(start) and self._is_blank(end):
            # A blank line separates the parts here: remove the one above as well.
            start = self._source.line_start(start - 1)
        if (
            end == len(self._text)
            and not self._source.is_line_start(end)
            and not (index > 0 and last_block_scalar(parts[index - 1][1]) is not None)
        ):
            # Without a final line break before, there is none after: but a block scalar's is
            # part of its value.
            start = self._source.line_end(self._source.line_start(start - 1))
        self._replace(start, end, "")

    def _is_blank(self, line_start: int) -> bool:
        line_end = self._source.line_end(line_start)
        return line_start == len(self._text) or not self._text[line_start:line_end].strip()

    def _is_blank_above(self, line_start: int) -> bool:
        return line_start > 0 and self._is_blank(self._source.line_start(line_start - 1))

    def _remove_from_flow(
        self, parts: list[tuple[Node, Node]], index: int, previous: int | None
    ) -> None:
        source, text = self._source, self._text
        start, end = parts[index][0].start, parts[index][1].end
        rest = text[end : source.line_end(end)].strip(" \t")
        has_lines = starts_line(source, start) and rest[:1] in ("", ",", "#")
        if has_lines and rest.startswith(",") and rest[1:].lstrip(" \t")[:1] in ("", "#"):
            self._replace(source.line_start(start), source.next_line(end), "")
        elif previous is None:
            self._replace(start, parts[index + 1][0].start, "")
        elif has_lines and not rest.startswith(","):
            comma = text.index(",", parts[previous][1].end)
            self._replace(comma, comma + 1, "")
            self._replace(source.line_start(start), source.next_line(end), "")
        else:
            self._replace(parts[index - 1][1].end, end, "")

    def keep_item(self, sequence: Sequence, index: int) -> None:
        """Replace ``sequence`` by its item at ``index``."""
        item = sequence.items[index]
        if not isinstance(item, Scalar | Alias) or sequence.anchor or sequence.tag:
            raise CannotRenderError("the list cannot become one value")
        if sequence.is_flow:
            self._unwrap(sequence, item, item)
            return
        if isinstance(item, Scalar) and not is_on_one_line(item):
            raise CannotRenderError("an item of several lines cannot become the value of a key")
        start = self._line_end_of_key(sequence)
        self._replace(start, item.start, " ")
        end = self._source.line_end(item.end)
        self._replace(end, self._end_of_lines(sequence), "")

    def mapping_to_scalar(self, mapping: Mapping) -> None:
        """Replace ``mapping`` by its only key."""
        key, value = mapping.entries[0]
        if not isinstance(key, Scalar) or len(mapping.entries) != 1 or mapping.anchor:
            raise CannotRenderError("only a mapping of one key can become that key")
        if mapping.is_flow:
            self._unwrap(mapping, key, key)
            return
        spans_lines = LINE_BREAK.search(self._text, mapping.start, mapping.end)
        if self._text[key.end : value.start].strip() == ":" and not spans_lines:
            self._replace(key.end, value.end, "")
            return
        colon = self._text.find(":", key.end)
        if is_explicit(key) or self._text[key.end : colon].strip() or self._on_line(key, value):
            raise CannotRenderError("it shares its lines with something else")
        self._replace(key.end, colon + 1, "")
        self._replace(self._source.line_end(key.end), self._end_of_lines(mapping), "")

    def merge_to_alias(self, mapping: Mapping) -> None:
        """Replace ``mapping`` by the alias that it merges."""
        merged = own_entry(mapping, MERGE_KEY)
        if merged is None or not isinstance(merged.value, Alias) or mapping.anchor:
            raise CannotRenderError("the mapping merges no alias to replace it")
        alias = merged.value
        if mapping.is_flow:
            self._unwrap(mapping, alias, alias)
            return
        if mapping.entries[0][0] is not merged.key or self._on_line(alias, mapping.entries[1][0]):
            raise CannotRenderError("it shares its lines with something else")
        if isinstance(self._layout.parent(mapping), Sequence):
            self._replace(merged.key.start, alias.start, "")
        else:
            self._replace(self._line_end_of_key(mapping), alias.start, " ")
        self._replace(self._source.line_end(alias.end), self._end_of_lines(mapping), "")

    def _on_line(self, node: Node, other: Node) -> bool:
        """Whether ``other`` starts on the line on which ``node`` ends."""
        return other.start < self._source.next_line(node.end)

    def _line_end_of_key(self, value: Collection) -> int:
        """The end of the line, behind the colon, of the key that has ``value`` below it."""
        parent = self._layout.parent(value)
        if isinstance(parent, Mapping):
            for key, candidate in parent.entries:
                line_end = self._source.line_end(key.end)
                if candidate is value and self._text[key.end : line_end].strip() == ":":
                    return self._text.index(":", key.end) + 1
        raise CannotRenderError("the value shares a line with its key")

    def _end_of_lines(self, node: Node) -> int:
        """The end of the last line of ``node``, its comment included, without the line end."""
        end = line_after(node)
        if self._source.is_line_start(end) and end > 0:
            end = self._source.line_end(self._source.line_start(end - 1))
        return end
