"""A document's plain data, an alias sharing its target's: what a change means, whatever its text.

`expected` applies operations to the data of the old tree; `is_data_of` compares the result with
the tree parsed from the new text.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias

from msgspec import Struct, field
from typing_extensions import assert_never

from cci_migrate.lossless.merging import MERGE_KEY, own_entry
from cci_migrate.lossless.nodes import Alias, Document, Mapping, Node, Scalar, Sequence, resolved
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


class ScalarData(Struct, eq=False):
    """A scalar's value and its ``kind``: ``str``, ``other``, or its tag if it has one."""

    value: str
    kind: str

    __repr__ = object.__repr__


class DataRow(Struct, eq=False):
    """Data in order, each with the node that it was read from; None for added data."""

    data: list[Data] = field(default_factory=list)
    origins: list[Node | None] = field(default_factory=list)
    #: The places of the nodes in ``origins``; empty until somebody asks, and after each change.
    places: dict[Node, int] = field(default_factory=dict)

    __repr__ = object.__repr__

    def place_of(self, node: Node) -> int:
        """Where what comes from ``node`` is. Raises KeyError."""
        if not self.places:
            self.places = {
                origin: at for at, origin in enumerate(self.origins) if origin is not None
            }
        return self.places[node]

    def insert(self, place: int, data: Data) -> None:
        """Insert the added ``data`` before the one at ``place``."""
        self.data.insert(place, data)
        self.origins.insert(place, None)
        self.places = {}

    def take(self, place: int) -> Data:
        """Remove and return the data at ``place``."""
        del self.origins[place]
        self.places = {}
        return self.data.pop(place)


class ListData(Struct, eq=False):
    """A sequence's items."""

    items: DataRow = field(default_factory=DataRow)

    __repr__ = object.__repr__


class MapData(Struct, eq=False):
    """A mapping's entries in order, merge keys and duplicates included."""

    keys: DataRow = field(default_factory=DataRow)
    items: DataRow = field(default_factory=DataRow)

    __repr__ = object.__repr__


#: A scalar that no operation changes stands for itself: most are such.
Data: TypeAlias = "Scalar | ScalarData | ListData | MapData"


_SCALARS = (Scalar, ScalarData)


class UnknownPlaceError(LookupError):
    """An operation names a node or a key that its document does not have."""


class DataTree(Struct):
    """The data of documents, and where to find that of each node.

    Mutable: this module's functions alone change it, while they apply operations.
    """

    roots: DataRow = field(default_factory=DataRow)
    by_node: dict[Node, Data] = field(default_factory=dict)
    #: The row that contains the data of a node.
    rows: dict[Node, DataRow] = field(default_factory=dict)
    #: For each scalar the texts replaced in it: where each ended, and how much longer it became.
    replaced: dict[Scalar, list[tuple[int, int]]] = field(default_factory=dict)

    __repr__ = object.__repr__


def data_of(documents: tuple[Document, ...]) -> DataTree:
    """The data of ``documents``; an alias has the same object as the anchored node."""
    tree = DataTree()
    _read_into(
        tree.roots, [document.root for document in documents if document.root is not None], tree
    )
    return tree


def _read_into(row: DataRow, nodes: Collection[Node], tree: DataTree) -> None:
    row.origins += nodes
    for node in nodes:
        tree.rows[node] = row
        if isinstance(node, Scalar) and node.anchor is None:
            row.data.append(node)
            continue
        # An alias may precede its target: an anchor of a later file of the same packed source.
        target = node.target if isinstance(node, Alias) else node
        data = tree.by_node.get(target)
        row.data.append(_read(target, tree) if data is None else data)


def _read(node: Scalar | Mapping | Sequence, tree: DataTree) -> Data:
    data: Data
    if isinstance(node, Scalar):
        data = tree.by_node[node] = ScalarData(node.value, _kind(node))
    elif isinstance(node, Sequence):
        data = tree.by_node[node] = ListData()
        _read_into(data.items, node.items, tree)
    elif isinstance(node, Mapping):
        data = tree.by_node[node] = MapData()
        _read_into(data.keys, [key for key, _ in node.entries], tree)
        _read_into(data.items, [value for _, value in node.entries], tree)
    else:
        assert_never(node)
    return data


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
            _add_entry(_mapping(mapping, tree), key, _new(content, tree), after)
        case AddItem(sequence, index, content):
            row = _row_of(sequence, tree)
            at_end = index == len(sequence.items)
            place = len(row.data) if at_end else _place(sequence.items[index], tree)
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
            target.items.data[_index(target, parent)] = nested
        case RenameKey(mapping, index, name):
            target = _mapping(mapping, tree)
            _refuse_known(target, name)
            target.keys.data[_place(mapping.entries[index][0], tree)] = _new_key(name)
        case RemoveEntry(mapping, key):
            _take(_mapping(mapping, tree), key, tree)
        case RemoveItems(sequence, indexes):
            row = _row_of(sequence, tree)
            for index in indexes:
                row.take(_place(sequence.items[index], tree))
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


