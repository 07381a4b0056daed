"""How a document is laid out: its indents, gaps and padding, and what each node is in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from msgspec import Struct, field

from cci_migrate.lossless.node_positions import column, dash, key_column, starts_line
from cci_migrate.lossless.nodes import (
    Alias,
    Collection,
    Document,
    Mapping,
    Node,
    Scalar,
    Sequence,
)
from cci_migrate.lossless.scalar_positions import content_start
from cci_migrate.lossless.source import LINE_BREAK

DEFAULT_STEP = 2


class Style(Struct, frozen=True):
    """Distances in columns: from a key to its children's, to its items' dashes; after a dash."""

    step: int
    sequence_offset: int
    dash_gap: str = " "


def _none_counted() -> defaultdict[Any, int]:
    return defaultdict(int)


class _Counts(Struct):
    """How often each distance occurs."""

    steps: dict[int, int] = field(default_factory=_none_counted)
    offsets: dict[int, int] = field(default_factory=_none_counted)
    gaps: dict[str, int] = field(default_factory=_none_counted)
    #: Steps below the only key of an item, as in ``- run:``.
    item_steps: dict[int, int] = field(default_factory=_none_counted)
    #: The `key_column` of mappings: asked for as of a value and as of a parent.
    columns: dict[Mapping, int] = field(default_factory=dict)

    def _column_of(self, mapping: Mapping) -> int:
        if mapping not in self.columns:
            self.columns[mapping] = key_column(mapping)
        return self.columns[mapping]

    def style(self, otherwise: Style) -> Style:
        return Style(
            _most_common(self.steps, otherwise.step),
            _most_common(self.offsets, otherwise.sequence_offset),
            _most_common(self.gaps, otherwise.dash_gap),
        )

    def add_values(self, mapping: Mapping) -> None:
        """Count the distances of the values of the block ``mapping`` from their keys."""
        own: int | None = None
        for _, value in mapping.entries:
            if type(value) is Scalar or type(value) is Alias or value.is_flow:
                continue
            own = self._column_of(mapping) if own is None else own
            if type(value) is Mapping:
                distance = self._column_of(value) - own if value.entries else 0
                if distance > 0:
                    self.steps[distance] += 1
            elif value.items:
                at = dash(value, 0)
                distance = column(value.source, at) - own
                if distance >= 0 and starts_line(value.source, at):
                    self.offsets[distance] += 1

    def add_items(self, sequence: Sequence) -> None:
        """Count the gaps after the dashes of the block ``sequence``, and its items' steps."""
        text = sequence.source.text
        for index, item in enumerate(sequence.items):
            if text.startswith("- ", item.start - 2):
                self.gaps[" "] += 1  # as nearly all have it
                continue
            gap = text[dash(sequence, index) + 1 : item.start]
            if gap and not gap.strip(" "):
                self.gaps[gap] += 1
        self.add_item_steps(sequence.items)

    def add_item_steps(self, items: Iterable[Node]) -> None:
        """Count the steps below the only keys of ``items``."""
        for item in items:
            if type(item) is Mapping and not item.is_flow and len(item.entries) == 1:
                value = item.entries[0][1]
                if type(value) is Mapping and not value.is_flow and value.entries:
                    distance = self._column_of(value) - self._column_of(item)
                    if distance > 0:
                        self.item_steps[distance] += 1


class Layout:
    """The parents of a document's nodes, and its prevailing style.

    Built only for documents that are edited, by `layout_of`.
    """

    def __init__(self, document: Document) -> None:
        self.source = document.source
        self._parents: dict[Node, Collection] = {}
        self._styles: dict[Collection, Style] = {}
        self._item_steps: dict[Sequence, int] = {}
        self._counts = counts = _Counts()
        for mapping in document.mappings:
            self._parents.update(dict.fromkeys(chain.from_iterable(mapping.entries), mapping))
            if not mapping.is_flow:
                counts.add_values(mapping)
        for sequence in document.sequences:
            self._parents.update(dict.fromkeys(sequence.items, sequence))
            if not sequence.is_flow:
                counts.add_items(sequence)
        step = _most_common(counts.steps, DEFAULT_STEP)
        self.style = counts.style(Style(step, step))

    def padding_of_wrapped_pair(self, mapping: Mapping) -> str:
        """The space inside braces that a pair of a flow sequence (``[image: x]``) gets.

        It has some if the brackets have none, and none if they have some: by that the pair is known
        when the braces can go again.
        """
        sequence = self.parent(mapping)
        return "" if sequence is None or self._has_padding(sequence) else " "

    def is_wrapped_pair(self, mapping: Mapping) -> bool:
        """Whether ``mapping`` has braces like those of `padding_of_wrapped_pair`."""
        sequence = self.parent(mapping)
        return (
            isinstance(sequence, Sequence)
            and sequence.is_flow
            and mapping.anchor is None
            and mapping.tag is None
            and self.source.text[mapping.start] == "{"
            and self._has_padding(mapping) != self._has_padding(sequence)
            and LINE_BREAK.search(self.source.text, mapping.start, mapping.end) is None
        )

    def _has_padding(self, collection: Collection) -> bool:
        return self.source.text[content_start(collection) + 1 :][:1] == " "

    def parent(self, node: Node) -> Collection | None:
        """The collection that contains ``node``; None for the root."""
        return self._parents.get(node)

    def is_in_flow(self, node: Node) -> bool:
        parent = self.parent(node)
        return parent is not None and parent.is_flow

    def is_key(self, node: Node) -> bool:
        parent = self.parent(node)
        return isinstance(parent, Mapping) and any(key is node for key, _ in parent.entries)

    def style_in(self, node: Collection) -> Style:
        """The style of a block collection; where its own parts don't show it, the document's."""
        style = self._styles.get(node)
        if style is None:
            counts = _Counts()
            if isinstance(node, Mapping):
                counts.add_values(node)
            else:
                counts.add_items(node)
            style = self._styles[node] = counts.style(self.style)
        return style

    def step_below(self, node: Node) -> int:
        """The distance in columns from the key of the item or value ``node`` to keys below it.

        For an item that will become ``- build:``, taken from its siblings, then from such items
        elsewhere.
        """
        parent = self.parent(node)
        if isinstance(parent, Mapping):
            sequence = self.parent(parent)
            if len(parent.entries) > 1 or not isinstance(sequence, Sequence):
                return self.style_in(parent).step
        else:
            sequence = parent
        if not isinstance(sequence, Sequence):
            return self.style.step
        return self.item_step(sequence)

    def item_step(self, sequence: Sequence) -> int:
        """The distance in columns from the keys of the items of ``sequence`` to keys below them."""
        step = self._item_steps.get(sequence)
        if step is None:
            counts = _Counts()
            counts.add_item_steps(sequence.items)
            elsewhere = _most_common(self._counts.item_steps, self.style.step)
            step = self._item_steps[sequence] = _most_common(counts.item_steps, elsewhere)
        return step


@lru_cache(maxsize=2)
def layout_of(document: Document) -> Layout:
    """The layout of ``document``, the same one for the same document.

    The fixes of a config are rendered one by one too, and most are in one file or two.
    """
    return Layout(document)


_K = TypeVar("_K", int, str)


def _most_common(counts: dict[_K, int], otherwise: _K) -> _K:
    return max(counts, key=counts.__getitem__) if counts else otherwise


def common_quote(items: Iterable[Node]) -> str:
    """The quote around all scalars of ``items``; empty if they differ or there are none."""
    quotes = {item.style for item in items if isinstance(item, Scalar)}
    return quotes.pop() if quotes in ({'"'}, {"'"}) else ""
