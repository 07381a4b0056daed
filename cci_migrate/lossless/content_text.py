"""New content as text: the lines of a block, or one line of a flow collection."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.lossless.layout import Style
from cci_migrate.lossless.merging import MERGE_KEY
from cci_migrate.lossless.operations import AliasTo, Content, Entries, Items, Text
from cci_migrate.lossless.scalars import scalar_text


class FlowStyle(Struct, frozen=True):
    """How a flow collection is written: its quotes, the space inside its brackets, separators."""

    quote: str = ""
    quotes_keys: bool = False
    padding: str = ""
    comma: str = ", "
    colon: str = ": "


PLAIN_FLOW = FlowStyle()
JSON_FLOW = FlowStyle(quote='"', quotes_keys=True)


def key_text(key: str) -> str:
    """``key`` as written in a mapping, quoted if it has to be."""
    return key if key == MERGE_KEY else scalar_text(key, in_flow=True)


def entry_lines(key: str, content: Content, at: int, style: Style) -> list[str]:
    """The lines of ``key: content`` in block style, its key at column ``at``."""
    head = " " * at + key_text(key) + ":"
    match content:
        case Text(value, literal=True) if _can_be_literal(value):
            return _literal(head, value, at + style.step)
        case Entries(entries, flow=False) if entries:
            return [head, *entries_lines(entries, at + style.step, style)]
        case Items(items, flow=False) if items:
            offset = at + style.sequence_offset
            return [head, *(line for item in items for line in item_lines(item, offset, style))]
        case _:
            return [f"{head} {_on_one_line(content)}"]


def entries_lines(entries: Iterable[tuple[str, Content]], at: int, style: Style) -> list[str]:
    """The lines of several entries, their keys at column ``at``."""
    return [line for key, value in entries for line in entry_lines(key, value, at, style)]


def item_lines(content: Content, at: int, style: Style, quote: str = "") -> list[str]:
    """The lines of ``- content`` in block style, its dash at column ``at``.

    ``quote`` is the quote around a string; empty: quoted only if it has to be.
    """
    head = " " * at + "-" + style.dash_gap
    match content:
        case Entries(entries, flow=False) if entries:
            lines = entries_lines(entries, len(head), style)
            return [head + lines[0][len(head) :], *lines[1:]]
        case _:
            return [head + _on_one_line(content, quote)]


def _on_one_line(content: Content, quote: str = "") -> str:
    """The text of ``content`` as an item or a value in a block collection, on one line."""
    if isinstance(content, Text):
        return text_on_one_line(content, in_flow=False, quote=quote)
    return flow_value(content, PLAIN_FLOW)


def flow_text(content: Entries | Items, style: FlowStyle = PLAIN_FLOW) -> str:
    """``content`` as a flow collection on one line."""
    if isinstance(content, Entries):
        inner = style.comma.join(flow_pair(name, value, style) for name, value in content.entries)
        return "{" + _padded(inner, style) + "}"
    inner = style.comma.join(flow_value(item, style) for item in content.items)
    return "[" + _padded(inner, style) + "]"


def flow_pair(key: str, content: Content, style: FlowStyle) -> str:
    """The text of the entry ``key: content`` in a flow mapping."""
    name = scalar_text(key, in_flow=True, quote='"') if style.quotes_keys else key_text(key)
    return f"{name}{style.colon}{flow_value(content, style)}"


def flow_value(content: Content, style: FlowStyle) -> str:
    """The text of ``content`` as an item or a value in a flow collection."""
    match content:
        case Text():
            return text_on_one_line(content, in_flow=True, quote=style.quote)
        case Entries() | Items():
            return flow_text(content, style)
        case AliasTo(name=name):
            return f"*{name}"
        case _:
            assert_never(content)


def _padded(inner: str, style: FlowStyle) -> str:
    return f"{style.padding}{inner}{style.padding}" if inner else ""


def text_on_one_line(content: Text, *, in_flow: bool, quote: str = "") -> str:
    """``content`` as a scalar on one line, in ``quote`` if it is given."""
    if content.is_number:
        return content.value
    return scalar_text(content.value, in_flow=in_flow, quote=quote)


def _can_be_literal(value: str) -> bool:
    r"""Whether a ``|`` block without an indentation indicator, ``|-`` or ``|``, can hold it."""
    lines = value.split("\n")
    return (
        "\n" in value
        and not value.endswith("\n\n")
        and all(line.replace("\t", "").isprintable() for line in lines)
        and lines[0][:1] not in ("", " ", "\t")
        and not any(line and not line.strip() for line in lines)
    )


def _literal(head: str, value: str, indent: int) -> list[str]:
    chomping = "" if value.endswith("\n") else "-"
    body = value.removesuffix("\n")
    return [
        f"{head} |{chomping}",
        *((" " * indent + line) if line else "" for line in body.split("\n")),
    ]
