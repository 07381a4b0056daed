"""Operations as text: insertions with the indentation, quotes and line breaks around them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.lossless.cannot_render import CannotRenderError
from cci_migrate.lossless.comment_lines import (
    closing_comments_end,
    comment_block_above,
    deeper_comments_end,
)
from cci_migrate.lossless.content_text import (
    JSON_FLOW,
    PLAIN_FLOW,
    FlowStyle,
    entries_lines,
    entry_lines,
    flow_pair,
    flow_text,
    flow_value,
    item_lines,
    key_text,
    text_on_one_line,
)
from cci_migrate.lossless.edits import Edit
from cci_migrate.lossless.flow_insertions import FlowInsertions
from cci_migrate.lossless.insertions import Indented, Insertions, Order
from cci_migrate.lossless.layout import Layout, Style, common_quote, layout_of
from cci_migrate.lossless.merging import MERGE_KEY, own_entry
from cci_migrate.lossless.node_positions import (
    column,
    dash,
    end_of_entry,
    entry_called,
    is_explicit,
    is_on_one_line,
    key_column,
    line_after,
    starts_line,
)
from cci_migrate.lossless.nodes import (
    Alias,
    Document,
    Mapping,
    Node,
    Scalar,
    Sequence,
    children,
    resolved,
)
from cci_migrate.lossless.operations import (
    AddComment,
    AddEntry,
    AddItem,
    Content,
    Entries,
    Items,
    KeepItem,
    MappingToScalar,
    MergeToAlias,
    NestEntries,
    Operation,
    RemoveEntry,
    RemoveItems,
    RenameKey,
    ReplaceScalar,
    ReplaceText,
    ScalarToMapping,
    Text,
    WrapInMerge,
    WrapInSequence,
)
from cci_migrate.lossless.removals import Removals
from cci_migrate.lossless.scalar_positions import content_start, replaced_text
from cci_migrate.lossless.scalars import can_be_plain, scalar_text


def render(document: Document, operations: Iterable[Operation]) -> tuple[Edit, ...]:
    """The edits of ``document``'s text that carry out ``operations``, all on its own nodes.

    Edits at the same position are in the order of their texts in the result.
    Raises CannotRenderError.
    """
    insertions = Insertions(document.source)
    writer = _Writer(layout_of(document), insertions)
    for operation in operations:
        writer.write(operation)
    return insertions.edits()


def node_of(operation: Operation) -> Node:
    """The node that ``operation`` changes; its source is the file to edit."""
    match operation:
        case AddEntry(mapping=node) | NestEntries(mapping=node):
            return node
        case RemoveEntry(mapping=node) | RenameKey(mapping=node):
            return node
        case AddItem(sequence=node) | RemoveItems(sequence=node) | KeepItem(sequence=node):
            return node
        case MappingToScalar(mapping=node) | MergeToAlias(mapping=node):
            return node
        case ReplaceScalar(scalar=node) | ReplaceText(scalar=node):
            return node
        case ScalarToMapping(node=node) | WrapInMerge(node=node):
            return node
        case WrapInSequence(node=node) | AddComment(node=node):
            return node
        case _:
            assert_never(operation)


class _Writer:
    """Puts the edits of operations on one document into ``insertions``."""

    def __init__(self, layout: Layout, insertions: Insertions) -> None:
        self._layout = layout
        self._source = layout.source
        self._text = layout.source.text
        self._insertions = insertions
        self._flow = FlowInsertions(insertions, layout)
        self._removals = Removals(insertions, layout)
        #: The written or empty nulls that have become mappings.
        self._filled: set[Scalar] = set()

    def write(self, operation: Operation) -> None:
        match operation:
            case AddEntry(mapping, key, content, after):
                if isinstance(mapping, Scalar):
                    self._fill_null(mapping, key, content)
                    return
                if key != MERGE_KEY and own_entry(mapping, key) is not None:
                    raise CannotRenderError(f"the mapping has the key {key!r} already")
                if mapping.is_flow:
                    self._flow.add_entry(mapping, key, content, after)
                else:
                    self._add_block_entry(mapping, key, content, after)
            case AddItem(sequence, index, content):
                if sequence.is_flow:
                    self._flow.add_item(sequence, index, content)
                else:
                    self._add_block_item(sequence, index, content)
            case ReplaceScalar(scalar, content):
                if isinstance(content, Items):
                    self._alias_to_list(scalar, content)
                else:
                    self._replace_scalar(scalar, content)
            case ReplaceText(scalar, start, end, text):
                in_flow = self._layout.is_in_flow(scalar)
                edit = replaced_text(scalar, start, end, text, in_flow=in_flow)
                if edit is None:
                    raise CannotRenderError("the scalar's quoting hides the position of its text")
                self._insertions.add(edit)
            case ScalarToMapping(node, entries):
                self._scalar_to_mapping(node, entries)
            case WrapInMerge(node, entries):
                self._wrap_in_merge(node, entries)
            case WrapInSequence(node, items, before):
                self._wrap(node, items, before)
            case NestEntries(mapping, parent, keys):
                self._nest(mapping, parent, keys)
            case RenameKey(mapping, index, name):
                self._rename(mapping, index, name)
            case RemoveEntry(mapping, key):
                self._removals.remove_entry(mapping, key)
            case RemoveItems(sequence, indexes):
                self._removals.remove_items(sequence, indexes)
            case KeepItem(sequence, index):
                self._removals.keep_item(sequence, index)
            case MappingToScalar(mapping):
                self._removals.mapping_to_scalar(mapping)
            case MergeToAlias(mapping):
                self._removals.merge_to_alias(mapping)
            case AddComment(node, text):
                self._comment(node, text)
            case _:
                assert_never(operation)

    def _add_block_entry(
        self, mapping: Mapping, key: str, content: Content, after: str | None
    ) -> None:
        last_key, last_value = (
            mapping.entries[-1] if after is None else entry_called(mapping, after)
        )
        lines = entry_lines(key, content, key_column(mapping), self._layout.style_in(mapping))
        self._insertions.lines_behind(end_of_entry(last_key, last_value), lines)

    def _fill_null(self, null: Scalar, key: str, content: Content) -> None:
        parent = self._layout.parent(null)
        if not isinstance(parent, Mapping) or null.anchor or null.tag:
            raise CannotRenderError("only the empty value of a key can be filled")
        parent_key = next(key for key, value in parent.entries if value is null)
        if is_explicit(parent_key):
            raise CannotRenderError("the key is written with a question mark")
        colon = self._text.find(":", parent_key.end, null.start)
        gap = self._text[parent_key.end : null.start]
        if gap.strip() not in (":", "") or "\n" in gap or "\r" in gap:
            raise CannotRenderError("the empty value is not next to its key")
        if parent.is_flow:
            if colon < 0 or null in self._filled:
                raise CannotRenderError("the empty value in brackets has no position")
            self._filled.add(null)
            style = self._flow.style_of(parent)
            written = flow_text(Entries(((key, content),)), style)
            space = "" if colon + 1 < null.start or style.colon == ":" else " "
            self._insertions.replace(null.start, null.end, space + written)
            return
        if null.start != null.end and null not in self._filled:
            self._insertions.replace(colon + 1, null.end, "")
        self._filled.add(null)
        at = key_column(parent) + self._layout.step_below(null)
        lines = entry_lines(key, content, at, self._layout.style)
        self._insertions.lines_behind(parent_key, lines, past_comments=False)

    def _add_block_item(self, sequence: Sequence, index: int, content: Content) -> None:
        first = dash(sequence, 0)
        at = column(self._source, first)
        style = self._layout.style_in(sequence)
        if isinstance(content, Entries) and len(content.entries) == 1:
            style = replace(style, step=self._layout.item_step(sequence))
        lines = item_lines(content, at, style, common_quote(sequence.items))
        if 0 < index < len(sequence.items):
            between = self._text[line_after(sequence.items[index - 1]) : dash(sequence, index)]
            if any(not line.strip() for line in between.split("\n")[:-1]):
                # A blank line separates items here: put one before the new item, not after it.
                lines = ["", *lines]
        if index > 0:
            behind = self._insertions.line_after(sequence.items[index - 1])
            closed = closing_comments_end(self._source, behind)
            if index < len(sequence.items) and closed > behind:
                self._insertions.lines(closed, lines)
            else:
                self._insertions.lines_behind(sequence.items[index - 1], lines)
        elif starts_line(self._source, first):
            self._insertions.lines(comment_block_above(self._source, first), lines)
        else:
            line_break = self._source.line_break_near(first)
            joined = line_break.join([lines[0].lstrip(), *lines[1:]])
            self._insertions.insert(first, joined + line_break + " " * at, Order.BEFORE)

    def _scalar_to_mapping(self, node: Scalar | Alias, entries: Entries) -> None:
        scalar = resolved(node)
        if not isinstance(scalar, Scalar):
            raise CannotRenderError("a collection cannot become a key")
        if not is_on_one_line(scalar):
            raise CannotRenderError("a scalar of several lines cannot become a key")
        if content_start(scalar) == scalar.end:
            raise CannotRenderError("an empty item has no text that could become a key")
        if self._layout.is_key(node):
            raise CannotRenderError("a key cannot become a mapping")
        if isinstance(node, Alias):
            # `*a : b` is YAML too, but nobody writes it.
            if self._layout.is_in_flow(node) and not (scalar.style or _fits_in_flow(scalar)):
                raise CannotRenderError("the text would mean something else in brackets")
            written = self._source.text[content_start(scalar) : scalar.end]
            self._insertions.replace(node.start, node.end, written)
        if self._layout.is_in_flow(node):
            style = JSON_FLOW if scalar.style == '"' else PLAIN_FLOW
            style = self._flow.separated(style, self._layout.parent(node))
            self._insertions.open(node, "{")
            self._insertions.close(node, f"{style.colon}{flow_text(entries, style)}}}")
            return
        if not isinstance(self._layout.parent(node), Sequence):
            raise CannotRenderError("only an item of a list can become a key on its line")
        at = column(self._source, node.start) + self._layout.step_below(node)
        self._insertions.close(node, ":")
        self._insertions.below(node, entries_lines(entries.entries, at, self._layout.style))

    def _wrap_in_merge(self, node: Alias | Mapping, entries: Entries) -> None:
        if self._layout.is_key(node):
            raise CannotRenderError("a key cannot become a mapping")
        if isinstance(node, Mapping) and not self._has_room_before(node):
            raise CannotRenderError("can't write a merge key before the mapping")
        if self._layout.is_in_flow(node):
            style = self._flow.separated(PLAIN_FLOW, self._layout.parent(node))
            pairs = [flow_pair(key, value, style) for key, value in entries.entries]
            self._insertions.open(node, f"{{{MERGE_KEY}: ")
            self._insertions.close(node, f"{style.comma}{style.comma.join(pairs)}}}")
            return
        parent = self._layout.parent(node)
        if isinstance(parent, Mapping):
            below = key_column(parent) + self._layout.step_below(node)
            at = key_column(node) if isinstance(node, Mapping) and not node.is_flow else below
            at = self._on_own_line(node, at, f"{MERGE_KEY}: ")
        elif isinstance(parent, Sequence):
            at = column(self._source, node.start)
            self._insertions.open(node, f"{MERGE_KEY}: ")
        else:
            raise CannotRenderError("the whole document can't be merged")
        end = self._insertions.line_after(node)
        if isinstance(node, Mapping):
            end = deeper_comments_end(self._source, end, at)
        added = entries_lines(entries.entries, at, self._layout.style)
        follower = self._insertions.lines(end, added)
        if isinstance(node, Mapping):
            start, step = self._source.next_line(node.start), self._layout.style_in(parent).step
            # Behind a dash, an anchor may stand right of the keys in the lines below it.
            keys = at if node.is_flow else min(at, key_column(node))
            self._insertions.indent(Indented(start, end, step + at - keys, keys, follower=follower))

    def _has_room_before(self, node: Mapping) -> bool:
        """Whether a key can be put on the line where ``node`` starts without breaking it."""
        if node.is_flow:
            return self._text[content_start(node)] == "{"
        first = node.entries[0][0].start
        return node.start < first and starts_line(self._source, first)

    def _wrap(self, node: Scalar | Alias, items: Items, before: tuple[Text, ...]) -> None:
        if self._layout.is_key(node):
            raise CannotRenderError("a key cannot become a list")
        if isinstance(node, Scalar):
            if not is_on_one_line(node):
                raise CannotRenderError("a scalar of several lines cannot become an item")
            if content_start(node) == node.end:
                raise CannotRenderError("no value to make an item of")
        in_flow = self._layout.is_in_flow(node)
        quote = node.style if isinstance(node, Scalar) else ""
        fits_in_flow = isinstance(node, Alias) or bool(quote) or _fits_in_flow(node)
        if in_flow or (items.flow and fits_in_flow):
            style = self._flow.separated(FlowStyle(quote=quote), self._layout.parent(node))
            body = "".join(f"{style.comma}{flow_value(item, style)}" for item in items.items)
            head = "".join(f"{flow_value(item, style)}{style.comma}" for item in before)
            self._insertions.open(node, f"[{head}")
            self._insertions.close(node, f"{body}]")
            return
        parent = self._layout.parent(node)
        if not isinstance(parent, Mapping):
            raise CannotRenderError("only a key's value can become a list")
        style_here = self._layout.style_in(parent)
        at = key_column(parent) + style_here.sequence_offset
        dash = "-" + style_here.dash_gap
        if before:
            if starts_line(self._source, node.start):
                at = column(self._source, node.start)
            line_break = self._source.line_break_near(node.start)
            above = _items_lines(Items(before), at, style_here, quote)
            dash = line_break.join([*above, " " * at + dash]).lstrip(" ")
        at = self._on_own_line(node, at, dash)
        self._insertions.below(node, _items_lines(items, at, style_here, quote))

    def _alias_to_list(self, alias: Scalar | Alias, items: Items) -> None:
        if not isinstance(alias, Alias) or self._layout.is_key(alias):
            raise CannotRenderError("only an alias that is a value can be replaced by a list")
        parent = self._layout.parent(alias)
        if items.flow or not items.items or not isinstance(parent, Mapping) or parent.is_flow:
            self._insertions.replace(alias.start, alias.end, flow_text(items))
            return
        style = self._layout.style_in(parent)
        at = key_column(parent) + style.sequence_offset
        has_line = starts_line(self._source, alias.start)
        if has_line:
            at = column(self._source, alias.start)
        first, *following = _items_lines(items, at, style)
        if has_line:
            self._insertions.replace(alias.start, alias.end, first.lstrip())
        else:
            line_break = self._source.line_break_near(alias.start)
            self._insertions.replace(self._behind_colon(alias), alias.end, line_break + first)
        self._insertions.below(alias, following)

    def _on_own_line(self, node: Node, at: int, prefix: str) -> int:
        """Put ``node`` on a line of its own after ``prefix``; return its column."""
        if starts_line(self._source, node.start):
            self._insertions.open(node, prefix)
            return column(self._source, node.start)
        start = self._behind_colon(node)
        line_break = self._source.line_break_near(node.start)
        self._insertions.replace(start, node.start, line_break + " " * at + prefix)
        return at

    def _behind_colon(self, node: Node) -> int:
        """The offset after the colon of the key whose value is ``node``."""
        start = node.start
        while start > 0 and self._text[start - 1] in " \t":
            start -= 1
        if start == 0 or self._text[start - 1] != ":":
            raise CannotRenderError("the value does not follow its key directly")
        return start

    def _nest(self, mapping: Mapping, parent: str, keys: tuple[str, ...]) -> None:
        if mapping.is_flow:
            raise CannotRenderError("keys of a flow mapping cannot be moved")
        names = [key.value if isinstance(key, Scalar) else None for key, _ in mapping.entries]
        first = len(names) - names[::-1].index(parent) if parent in names else 0
        moved = mapping.entries[first : first + len(keys)]
        if first == 0 or not keys or names[first : first + len(keys)] != list(keys):
            raise CannotRenderError(f"the keys to be moved do not follow {parent!r}")
        parent_key, null = mapping.entries[first - 1]
        if not isinstance(null, Scalar) or null.start != null.end or is_explicit(parent_key):
            raise CannotRenderError(f"{parent!r} has a value already")
        for key, _ in moved:
            if not starts_line(self._source, key.start):
                raise CannotRenderError("a key to be moved does not start its line")
        start, end = self._source.next_line(parent_key.end), _line_after_entry(moved[-1])
        step, at = self._layout.style_in(mapping).step, key_column(mapping)
        self._insertions.indent(Indented(start, end, step, at, with_keys=False))

    def _rename(self, mapping: Mapping, index: int, name: str) -> None:
        key = mapping.entries[index][0]
        if isinstance(key, Scalar):
            if key.anchor is not None or key.tag is not None:
                raise CannotRenderError("the key has an anchor or a tag")
            if not is_on_one_line(key) or key.start == key.end:
                raise CannotRenderError("the key is not written on one line")
            new = scalar_text(name, in_flow=True, quote=key.style) if key.style else key_text(name)
            self._insertions.replace(key.start, key.end, new)
        elif isinstance(key, Alias):
            self._insertions.replace(key.start, key.end, key_text(name))
        else:
            raise CannotRenderError("the key is a collection")

    def _comment(self, node: Node, text: str) -> None:
        start = self._source.line_start(node.start)
        if self._is_inside_scalar(node, start):
            raise CannotRenderError("the line starts inside a multi-line string")
        line = self._text[start : node.start]
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        lines = [f"{indent}# {part}".rstrip() for part in text.splitlines()]
        self._insertions.lines(start, lines or [f"{indent}#"], Order.COMMENT_LINES)

    def _is_inside_scalar(self, node: Node, offset: int) -> bool:
        parent = self._layout.parent(node)
        while parent is not None and parent.start < offset:
            for part in children(parent):
                if isinstance(part, Scalar) and part.start < offset < part.end:
                    return True
            parent = self._layout.parent(parent)
        return False

    def _replace_scalar(self, scalar: Scalar | Alias, content: Text) -> None:
        in_flow = self._layout.is_in_flow(scalar) or self._layout.is_key(scalar)
        quote = "" if isinstance(scalar, Alias) else scalar.style
        if quote in ("|", ">"):
            raise CannotRenderError("a block scalar's value cannot be replaced on one line")
        new = text_on_one_line(content, in_flow=in_flow, quote=quote)
        if isinstance(scalar, Alias):
            self._insertions.replace(scalar.start, scalar.end, new)
            return
        start = content_start(scalar)
        if start == scalar.end:
            before = self._text[start - 1 : start]
            if scalar.start == scalar.end and before not in (":", "-"):
                raise CannotRenderError("can't locate the missing value")
            if not before.isspace():
                new = f" {new}"
        self._insertions.replace(start, scalar.end, new)


def _line_after_entry(entry: tuple[Node, Node]) -> int:
    return line_after(end_of_entry(*entry))


def _items_lines(items: Items, at: int, style: Style, quote: str = "") -> list[str]:
    return [line for item in items.items for line in item_lines(item, at, style, quote)]


def _fits_in_flow(node: Scalar) -> bool:
    """Whether the plain scalar ``node`` would mean the same in a flow collection."""
    return can_be_plain(node.value, in_flow=True)
