"""A change to a YAML document, as data.

An operation says what the document's data are to become, and where, in terms of the nodes of the
tree that it changes. `rendering` turns it into text in the file's own style; `values.expected` does
the same to plain data. The proof holds one against the other, so the two share no code.
"""

from __future__ import annotations

from msgspec import Struct

from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar, Sequence


class Text(Struct, frozen=True):
    """A scalar, a string unless ``is_number``.

    ``literal`` asks for a ``|`` block where the surroundings allow one.
    """

    value: str
    literal: bool = False
    is_number: bool = False


class Items(Struct, frozen=True):
    """A sequence; ``flow`` asks for ``[a, b]`` even where the surroundings are in block style."""

    items: tuple[Content, ...]
    flow: bool = False


class Entries(Struct, frozen=True):
    """A mapping; ``flow`` asks for ``{a: b}`` even where the surroundings are in block style."""

    entries: tuple[tuple[str, Content], ...]
    flow: bool = False


class AliasTo(Struct, frozen=True):
    """An alias to an anchor that the document already has, before the place of insertion."""

    target: Node
    name: str


Content = Text | Items | Entries | AliasTo


class AddEntry(Struct, frozen=True):
    """Add ``key: content`` to ``mapping``, after its entry ``after`` (None: at the end).

    ``mapping`` may also be the null scalar of a key without a value: it becomes a mapping.
    """

    mapping: Mapping | Scalar
    key: str
    content: Content
    after: str | None = None


class AddItem(Struct, frozen=True):
    """Put ``content`` into ``sequence`` before the item at ``index`` (its length: at the end)."""

    sequence: Sequence
    index: int
    content: Content


class ReplaceScalar(Struct, frozen=True):
    """Replace the value of ``scalar``; the quoting stays where it can.

    An alias may be replaced by a list too: what it means, carried over, and more.
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

    ``- build`` becomes ``- build:`` with ``entries`` below it; the alias is written out.
    """

    node: Scalar | Alias
    entries: Entries


class WrapInMerge(Struct, frozen=True):
    """Turn ``node`` into a mapping that merges it and adds ``entries``.

    ``- *image`` becomes ``- <<: *image`` with ``entries`` below it. A mapping with an anchor keeps
    it, so that its aliases mean what they meant: ``build: &b {…}`` becomes ``<<: &b {…}`` below
    ``build:``, and ``entries`` below that.
    """

    node: Alias | Mapping
    entries: Entries


class WrapInSequence(Struct, frozen=True):
    """Turn ``node`` into a sequence of ``before``, itself, and ``items``."""

    node: Scalar | Alias
    items: Items
    before: tuple[Text, ...] = ()


class NestEntries(Struct, frozen=True):
    """Move the entries ``keys`` of ``mapping`` under its entry ``parent``, whose value is null."""

    mapping: Mapping
    parent: str
    keys: tuple[str, ...]


class RenameKey(Struct, frozen=True):
    """Give the entry at ``index`` of ``mapping`` the key ``name``."""

    mapping: Mapping
    index: int
    name: str


class RemoveEntry(Struct, frozen=True):
    """Remove the entry ``key`` of ``mapping``, its line and the comment on it."""

    mapping: Mapping
    key: str


class RemoveItems(Struct, frozen=True):
    """Remove the items at ``indexes`` of ``sequence``, their lines and the comments on them."""

    sequence: Sequence
    indexes: tuple[int, ...]


class KeepItem(Struct, frozen=True):
    """Turn ``sequence`` into its item at ``index``; the others go. The item is a scalar."""

    sequence: Sequence
    index: int


class MappingToScalar(Struct, frozen=True):
    """Turn ``mapping``, of one entry, into the key of that entry.

    ``- build:`` with entries below it becomes ``- build``.
    """

    mapping: Mapping


class MergeToAlias(Struct, frozen=True):
    """Turn ``mapping`` into the alias that it merges; its other entries go.

    ``- <<: *image`` with entries below it becomes ``- *image``.
    """

    mapping: Mapping


class AddComment(Struct, frozen=True):
    """Put a comment on a line of its own above ``node``; the data stay as they are."""

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