def _add_entry(target: MapData, key: str, value: Data, after: str | None) -> None:
    _refuse_known(target, key)
    origins = target.keys.origins
    place = len(origins)
    if after is not None:
        place = _index(target, after) + 1
        # What an earlier operation put there stays above, as in the text.
        while place < len(origins) and origins[place] is None:
            place += 1
    target.keys.insert(place, _new_key(key))
    target.items.insert(place, value)


def _refuse_known(target: MapData, name: str) -> None:
    if name != MERGE_KEY and any(
        isinstance(key, _SCALARS) and key.value == name for key in target.keys.data
    ):
        raise UnknownPlaceError(f"an operation adds the key {name!r} that the mapping has")


def _take(target: MapData, name: str, tree: DataTree) -> tuple[Data, Data]:
    place = _index(target, name)
    for row in (target.keys, target.items):
        data = row.data[place]
        if isinstance(data, Scalar):
            _of(data, tree)
    return target.keys.take(place), target.items.take(place)


def _of(node: Node, tree: DataTree) -> Data:
    """The data of ``node``, for an operation to change or to move."""
    data = tree.by_node.get(node)
    if data is not None:
        return data
    if isinstance(node, Scalar) and node in tree.rows:
        data = tree.by_node[node] = ScalarData(node.value, _kind(node))
        _put(node, data, tree)
        return data
    raise UnknownPlaceError("an operation names a node that the document lacks")


def _scalar_of(scalar: Scalar, tree: DataTree) -> ScalarData:
    data = _of(scalar, tree)
    assert isinstance(data, ScalarData)  # noqa: S101 - the node is a Scalar
    return data


def _place(node: Node, tree: DataTree) -> int:
    """The current index of the data of ``node`` in their row. Raises UnknownPlaceError."""
    try:
        return tree.rows[node].place_of(node)
    except KeyError:
        raise UnknownPlaceError("an operation names a node that is gone") from None


def _mapping(node: Mapping | Scalar, tree: DataTree) -> MapData:
    if isinstance(node, Mapping):
        data = _of(node, tree)
        assert isinstance(data, MapData)  # noqa: S101 - the node is a Mapping
        return data
    place = _place(node, tree)
    current = tree.rows[node].data[place]
    if not isinstance(current, MapData):
        current = tree.rows[node].data[place] = MapData()
    return current


def _row_of(sequence: Sequence, tree: DataTree) -> DataRow:
    data = _of(sequence, tree)
    assert isinstance(data, ListData)  # noqa: S101 - the node is a Sequence
    return data.items


def _put(node: Node, data: Data, tree: DataTree) -> None:
    tree.rows[node].data[_place(node, tree)] = data


def _index(mapping: MapData, name: str) -> int:
    keys = mapping.keys.data
    for index in range(len(keys) - 1, -1, -1):
        key = keys[index]
        if isinstance(key, _SCALARS) and key.value == name:
            return index
    raise UnknownPlaceError(f"an operation names the key {name!r} that the mapping lacks")


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


def _added(data: list[Data]) -> DataRow:
    return DataRow(data, [None] * len(data))


def _list_data(items: list[Data]) -> ListData:
    return ListData(_added(items))


def _map_data(keys: list[Data], items: list[Data]) -> MapData:
    return MapData(_added(keys), _added(items))


def _text(content: Text) -> ScalarData:
    return ScalarData(content.value, "other" if content.is_number else "str")


def _new_key(name: str) -> ScalarData:
    return ScalarData(name, "other" if name == MERGE_KEY else "str")


def is_data_of(data: DataTree, documents: tuple[Document, ...]) -> bool:
    """Whether ``data`` is what ``documents`` contain. Linear: shared data are compared once."""
    roots = [document.root for document in documents if document.root is not None]
    if len(data.roots.data) != len(roots):
        return False
    pairs: list[tuple[Data, Node]] = list(zip(data.roots.data, roots, strict=True))
    seen: set[tuple[Data, Node]] = set()
    while pairs:
        expected_data, node = pairs.pop()
        target = node.target if isinstance(node, Alias) else node
        if isinstance(expected_data, Scalar):
            if not isinstance(target, Scalar) or expected_data.value != target.value:
                return False
            is_written_so = expected_data.style == target.style and expected_data.tag == target.tag
            if not is_written_so and _kind(expected_data) != _kind(target):
                return False
            continue
        if isinstance(expected_data, ScalarData):
            if not isinstance(target, Scalar) or expected_data.value != target.value:
                return False
            if expected_data.kind != _kind(target):
                return False
            continue
        if (expected_data, target) in seen:
            continue
        seen.add((expected_data, target))
        if isinstance(expected_data, ListData):
            items = expected_data.items.data
            if not isinstance(target, Sequence) or len(items) != len(target.items):
                return False
            pairs.extend(zip(items, target.items, strict=True))
        else:
            keys, values = expected_data.keys.data, expected_data.items.data
            if not isinstance(target, Mapping) or len(keys) != len(target.entries):
                return False
            for key, value, entry in zip(keys, values, target.entries, strict=True):
                pairs.append((key, entry[0]))
                pairs.append((value, entry[1]))
    return True
