"""A change to a YAML document, as data.

An operation says what the document's data are to become, and where, in terms of the nodes of the
tree that it changes. `rendering` turns it into text in the file's own style; `values.expected` does
the same to plain data. The proof holds one against the other, so the two share no code.
"""

from __future__ import annotations

from dataclasses import dataclass

from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar, a string unless ``is_number``.

    ``literal`` asks for a ``|`` block where the surroundings allow one.
    """

    value: str
    literal: bool = False
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence; ``flow`` asks for ``[a, b]`` even where the surroundings are in block style."""

    items: tuple[Content, ...]
    flow: bool = False


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping; ``flow`` asks for ``{a: b}`` even where the surroundings are in block style."""

    entries: tuple[tuple[str, Content], ...]
    flow: bool = False


@dataclass(frozen=True, slots=True)
class AliasTo:
    """An alias to an anchor that the document already has, before the place of insertion."""

    target: Node
    name: str


Content = Text | Items | Entries | AliasTo


@dataclass(frozen=True, slots=True)
class AddEntry:
    """Add ``key: content`` to ``mapping``, after its entry ``after`` (None: at the end).

    ``mapping`` may also be the null scalar of a key without a value: it becomes a mapping.
    """

    mapping: Mapping | Scalar
    key: str
    content: Content
    after: str | None = None


@dataclass(frozen=True, slots=True)
class AddItem:
    """Put ``content`` into ``sequence`` before the item at ``index`` (its length: at the end)."""

    sequence: Sequence
    index: int
    content: Content


@dataclass(frozen=True, slots=True)
class ReplaceScalar:
    """Replace the value of ``scalar``; the quoting stays where it can.

    An alias may be replaced by a list too: what it means, carried over, and more.
    """

    scalar: Scalar | Alias
    content: Text | Items


@dataclass(frozen=True, slots=True)
class ReplaceText:
    """Replace characters ``start``..``end`` of the value of ``scalar`` (offsets in its value)."""

    scalar: Scalar
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class ScalarToMapping:
    """Turn ``node``, a scalar or an alias of one, into a mapping with that scalar as its only key.

    ``- build`` becomes ``- build:`` with ``entries`` below it; the alias is written out.
    """

    node: Scalar | Alias
    entries: Entries


@dataclass(frozen=True, slots=True)
class WrapInMerge:
    """Turn ``node`` into a mapping that merges it and adds ``entries``.

    ``- *image`` becomes ``- <<: *image`` with ``entries`` below it. A mapping with an anchor keeps
    it, so that its aliases mean what they meant: ``build: &b {…}`` becomes ``<<: &b {…}`` below
    ``build:``, and ``entries`` below that.
    """

    node: Alias | Mapping
    entries: Entries


@dataclass(frozen=True, slots=True)
class WrapInSequence:
    """Turn ``node`` into a sequence of ``before``, itself, and ``items``."""

    node: Scalar | Alias
    items: Items
    before: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class NestEntries:
    """Move the entries ``keys`` of ``mapping`` under its entry ``parent``, whose value is null."""

    mapping: Mapping
    parent: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RenameKey:
    """Give the entry at ``index`` of ``mapping`` the key ``name``."""

    mapping: Mapping
    index: int
    name: str


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """Remove the entry ``key`` of ``mapping``, its line and the comment on it."""

    mapping: Mapping
    key: str


@dataclass(frozen=True, slots=True)
class RemoveItems:
    """Remove the items at ``indexes`` of ``sequence``, their lines and the comments on them."""

    sequence: Sequence
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeepItem:
    """Turn ``sequence`` into its item at ``index``; the others go. The item is a scalar."""

    sequence: Sequence
    index: int


@dataclass(frozen=True, slots=True)
class MappingToScalar:
    """Turn ``mapping``, of one entry, into the key of that entry.

    ``- build:`` with entries below it becomes ``- build``.
    """

    mapping: Mapping


@dataclass(frozen=True, slots=True)
class MergeToAlias:
    """Turn ``mapping`` into the alias that it merges; its other entries go.

    ``- <<: *image`` with entries below it becomes ``- *image``.
    """

    mapping: Mapping


@dataclass(frozen=True, slots=True)
class AddComment:
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
