"""A change to a YAML document, as data.

An operation names nodes of the tree and what their data become. `rendering` turns it into text in
the file's own style; `values.expected` applies it to plain data. The proof compares the two, so
they share no code.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar, Sequence


class Text(Struct, frozen=True):
    """A scalar: a string unless ``is_number``.

    ``literal`` requests a ``|`` block where one is possible.
    """

    value: str
    literal: bool = False
    is_number: bool = False


class Items(Struct, frozen=True):
    """A sequence; ``flow`` requests ``[a, b]`` even inside a block collection."""

    items: tuple[Content, ...]
    flow: bool = False


class Entries(Struct, frozen=True):
    """A mapping; ``flow`` requests ``{a: b}`` even inside a block collection."""

    entries: tuple[tuple[str, Content], ...]
    flow: bool = False


class AliasTo(Struct, frozen=True):
    """An alias of ``target``, whose anchor ``name`` precedes the place of insertion."""

    target: Node
    name: str


Content = Text | Items | Entries | AliasTo


class AddEntry(Struct, frozen=True):
    """Add ``key: content`` to ``mapping``, after its entry ``after`` (None: at the end).

    ``mapping`` may also be the null scalar of a key without a value, which becomes a mapping.
    """

    mapping: Mapping | Scalar
    key: str
    content: Content
    after: str | None = None


class AddItem(Struct, frozen=True):
    """Insert ``content`` before the item at ``index`` of ``sequence`` (its length: at the end)."""

    sequence: Sequence
    index: int
    content: Content


class ReplaceScalar(Struct, frozen=True):
    """Replace the value of ``scalar``; the quoting is kept if possible.

    An alias may also be replaced by a list: its target's items and more.
    """

    scalar: Scalar | Alias
    content: Text | Items


class ReplaceText(Struct, frozen=True):
    """Replace characters ``start``..``end`` of the value of ``scalar`` (offsets in its value)."""

    scalar: Scalar
    start: int
    end: int
    text: str


class ScalarToMapping(Struct, frozen=True):
    """Turn ``node``, a scalar or an alias of one, into a mapping with that scalar as its only key.

    ``- build`` becomes ``- build:`` with ``entries`` below it; an alias is replaced by its value.
    """

    node: Scalar | Alias
    entries: Entries


class WrapInMerge(Struct, frozen=True):
    """Turn ``node`` into a mapping that merges it and adds ``entries``.

    ``- *image`` becomes ``- <<: *image`` with ``entries`` below it. An anchor stays on the merged
    mapping, so that its aliases keep their meaning: ``build: &b {…}`` becomes ``<<: &b {…}`` below
    ``build:``, and ``entries`` below that.
    """

    node: Alias | Mapping
    entries: Entries


class WrapInSequence(Struct, frozen=True):
    """Turn ``node`` into a sequence of ``before``, ``node`` and ``items``."""

    node: Scalar | Alias
    items: Items
    before: tuple[Text, ...] = ()


class NestEntries(Struct, frozen=True):
    """Move the entries ``keys`` of ``mapping`` under its entry ``parent``, whose value is null."""

    mapping: Mapping
    parent: str
    keys: tuple[str, ...]


class RenameKey(Struct, frozen=True):
    """Rename the key of the entry at ``index`` of ``mapping`` to ``name``."""

    mapping: Mapping
    index: int
    name: str


class RemoveEntry(Struct, frozen=True):
    """Remove the entry ``key`` of ``mapping`` with its lines and the comments on them."""

    mapping: Mapping
    key: str


class RemoveItems(Struct, frozen=True):
    """Remove the items at ``indexes`` of ``sequence`` with their lines and the comments on them."""

    sequence: Sequence
    indexes: tuple[int, ...]


class KeepItem(Struct, frozen=True):
    """Replace ``sequence`` by its item at ``index``, a scalar or an alias."""

    sequence: Sequence
    index: int


class MappingToScalar(Struct, frozen=True):
    """Replace ``mapping``, which has one entry, by the key of that entry.

    ``- build:`` with entries below it becomes ``- build``.
    """

    mapping: Mapping


class MergeToAlias(Struct, frozen=True):
    """Replace ``mapping`` by the alias that it merges; its other entries are removed.

    ``- <<: *image`` with entries below it becomes ``- *image``.
    """

    mapping: Mapping


class AddComment(Struct, frozen=True):
    """Put a comment on a line of its own above ``node``; the data don't change."""

    node: Node
    text: str


Operation = (
    AddEntry
    | AddItem
    | ReplaceScalar
    | ReplaceText
    | ScalarToMapping
    | WrapInMerge
    | WrapInSequence
    | NestEntries
    | RenameKey
    | RemoveEntry
    | RemoveItems
    | KeepItem
    | MappingToScalar
    | MergeToAlias
    | AddComment
)


def joined(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """``operations``, those that turn one scalar into a mapping as a single one."""
    joined_operations: dict[object, Operation] = {}
    for operation in operations:
        key: object = operation
        if isinstance(operation, ScalarToMapping):
            key = operation.node
            earlier = joined_operations.get(key)
            if isinstance(earlier, ScalarToMapping):
                entries = (*earlier.entries.entries, *operation.entries.entries)
                operation = ScalarToMapping(operation.node, Entries(entries))
        joined_operations[key] = operation
    return tuple(joined_operations.values())
