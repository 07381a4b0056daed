"""The concrete tree of a YAML document: every node with its span, aliases kept as nodes.

Nodes compare by identity, and no repr shows a value: a scalar may be a password.

There are no subclasses of theirs. What is called for most nodes of a file asks for ``type(node)``:
`isinstance` takes several times as long to say no of an instance of msgspec's structs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from functools import cached_property
from itertools import chain
from typing import final

from msgspec import Struct

from cci_migrate.lossless.source import SourceText, Span


@final
class Scalar(Struct, frozen=True, eq=False, gc=False):
    """A scalar. ``style`` is its quoting: ``'``, ``"``, ``|`` or ``>``; empty if it is plain.

    A null without any text (``key:``) is a plain scalar with an empty span.
    """

    source: SourceText
    start: int
    end: int
    value: str
    style: str
    anchor: str | None
    tag: str | None

    __repr__ = object.__repr__


@final
class Mapping(Struct, frozen=True, eq=False, gc=False):
    """A mapping with its entries in source order, merge keys and duplicates included.

    ``values`` are those of ``entries`` by key, the last of duplicates, without merge keys;
    ``merges``: it has such keys. `merging` reads both. A block collection ends where its last leaf
    ends, not at the next token.
    """

    source: SourceText
    start: int
    end: int
    entries: tuple[tuple[Node, Node], ...]
    is_flow: bool
    anchor: str | None
    tag: str | None
    values: ReadOnly[str, Node]
    merges: bool

    __repr__ = object.__repr__


@final
class Sequence(Struct, frozen=True, eq=False, gc=False):
    """A sequence with its items in source order; it ends as a `Mapping` does."""

    source: SourceText
    start: int
    end: int
    items: tuple[Node, ...]
    is_flow: bool
    anchor: str | None
    tag: str | None

    __repr__ = object.__repr__


@final
class Alias(Struct, frozen=True, eq=False, gc=False):
    """An alias and its target, the anchored node (never an alias itself)."""

    source: SourceText
    start: int
    end: int
    name: str
    target: Scalar | Mapping | Sequence

    __repr__ = object.__repr__


Node = Scalar | Mapping | Sequence | Alias
Collection = Mapping | Sequence


class Document(Struct, frozen=True, eq=False, dict=True):
    """The first document of a file. ``root`` is None if the file is empty.

    ``mappings``, ``sequences``, ``aliases``, ``anchored`` and ``multiline`` (scalars with a line
    break) list all nodes of their kind in source order (``anchored``: by where they end), so that
    most searches need not walk the whole tree.
    """

    source: SourceText
    root: Node | None
    has_more_documents: bool = False
    mappings: tuple[Mapping, ...] = ()
    aliases: tuple[Alias, ...] = ()
    anchored: tuple[Scalar | Mapping | Sequence, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    multiline: tuple[Scalar, ...] = ()

    @cached_property
    def keys(self) -> frozenset[str]:
        """The names of all keys, at any depth, but for merge keys: what has none of some is rare.

        Whoever looks for certain keys need not look further in a document without them.
        """
        return frozenset[str]().union(*[mapping.values for mapping in self.mappings])


def span_of(node: Node) -> Span:
    """The characters of ``node``, its anchor and tag included."""
    return Span(node.start, node.end)


def resolved(node: Node) -> Scalar | Mapping | Sequence:
    """``node`` itself, or the target if it is an alias."""
    return node.target if type(node) is Alias else node


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside ``node``, in source order; an alias has none."""
    if type(node) is Mapping:
        return tuple(chain.from_iterable(node.entries))
    return node.items if type(node) is Sequence else ()


def alias_means(target: Node, name: str, place: Node) -> bool:
    """Whether ``*name`` written anywhere inside ``place`` would be an alias of ``target``.

    An anchor's name may be reused: the last one before the alias counts. Anything that looks like
    an anchor counts as one, even in a comment.
    """
    if target.source is not place.source or target.end > place.start:
        return False
    marks = target.source.anchor_marks.get(name, ())
    later = bisect_left(marks, target.end)
    return later == len(marks) or marks[later] >= place.end


def walk(node: Node) -> Iterator[Node]:
    """``node`` and all nodes written inside it, in source order; aliases are not followed."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        if type(current) is Mapping:
            for key, value in reversed(current.entries):
                pending.append(value)
                pending.append(key)
        elif type(current) is Sequence:
            pending.extend(reversed(current.items))


def scalars_in(*roots: Node) -> Iterator[Scalar]:
    """Every scalar inside ``roots``, keys and what aliases mean too, each once.

    In no order that means anything.
    """
    pending = list(roots)
    seen: set[Node] = set()
    while pending:
        node = resolved(pending.pop())
        if node in seen:
            continue
        seen.add(node)
        if type(node) is Scalar:
            yield node
        elif type(node) is Mapping:
            pending += chain.from_iterable(node.entries)
        elif type(node) is Sequence:
            pending += node.items


def collections_in(node: Node) -> Iterator[Collection]:
    """The mappings and sequences of `walk`, without visiting scalars: most nodes are scalars."""
    pending = [node]
    while pending:
        current = pending.pop()
        if type(current) is Mapping:
            yield current
            for key, value in reversed(current.entries):
                if type(value) is not Scalar:
                    pending.append(value)
                if type(key) is not Scalar:
                    pending.append(key)
        elif type(current) is Sequence:
            yield current
            pending += [item for item in reversed(current.items) if type(item) is not Scalar]
