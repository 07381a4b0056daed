"""The concrete tree of a YAML document: every node with its span, aliases where they stand.

Nodes are equal only to themselves, and never shown: a scalar may be a password.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from msgspec import Struct

from cci_migrate.lossless.source import SourceText, Span

#: The way from a document's root to a node: keys and indexes, aliases followed on the way.
Route = tuple[str | int, ...]


class Scalar(Struct, frozen=True, eq=False, gc=False):
    """A scalar. ``style`` is its quoting: ``'`` or ``"``, ``|`` or ``>``, empty where plain.

    A null that is not written at all (``key:``) is a plain scalar with an empty span.
    """

    source: SourceText
    start: int
    end: int
    value: str
    style: str
    anchor: str | None
    tag: str | None

    __repr__ = object.__repr__


class Mapping(Struct, frozen=True, eq=False, gc=False):
    """A mapping, its entries in the order of the text, merge keys and duplicates among them.

    ``end`` of a block collection is the end of its last leaf, not the place of the next token.
    """

    source: SourceText
    start: int
    end: int
    entries: tuple[tuple[Node, Node], ...]
    is_flow: bool
    anchor: str | None
    tag: str | None

    __repr__ = object.__repr__


class Sequence(Struct, frozen=True, eq=False, gc=False):
    """A sequence."""

    source: SourceText
    start: int
    end: int
    items: tuple[Node, ...]
    is_flow: bool
    anchor: str | None
    tag: str | None

    __repr__ = object.__repr__


class Alias(Struct, frozen=True, eq=False, gc=False):
    """An alias, where it stands, and the node that it means (never an alias itself)."""

    source: SourceText
    start: int
    end: int
    name: str
    target: Scalar | Mapping | Sequence

    __repr__ = object.__repr__


Node = Scalar | Mapping | Sequence | Alias
Collection = Mapping | Sequence


class Document(Struct, frozen=True):
    """The first document of a file. ``root`` is None for a file without one.

    ``mappings``, ``aliases`` and ``anchored`` are all the nodes of their kind, in the order of the
    text (``anchored``: of their ends): most looks at a whole document are for a few of its nodes.
    """

    source: SourceText
    root: Node | None
    has_more_documents: bool = False
    mappings: tuple[Mapping, ...] = ()
    aliases: tuple[Alias, ...] = ()
    anchored: tuple[Scalar | Mapping | Sequence, ...] = ()


def span_of(node: Node) -> Span:
    """The characters of ``node``, its anchor and tag included."""
    return Span(node.start, node.end)


def resolved(node: Node) -> Scalar | Mapping | Sequence:
    """``node`` itself, or what it is an alias of."""
    return node.target if isinstance(node, Alias) else node


def children(node: Node) -> Iterator[Node]:
    """The nodes directly inside ``node``; an alias has none."""
    if isinstance(node, Mapping):
        for key, value in node.entries:
            yield key
            yield value
    elif isinstance(node, Sequence):
        yield from node.items


def alias_means(target: Node, name: str, place: Node) -> bool:
    """Whether ``*name`` written anywhere inside ``place`` is an alias of ``target``.

    An anchor's name may be used again: the last one before the alias counts. What looks like an
    anchor counts as one, wherever it is.
    """
    if target.source is not place.source or target.end > place.start:
        return False
    marks = target.source.anchor_marks.get(name, ())
    later = bisect_left(marks, target.end)
    return later == len(marks) or marks[later] >= place.end


def walk(node: Node) -> Iterator[Node]:
    """``node`` and all nodes written inside it, in the order of the text."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        if isinstance(current, Mapping):
            for key, value in reversed(current.entries):
                pending.append(value)
                pending.append(key)
        elif isinstance(current, Sequence):
            pending.extend(reversed(current.items))


def collections_in(node: Node) -> Iterator[Collection]:
    """Of `walk`, the mappings and sequences alone: most nodes are scalars."""
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, Mapping):
            yield current
            for key, value in reversed(current.entries):
                if not isinstance(value, Scalar | Alias):
                    pending.append(value)
                if not isinstance(key, Scalar | Alias):
                    pending.append(key)
        elif isinstance(current, Sequence):
            yield current
            pending.extend(
                item for item in reversed(current.items) if not isinstance(item, Scalar | Alias)
            )
