"""A document's plain data, an alias sharing its target's: what a change means, whatever its text.

`expected` applies operations to the data of the old tree; `is_data_of` compares the result with
the tree parsed from the new text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from typing import TypeAlias, final

from msgspec import Struct, field
from typing_extensions import assert_never

from cci_migrate.lossless.merging import MERGE_KEY, own_entry
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
    AliasTo,
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
from cci_migrate.lossless.scalars import is_string
from cci_migrate.lossless.source import SourceText


@final
class ScalarData(Struct, eq=False):
    """A scalar's value and its ``kind``: ``str``, ``other``, or its tag if it has one."""

    value: str
    kind: str

    __repr__ = object.__repr__


@final
class ListData(Struct, eq=False):
    """Data in order, each with the node whose place it is; None for added data."""

    data: list[Data | Node]
    origins: list[Node | None]
    #: The places of the nodes in ``origins``; empty until somebody asks, and after each change.
    places: dict[Node, int] = field(default_factory=dict)

    __repr__ = object.__repr__

    def place_of(self, node: Node) -> int:
        """Where what comes from ``node`` is. Raises UnknownPlaceError."""
        if not self.places:
            self.places = {
                origin: at for at, origin in enumerate(self.origins) if origin is not None
            }
        if node not in self.places:
            raise UnknownPlaceError("an operation names a node that is gone")
        return self.places[node]

    def insert(self, place: int, data: Data) -> None:
        """Insert the added ``data`` before the one at ``place``."""
        self.data.insert(place, data)
        self.origins.insert(place, None)
        self.places = {}


@final
class MapData(Struct, eq=False):
    """A mapping's entries in order, merge keys and duplicates included."""

    keys: ListData
    items: ListData

    __repr__ = object.__repr__


#: What operations have changed or added. Any other node stands for itself: most are such.
Data: TypeAlias = "ScalarData | ListData | MapData"
_SCALARS = (ScalarData, Scalar)


class UnknownPlaceError(LookupError):
    """An operation names a node or a key that its document does not have."""


class DataTree(Struct):
    """The data of documents: those of their ``roots``, but for what operations have changed.

    Mutable: this module's functions alone change it, while they apply operations.
    """

    roots: tuple[Node, ...]
    sources: frozenset[SourceText]
    #: The changed data of a node, which its aliases share.
    by_node: dict[Node, Data] = field(default_factory=dict)
    #: What is in the place of a node instead of it; its aliases don't share that.
    instead: dict[Node, Data] = field(default_factory=dict)
    #: Nodes that were taken from their place.
    gone: set[Node] = field(default_factory=set)
    #: For each scalar the texts replaced in it: where each ended, and how much longer it became.
    replaced: dict[Scalar, list[tuple[int, int]]] = field(default_factory=dict)

    __repr__ = object.__repr__

    def at(self, place: Data | Node) -> Data | Scalar | Mapping | Sequence:
        """What is at ``place`` of a row now; an alias means what its target does."""
        if type(place) is ScalarData or type(place) is ListData or type(place) is MapData:
            return place
        if place in self.instead:
            return self.instead[place]
        node = place.target if type(place) is Alias else place
        return self.by_node.get(node, node)


def data_of(documents: tuple[Document, ...]) -> DataTree:
    """The data of ``documents``."""
    roots = tuple(document.root for document in documents if document.root is not None)
    return DataTree(roots, frozenset(document.source for document in documents))


def _kind(scalar: Scalar) -> str:
    if scalar.tag is not None:
        return scalar.tag
    if scalar.style or (scalar.value and is_string(scalar.value)):
        return "str"
    return "other"


def expected(documents: tuple[Document, ...], operations: tuple[Operation, ...]) -> DataTree:
    """The data of ``documents`` after ``operations``.

    Raises UnknownPlaceError if an operation names a node or a key that doesn't exist (any more).
    """
    tree = data_of(documents)
    for operation in operations:
        _apply(operation, tree)
    return tree


