"""Operations as text: insertions in the indentation, quoting and line ends of their neighbours."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import assert_never

from cci_migrate.lossless.edits import Edit, insertion
from cci_migrate.lossless.layout import (
    Layout,
    Style,
    column,
    comment_block_above,
    dash,
    key_column,
    line_after,
    starts_line,
)
from cci_migrate.lossless.merging import MERGE_KEY, own_entry
from cci_migrate.lossless.nodes import Alias, Document, Mapping, Node, Scalar, Sequence
from cci_migrate.lossless.operations import (
    AddComment,
    AddEntry,
    AddItem,
    AliasTo,
    AliasToMerge,
    Content,
    Entries,
    Items,
    NestEntries,
    Operation,
    RemoveEntry,
    RenameKey,
    ReplaceScalar,
    ReplaceText,
    ScalarToMapping,
    Text,
    WrapInSequence,
)
from cci_migrate.lossless.scalar_positions import replaced_text
from cci_migrate.lossless.scalars import scalar_text
from cci_migrate.lossless.source import SourceText, Span


class CannotRenderError(ValueError):
    """The text around a node has a shape in which the change cannot be written; says which."""


def render(document: Document, operations: Iterable[Operation]) -> tuple[Edit, ...]:
    """The edits of ``document``'s text that carry out ``operations``, all on its own nodes.

    Raises CannotRenderError.
    """
    layout = Layout(document)
    edits: list[Edit] = []
    for operation in operations:
        edits.extend(_Writer(layout).write(operation))
    return tuple(edits)


def node_of(operation: Operation) -> Node:
    """The node that ``operation`` changes; its source tells whose file is edited."""
    match operation:
        case AddEntry(mapping=node) | NestEntries(mapping=node):
            return node
        case RemoveEntry(mapping=node) | RenameKey(mapping=node):
            return node
        case AddItem(sequence=node):
            return node
        case ReplaceScalar(scalar=node) | ReplaceText(scalar=node):
            return node
        case ScalarToMapping(node=node) | AliasToMerge(node=node):
            return node
        case WrapInSequence(node=node) | AddComment(node=node):
            return node
        case _:
            assert_never(operation)


class _Writer:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._source = layout.source

    def write(self, operation: Operation) -> list[Edit]:
        match operation:
            case AddEntry(mapping, key, content, after):
                if isinstance(mapping, Scalar):
                    return self._fill_null(mapping, Entries(((key, content),)))
                if mapping.is_flow:
                    return self._add_flow_entry(mapping, key, content, after)
                return self._add_block_entry(mapping, key, content, after)
            case AddItem(sequence, index, content):
                if sequence.is_flow:
                    return self._add_flow_item(sequence, index, content)
                return self._add_block_item(sequence, index, content)
            case ReplaceScalar(scalar, content):
                return self._replace_scalar(scalar, content)
            case ReplaceText(scalar, start, end, text):
                edit = replaced_text(scalar, start, end, text)
                if edit is None:
                    raise CannotRenderError("the scalar's quoting hides where its text stands")
                return [edit]
            case ScalarToMapping(node, entries):
                return self._scalar_to_mapping(node, entries)
            case AliasToMerge(node, entries):
                return self._alias_to_merge(node, entries)
            case WrapInSequence(node, items):
                return self._wrap(node, items)
            case NestEntries(mapping, parent, keys):
                return self._nest(mapping, parent, keys)
            case RenameKey(mapping, index, name):
                return [self._replace(mapping.entries[index][0], name)]
            case RemoveEntry(mapping, key):
                return self._remove(mapping, key)
            case AddComment(node, text):
                return self._comment(node, text)
            case _:
                assert_never(operation)

    # Blocks

    def _add_block_entry(
        self, mapping: Mapping, key: str, content: Content, after: str | None
    ) -> list[Edit]:
        previous = mapping.entries[-1] if after is None else _last_entry(mapping, after)
        lines = block_entry(key, content, key_column(mapping), self._layout.style_in(mapping))
        return [self._lines(_line_after_entry(previous), lines)]

    def _fill_null(self, null: Scalar, entries: Entries) -> list[Edit]:
        parent = self._layout.parent(null)
        if not isinstance(parent, Mapping) or parent.is_flow or null.value:
            raise CannotRenderError("an empty value can only be filled under a block key")
        step = self._layout.step_below_item(null)
        key = next(key for key, value in parent.entries if value is null)
        return [self._lines(line_after(key), self._block_entries(entries, parent, step))]

    def _block_entries(self, entries: Entries, parent: Mapping, step: int) -> list[str]:
        style = self._layout.style
        at = key_column(parent) + step
        return [
            line for key, value in entries.entries for line in block_entry(key, value, at, style)
        ]

    def _add_block_item(self, sequence: Sequence, index: int, content: Content) -> list[Edit]:
        at_column = column(self._source, dash(sequence, 0))
        lines = block_item(content, at_column, self._layout.style)
        if index > 0:
            return [self._lines(line_after(sequence.items[index - 1]), lines)]
        first = dash(sequence, 0)
        if starts_line(self._source, first):
            return [self._lines(comment_block_above(self._source, first), lines)]
        line_break = self._source.line_break_near(first)
        joined = line_break.join([lines[0].lstrip(), *lines[1:]])
        return [insertion(first, joined + line_break + " " * at_column)]

    def _scalar_to_mapping(self, node: Scalar, entries: Entries) -> list[Edit]:
        if self._layout.is_in_flow(node):
            body = flow_text(entries, json=node.style == '"')
            return [insertion(node.start, "{"), insertion(node.end, f": {body}}}")]
        if node.style in ("|", ">") or "\n" in self._source.text[node.start : node.end]:
            raise CannotRenderError("a scalar of several lines cannot become a key")
        step = self._layout.step_below_item(node)
        style = self._layout.style
        at = column(self._source, node.start) + step
        lines = [
            line for key, value in entries.entries for line in block_entry(key, value, at, style)
        ]
        return [insertion(node.end, ":"), self._lines(self._source.next_line(node.end), lines)]

    def _alias_to_merge(self, node: Alias, entries: Entries) -> list[Edit]:
        if self._layout.is_in_flow(node):
            body = ", ".join(_flow_pair(key, value, json=False) for key, value in entries.entries)
            # An alias's name may run up to the comma: keep a space between.
            return [insertion(node.start, "{<<: "), insertion(node.end, f" , {body}}}")]
        style = self._layout.style
        parent = self._layout.parent(node)
        after = self._source.next_line(node.end)
        if isinstance(parent, Sequence):
            at = column(self._source, node.start)
            start = insertion(node.start, f"{MERGE_KEY}: ")
        elif isinstance(parent, Mapping):
            at = key_column(parent) + self._layout.step_below_item(node)
            start = self._on_next_line(node, at, f"{MERGE_KEY}: ")
        else:
            raise CannotRenderError("an alias that is the whole document cannot be merged")
        lines = [
            line for key, value in entries.entries for line in block_entry(key, value, at, style)
        ]
        return [start, self._lines(after, lines)]

    def _wrap(self, node: Scalar | Alias, items: Items) -> list[Edit]:
        if self._layout.is_in_flow(node) or items.flow:
            json = isinstance(node, Scalar) and node.style == '"' and self._layout.is_in_flow(node)
            body = "".join(f", {_flow_value(item, json=json)}" for item in items.items)
            if isinstance(node, Alias):
                body = f" {body}"
            return [insertion(node.start, "["), insertion(node.end, f"{body}]")]
        parent = self._layout.parent(node)
        if not isinstance(parent, Mapping):
            raise CannotRenderError("only a key's value can become a list")
        if isinstance(node, Scalar) and (
            node.style in ("|", ">") or "\n" in self._source.text[node.start : node.end]
        ):
            raise CannotRenderError("a scalar of several lines cannot become an item")
        style = self._layout.style_in(parent)
        at = key_column(parent) + style.sequence_offset
        lines = [line for item in items.items for line in block_item(item, at, style)]
        return [
            self._on_next_line(node, at, "- "),
            self._lines(self._source.next_line(node.end), lines),
        ]

    def _on_next_line(self, node: Node, at_column: int, prefix: str) -> Edit:
        """Move ``node`` from behind its key to a line of its own."""
        text = self._source.text
        start = node.start
        while start > 0 and text[start - 1] in " \t":
            start -= 1
        if start == 0 or text[start - 1] != ":":
            raise CannotRenderError("the value does not stand directly behind its key")
        line_break = self._source.line_break_near(node.start)
        return Edit(
            Span(start, node.start),
            text[start : node.start],
            line_break + " " * at_column + prefix,
        )

    def _nest(self, mapping: Mapping, parent: str, keys: tuple[str, ...]) -> list[Edit]:
        if mapping.is_flow:
            raise CannotRenderError("keys of a flow mapping cannot be moved")
        step = self._layout.style_in(mapping).step
        edits = []
        for name in keys:
            key, value = _last_entry(mapping, name)
            if not starts_line(self._source, key.start):
                raise CannotRenderError(f"the key {name!r} does not start its line")
            end = _line_after_entry((key, value))
            at = self._source.line_start(key.start)
            while at < end:
                if self._source.line_end(at) > at:
                    edits.append(insertion(at, " " * step))
                at = self._source.next_line(at)
        del parent
        return edits

    def _remove(self, mapping: Mapping, name: str) -> list[Edit]:
        key, value = _last_entry(mapping, name)
        if mapping.is_flow or len(mapping.entries) == 1 or not starts_line(self._source, key.start):
            raise CannotRenderError(f"the entry {name!r} does not have its lines to itself")
        start = self._source.line_start(key.start)
        end = _line_after_entry((key, value))
        return [Edit(Span(start, end), self._source.text[start:end], "")]

    def _comment(self, node: Node, text: str) -> list[Edit]:
        start = self._source.line_start(node.start)
        line = self._source.text[start : node.start]
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        return [self._lines(start, [f"{indent}# {text}"])]

    def _lines(self, at: int, lines: list[str]) -> Edit:
        """Insert whole ``lines`` at ``at``, the start of a line or the end of the text."""
        text = self._source.text
        line_break = self._source.line_break_near(at)
        joined = line_break.join(lines)
        if at == len(text) and at > self._source.line_start(at):
            return insertion(at, line_break + joined)
        return insertion(at, joined + line_break)

    def _replace(self, node: Node, text: str) -> Edit:
        return Edit(Span(node.start, node.end), self._source.text[node.start : node.end], text)

    def _replace_scalar(self, scalar: Scalar | Alias, content: Text | Items) -> list[Edit]:
        in_flow = self._layout.is_in_flow(scalar)
        if isinstance(content, Items):
            if not isinstance(scalar, Alias):
                raise CannotRenderError("only an alias can be replaced by a list")
            return [self._replace(scalar, flow_text(content, json=False))]
        if isinstance(scalar, Alias):
            return [self._replace(scalar, scalar_text(content.value, in_flow=in_flow))]
        if scalar.style in ("|", ">"):
            raise CannotRenderError("a block scalar's value cannot be replaced on one line")
        start = scalar.start
        text = self._source.text
        if scalar.anchor is not None or scalar.tag is not None:
            while text[start] in "&!":
                while not text[start].isspace():
                    start += 1
                while text[start].isspace():
                    start += 1
        new = scalar_text(content.value, in_flow=in_flow, quote=scalar.style)
        if start == scalar.end and text[start - 1 : start] == ":":
            new = f" {new}"
        return [Edit(Span(start, scalar.end), text[start : scalar.end], new)]

    # Flow collections

    def _add_flow_entry(
        self, mapping: Mapping, key: str, content: Content, after: str | None
    ) -> list[Edit]:
        json = any(isinstance(k, Scalar) and k.style == '"' for k, _ in mapping.entries)
        pair = _flow_pair(key, content, json=json)
        if not mapping.entries:
            return [insertion(mapping.end - 1, pair)]
        previous = mapping.entries[-1] if after is None else _last_entry(mapping, after)
        if self._source.text[mapping.end - 1] != "}":
            # A pair without braces in a flow sequence: `[image: x]`.
            gap = " " if isinstance(previous[1], Alias) else ""
            end = _flow_end(mapping.entries[-1])
            return [insertion(mapping.start, "{"), insertion(end, f"{gap}, {pair}}}")]
        return self._flow_addition(previous[0].start, _flow_end(previous), pair)

    def _add_flow_item(self, sequence: Sequence, index: int, content: Content) -> list[Edit]:
        json = any(isinstance(i, Scalar) and i.style == '"' for i in sequence.items)
        item = _flow_value(content, json=json)
        if not sequence.items:
            return [insertion(sequence.end - 1, item)]
        if index == 0:
            return [insertion(sequence.items[0].start, f"{item}, ")]
        previous = sequence.items[index - 1]
        gap = " " if isinstance(previous, Alias) else ""
        return self._flow_addition(previous.start, previous.end, item, gap)

    def _flow_addition(self, start: int, end: int, text: str, gap: str = "") -> list[Edit]:
        """Add ``text`` behind the part of a flow collection from ``start`` to ``end``."""
        source = self._source
        if not starts_line(source, start):
            return [insertion(end, f"{gap}, {text}")]
        # Each part has its own line: so does the new one, below the comment of the last.
        indent = source.text[source.line_start(start) : start]
        rest = source.text[end : source.line_end(end)]
        line_break = source.line_break_near(source.next_line(end))
        if rest.lstrip().startswith(","):
            if rest.lstrip()[1:].strip().startswith("#") or not rest.strip(" \t,"):
                return [insertion(source.next_line(end), f"{indent}{text},{line_break}")]
        elif not rest.strip() or rest.lstrip().startswith("#"):
            return [
                insertion(end, f"{gap},"),
                insertion(source.next_line(end), f"{indent}{text}{line_break}"),
            ]
        return [insertion(end, f"{gap},{line_break}{indent}{text}")]


def _last_entry(mapping: Mapping, name: str) -> tuple[Node, Node]:
    entry = own_entry(mapping, name)
    if entry is None:
        if name == MERGE_KEY:
            for key, value in reversed(mapping.entries):
                if isinstance(key, Scalar) and key.value == MERGE_KEY:
                    return key, value
        raise CannotRenderError(f"the mapping has no key {name!r}")
    return entry.key, entry.value


def _line_after_entry(entry: tuple[Node, Node]) -> int:
    key, value = entry
    if isinstance(value, Scalar) and value.start == value.end:
        return line_after(key)
    return line_after(value)


def _flow_end(entry: tuple[Node, Node]) -> int:
    key, value = entry
    return max(key.end, value.end)


def block_entry(key: str, content: Content, at: int, style: Style) -> list[str]:
    """The lines of ``key: content`` in block style, its key at column ``at``."""
    head = " " * at + _key_text(key) + ":"
    match content:
        case Text(value, literal):
            if literal and "\n" in value:
                return _literal(head, value, at + style.step)
            return [f"{head} {_plain_text(content, in_flow=False)}"]
        case Entries(entries, flow):
            if flow or not entries:
                return [f"{head} {flow_text(content, json=False)}"]
            below = [block_entry(name, value, at + style.step, style) for name, value in entries]
            return [head, *(line for lines in below for line in lines)]
        case Items(items, flow):
            if flow or not items:
                return [f"{head} {flow_text(content, json=False)}"]
            offset = at + style.sequence_offset
            return [head, *(line for item in items for line in block_item(item, offset, style))]
        case AliasTo(name=name):
            return [f"{head} *{name}"]
        case _:
            assert_never(content)


def block_item(content: Content, at: int, style: Style) -> list[str]:
    """The lines of ``- content`` in block style, its dash at column ``at``."""
    head = " " * at + "- "
    match content:
        case Entries(entries, False) if entries:
            lines = [
                line for key, value in entries for line in block_entry(key, value, at + 2, style)
            ]
            return [head + lines[0][at + 2 :], *lines[1:]]
        case Text():
            return [head + _plain_text(content, in_flow=False)]
        case AliasTo(name=name):
            return [f"{head}*{name}"]
        case Entries() | Items():
            return [head + flow_text(content, json=False)]
        case _:
            assert_never(content)


def _literal(head: str, value: str, indent: int) -> list[str]:
    chomping = "" if value.endswith("\n") and not value.endswith("\n\n") else "-"
    body = value[:-1] if chomping == "" else value
    return [
        f"{head} |{chomping}",
        *((" " * indent + line) if line else "" for line in body.split("\n")),
    ]


def flow_text(content: Entries | Items, *, json: bool) -> str:
    """``content`` in flow style; ``json`` asks for double quotes around all strings."""
    if isinstance(content, Entries):
        return "{" + ", ".join(_flow_pair(k, v, json=json) for k, v in content.entries) + "}"
    return "[" + ", ".join(_flow_value(item, json=json) for item in content.items) + "]"


def _flow_pair(key: str, content: Content, *, json: bool) -> str:
    name = scalar_text(key, in_flow=True, quote='"') if json else _key_text(key)
    return f"{name}: {_flow_value(content, json=json)}"


def _flow_value(content: Content, *, json: bool) -> str:
    match content:
        case Text():
            return _plain_text(content, in_flow=True, quote='"' if json else "")
        case Entries() | Items():
            return flow_text(content, json=json)
        case AliasTo(name=name):
            return f"*{name} "
        case _:
            assert_never(content)


def _plain_text(content: Text, *, in_flow: bool, quote: str = "") -> str:
    if content.is_number:
        return content.value
    return scalar_text(content.value, in_flow=in_flow, quote=quote)


def _key_text(key: str) -> str:
    return key if key == MERGE_KEY else scalar_text(key, in_flow=True)


def lines_of(source: SourceText, span: Span) -> str:
    """The whole lines that ``span`` touches, for showing."""
    return source.text[source.line_start(span.start) : source.line_end(span.end)]