def _apply(operation: Operation, tree: DataTree) -> None:
    match operation:
        case AddEntry(mapping, key, content, after):
            _add_entry(_mapping(mapping, tree), key, _new(content, tree), after, tree)
        case AddItem(sequence, index, content):
            row = _row_of(sequence, tree)
            at_end = index == len(sequence.items)
            place = len(row.data) if at_end else row.place_of(sequence.items[index])
            row.insert(place, _new(content, tree))
        case ReplaceScalar(scalar, content):
            if isinstance(scalar, Alias) or isinstance(content, Items):
                _put(scalar, _new(content, tree), tree)
            else:
                data = _scalar_of(scalar, tree)
                data.value = content.value
                if scalar.tag is None:
                    data.kind = _text(content).kind
        case ReplaceText(scalar, start, end, text):
            data = _scalar_of(scalar, tree)
            # Offsets are into the value as it was read, whatever was replaced in it before.
            replaced = tree.replaced.setdefault(scalar, [])
            shift = sum(growth for replaced_end, growth in replaced if replaced_end <= start)
            replaced.append((end, len(text) - (end - start)))
            data.value = data.value[: start + shift] + text + data.value[end + shift :]
            if scalar.tag is None:
                data.kind = "str"
        case ScalarToMapping(node, entries):
            old = _of(resolved(node), tree)
            _put(node, _map_data([old], [_new(entries, tree)]), tree)
        case WrapInMerge(node, entries):
            old = _of(resolved(node), tree)
            names = [_new_key(name) for name, _ in entries.entries]
            values = [_new(value, tree) for _, value in entries.entries]
            _put(node, _map_data([_new_key(MERGE_KEY), *names], [old, *values]), tree)
        case WrapInSequence(node, items, before):
            old = _of(resolved(node), tree)
            first, last = ([_new(item, tree) for item in part] for part in (before, items.items))
            _put(node, _list_data([*first, old, *last]), tree)
        case NestEntries(mapping, parent, keys):
            target = _mapping(mapping, tree)
            taken = [_take(target, key, tree) for key in keys]
            nested = _map_data([key for key, _ in taken], [value for _, value in taken])
            _replace(target.items, _index(target, parent, tree), nested, tree)
        case RenameKey(mapping, index, name):
            target = _mapping(mapping, tree)
            _refuse_known(target, name, tree)
            place = target.keys.place_of(mapping.entries[index][0])
            _replace(target.keys, place, _new_key(name), tree)
        case RemoveEntry(mapping, key):
            _take(_mapping(mapping, tree), key, tree)
        case RemoveItems(sequence, indexes):
            row = _row_of(sequence, tree)
            for index in indexes:
                _taken(row, row.place_of(sequence.items[index]), tree)
        case KeepItem(sequence, index):
            _put(sequence, _of(resolved(sequence.items[index]), tree), tree)
        case MappingToScalar(mapping):
            _put(mapping, _of(resolved(mapping.entries[0][0]), tree), tree)
        case MergeToAlias(mapping):
            merged = own_entry(mapping, MERGE_KEY)
            if merged is None or not isinstance(merged.value, Alias):
                raise UnknownPlaceError("an operation names a mapping that merges no alias")
            _put(mapping, _of(merged.value.target, tree), tree)
        case AddComment():
            pass
        case _:
            assert_never(operation)


def _add_entry(target: MapData, key: str, value: Data, after: str | None, tree: DataTree) -> None:
    _refuse_known(target, key, tree)
    origins = target.keys.origins
    place = len(origins)
    if after is not None:
        place = _index(target, after, tree) + 1
        # What an earlier operation put there stays above, as in the text.
        while place < len(origins) and origins[place] is None:
            place += 1
    target.keys.insert(place, _new_key(key))
    target.items.insert(place, value)


def _refuse_known(target: MapData, name: str, tree: DataTree) -> None:
    if name != MERGE_KEY and any(_is_named(key, name, tree) for key in target.keys.data):
        raise UnknownPlaceError(f"an operation adds the key {name!r} that the mapping has")


def _take(target: MapData, name: str, tree: DataTree) -> tuple[Data | Node, Data | Node]:
    place = _index(target, name, tree)
    return _taken(target.keys, place, tree), _taken(target.items, place, tree)


def _taken(row: ListData, place: int, tree: DataTree) -> Data | Node:
    """The data at ``place`` of ``row``, from which they are removed."""
    origin, data = row.origins.pop(place), row.data.pop(place)
    row.places = {}
    if origin is None:
        return data
    tree.gone.add(origin)
    return tree.instead[origin] if origin in tree.instead else _of(resolved(origin), tree)


def _of(node: Node, tree: DataTree) -> Data:
    """The data of ``node``, for an operation to change or to move."""
    data = tree.by_node.get(node)
    if data is not None:
        return data
    if node.source not in tree.sources:
        raise UnknownPlaceError("an operation names a node that the document lacks")
    if isinstance(node, Scalar):
        data = ScalarData(node.value, _kind(node))
    elif isinstance(node, Sequence):
        data = _list_of(node.items)
    elif isinstance(node, Mapping):
        keys, values = zip(*node.entries, strict=True) if node.entries else ((), ())
        data = MapData(_list_of(keys), _list_of(values))
    else:
        raise UnknownPlaceError("an operation changes an alias as if it were its target")
    tree.by_node[node] = data
    return data


def _list_of(nodes: Iterable[Node]) -> ListData:
    return ListData(list(nodes), list(nodes))


def _scalar_of(scalar: Scalar, tree: DataTree) -> ScalarData:
    data = _of(scalar, tree)
    assert isinstance(data, ScalarData)  # noqa: S101 - the node is a Scalar
    return data


def _mapping(node: Mapping | Scalar, tree: DataTree) -> MapData:
    if isinstance(node, Mapping):
        data = _of(node, tree)
        assert isinstance(data, MapData)  # noqa: S101 - the node is a Mapping
        return data
    current = tree.instead.get(node)
    if not isinstance(current, MapData):
        current = _map_data((), ())
        _put(node, current, tree)
    return current


def _row_of(sequence: Sequence, tree: DataTree) -> ListData:
    data = _of(sequence, tree)
    assert isinstance(data, ListData)  # noqa: S101 - the node is a Sequence
    return data


def _replace(row: ListData, place: int, data: Data, tree: DataTree) -> None:
    origin = row.origins[place]
    if origin is None:
        row.data[place] = data
    else:
        _put(origin, data, tree)


def _put(node: Node, data: Data, tree: DataTree) -> None:
    if node in tree.gone:
        raise UnknownPlaceError("an operation names a node that is gone")
    tree.instead[node] = data


def _index(mapping: MapData, name: str, tree: DataTree) -> int:
    keys = mapping.keys.data
    for index in range(len(keys) - 1, -1, -1):
        if _is_named(keys[index], name, tree):
            return index
    raise UnknownPlaceError(f"an operation names the key {name!r} that the mapping lacks")


def _is_named(key: Data | Node, name: str, tree: DataTree) -> bool:
    data = tree.at(key)
    return isinstance(data, _SCALARS) and data.value == name


def _new(content: Content, tree: DataTree) -> Data:
    match content:
        case Text():
            return _text(content)
        case Items(items):
            return _list_data([_new(item, tree) for item in items])
        case Entries(entries):
            return _map_data(
                [_new_key(key) for key, _ in entries],
                [_new(value, tree) for _, value in entries],
            )
        case AliasTo(target):
            return _of(target, tree)
        case _:
            assert_never(content)


def _list_data(data: Iterable[Data | Node]) -> ListData:
    row = list(data)
    return ListData(row, [None] * len(row))


def _map_data(keys: Iterable[Data | Node], items: Iterable[Data | Node]) -> MapData:
    return MapData(_list_data(keys), _list_data(items))


def _text(content: Text) -> ScalarData:
    return ScalarData(content.value, "other" if content.is_number else "str")


def _new_key(name: str) -> ScalarData:
    return ScalarData(name, "other" if name == MERGE_KEY else "str")


def is_data_of(data: DataTree, documents: tuple[Document, ...]) -> bool:
    """Whether ``data`` is what ``documents`` contain. Linear: shared data are compared once."""
    roots = [document.root for document in documents if document.root is not None]
    if len(data.roots) != len(roots):
        return False
    changed = data.by_node.keys() | data.instead.keys()
    pairs: list[tuple[Data | Node, Node]] = list(zip(data.roots, roots, strict=True))
    seen: set[tuple[Data | Node, Node]] = set()
    while pairs:
        wanted, node = pairs.pop()
        target = node.target if type(node) is Alias else node
        planned = data.at(wanted)
        if type(planned) is Scalar or type(planned) is ScalarData:
            if type(target) is not Scalar or not _is_written_as(planned, target):
                return False
            continue
        if type(planned) is ListData or type(planned) is MapData or planned.anchor is not None:
            if (planned, target) in seen:
                continue
            seen.add((planned, target))
        is_mapping = type(planned) is Mapping or type(planned) is MapData
        if type(target) is Scalar or is_mapping is not (type(target) is Mapping):
            return False
        parts, found = _parts(planned), children(target)
        if len(parts) != len(found):
            return False
        for part, other in zip(parts, found, strict=True):
            # Most are scalars, and the same.
            if (
                type(part) is Scalar
                and type(other) is Scalar
                and part.value == other.value
                and part.style == other.style
                and part.tag == other.tag
                and part not in changed
            ):
                continue
            pairs.append((part, other))
    return True


def _is_written_as(planned: Scalar | ScalarData, scalar: Scalar) -> bool:
    kind = planned.kind if isinstance(planned, ScalarData) else _kind(planned)
    return planned.value == scalar.value and kind == _kind(scalar)


def _parts(planned: ListData | MapData | Mapping | Sequence) -> Collection[Data | Node]:
    """The items, or the keys and values, of ``planned``."""
    if type(planned) is Mapping or type(planned) is Sequence:
        return children(planned)
    if isinstance(planned, ListData):
        return planned.data
    keys, values = planned.keys.data, planned.items.data
    return list(chain.from_iterable(zip(keys, values, strict=True)))
