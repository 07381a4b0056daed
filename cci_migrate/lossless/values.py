"""A document's plain data, aliases expanded by sharing: what a change means, apart from its text.

`expected` applies operations to the data of the old tree; `is_data_of` compares the outcome with
the tree that the new text parses to.
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
    """A scalar's value and whether it is a string (an explicit tag counts as its own type)."""

    value: str
    kind: str

    __repr__ = object.__repr__


class ListData(Struct, eq=False):
    """A sequence's items."""

    items: list[Data] = field(default_factory=list)

    __repr__ = object.__repr__


class MapData(Struct, eq=False):
    """A mapping's entries in order, merge keys and duplicates kept as they are."""

    keys: list[Data] = field(default_factory=list)
    items: list[Data] = field(default_factory=list)

    __repr__ = object.__repr__


Data: TypeAlias = "ScalarData | ListData | MapData"


class UnknownPlaceError(LookupError):
    """An operation names a node or a key that its document does not have."""


class DataTree(Struct):
    """The data of some documents, with the way from nodes to their data.

    Mutable while operations are applied; it never leaves this module's functions otherwise.
    """

    roots: list[Data] = field(default_factory=list)
    of_node: dict[int, Data] = field(default_factory=dict)
    #: The list in which the data of a node stands.
    lists: dict[int, list[Data]] = field(default_factory=dict)
    #: For each list the nodes that its data come from, by place; `_NEW` for what is added.
    origins: dict[int, list[int]] = field(default_factory=dict)
    #: For each scalar the texts replaced in it: where each ended, and by how much it grew.
    replaced: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    __repr__ = object.__repr__


_NEW = 0


def data_of(documents: tuple[Document, ...]) -> DataTree:
    """The data of ``documents``; what an alias means is the same object as what is anchored."""
    tree = DataTree()
    roots = [document.root for document in documents if document.root is not None]
    _read_into(tree.roots, roots, tree)
    return tree


def _read_into(into: list[Data], nodes: Collection[Node], tree: DataTree) -> None:
    tree.origins[id(into)] = [id(node) for node in nodes]
    for node in nodes:
        tree.lists[id(node)] = into
        # An alias may come first, too: to an anchor of a later file of the same packed source.
        target = node.target if isinstance(node, Alias) else node
        known = tree.of_node.get(id(target))
        into.append(_read(target, tree) if known is None else known)


def _read(node: Scalar | Mapping | Sequence, tree: DataTree) -> Data:
    data: Data
    if isinstance(node, Scalar):
        data = tree.of_node[id(node)] = ScalarData(node.value, _kind(node))
    elif isinstance(node, Sequence):
        items: list[Data] = []
        data = tree.of_node[id(node)] = ListData(items)
        _read_into(items, node.items, tree)
    elif isinstance(node, Mapping):
        keys: list[Data] = []
        values: list[Data] = []
        data = tree.of_node[id(node)] = MapData(keys, values)
        _read_into(keys, [key for key, _ in node.entries], tree)
        _read_into(values, [value for _, value in node.entries], tree)
    else:
        assert_never(node)
    return data


def _new_list(tree: DataTree) -> list[Data]:
    data: list[Data] = []
    tree.origins[id(data)] = []
    return data


def _kind(scalar: Scalar) -> str:
    if scalar.tag is not None:
        return scalar.tag
    if scalar.style or (scalar.value and is_string(scalar.value)):
        return "str"
    return "other"


def expected(documents: tuple[Document, ...], operations: tuple[Operation, ...]) -> DataTree:
    """The data that ``documents`` are to have once ``operations`` are done.

    Raises UnknownPlaceError.
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
            items = _of(sequence, tree)
            assert isinstance(items, ListData)  # noqa: S101 - the node is a Sequence
            at_end = index == len(sequence.items)
            place = len(items.items) if at_end else _place(sequence.items[index], tree)
            _insert(items.items, place, _new(content, tree), tree)
        case ReplaceScalar(scalar, content):
            if isinstance(scalar, Alias) or isinstance(content, Items):
                _put(scalar, _new(content, tree), tree)
            else:
                data = _of(scalar, tree)
                assert isinstance(data, ScalarData)  # noqa: S101 - the node is a Scalar
                data.value = content.value
                if scalar.tag is None:
                    data.kind = _text(content).kind
        case ReplaceText(scalar, start, end, text):
            data = _of(scalar, tree)
            assert isinstance(data, ScalarData)  # noqa: S101 - the node is a Scalar
            # Offsets are into the value as it was read, whatever was replaced in it before.
            done = tree.replaced.setdefault(id(scalar), [])
            moved = sum(by for until, by in done if until <= start)
            done.append((end, len(text) - (end - start)))
            data.value = data.value[: start + moved] + text + data.value[end + moved :]
            if scalar.tag is None:
                data.kind = "str"
        case ScalarToMapping(node, entries):
            old = _of(resolved(node), tree)
            _put(node, MapData([old], [_new(entries, tree)]), tree)
        case WrapInMerge(node, entries):
            old = _of(resolved(node), tree)
            added = _new(entries, tree)
            assert isinstance(added, MapData)  # noqa: S101 - the content is Entries
            _put(node, MapData([_new_key(MERGE_KEY), *added.keys], [old, *added.items]), tree)
        case WrapInSequence(node, items, before):
            old = _of(node.target if isinstance(node, Alias) else node, tree)
            added_items = _new(items, tree)
            assert isinstance(added_items, ListData)  # noqa: S101 - the content is Items
            items_before = [_new(text, tree) for text in before]
            _put(node, ListData([*items_before, old, *added_items.items]), tree)
        case NestEntries(mapping, parent, keys):
            target = _mapping(mapping, tree)
            nested = MapData()
            for key in keys:
                old_key, old_value = _take(target, _index(target, key), tree)
                nested.keys.append(old_key)
                nested.items.append(old_value)
            target.items[_index(target, parent)] = nested
        case RenameKey(mapping, index, name):
            target = _mapping(mapping, tree)
            _refuse_known(target, name)
            target.keys[_place(mapping.entries[index][0], tree)] = _new_key(name)
        case RemoveEntry(mapping, key):
            target = _mapping(mapping, tree)
            _take(target, _index(target, key), tree)
        case RemoveItems(sequence, indexes):
            items = _of(sequence, tree)
            assert isinstance(items, ListData)  # noqa: S101 - the node is a Sequence
            for index in indexes:
                place = _place(sequence.items[index], tree)
                del items.items[place]
                del tree.origins[id(items.items)][place]
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
    _refuse_known(target, key)
    place = len(target.keys)
    if after is not None:
        place = _index(target, after) + 1
        # What an earlier operation put there stays above, as in the text.
        origins = tree.origins[id(target.keys)]
        while place < len(origins) and origins[place] == _NEW:
            place += 1
    _insert(target.keys, place, _new_key(key), tree)
    _insert(target.items, place, value, tree)


def _refuse_known(target: MapData, name: str) -> None:
    if name != MERGE_KEY and any(
        isinstance(key, ScalarData) and key.value == name for key in target.keys
    ):
        raise UnknownPlaceError(f"an operation adds the key {name!r} that the mapping has")


def _insert(into: list[Data], place: int, data: Data, tree: DataTree) -> None:
    into.insert(place, data)
    tree.origins[id(into)].insert(place, _NEW)


def _take(target: MapData, place: int, tree: DataTree) -> tuple[Data, Data]:
    for part in (target.keys, target.items):
        del tree.origins[id(part)][place]
    return target.keys.pop(place), target.items.pop(place)


def _of(node: Node, tree: DataTree) -> Data:
    try:
        return tree.of_node[id(node)]
    except KeyError:
        raise UnknownPlaceError("an operation names a node that the document lacks") from None


def _place(node: Node, tree: DataTree) -> int:
    """Where the data of ``node`` stand by now in their list."""
    try:
        return tree.origins[id(tree.lists[id(node)])].index(id(node))
    except (KeyError, ValueError):
        raise UnknownPlaceError("an operation names a node that is gone") from None


def _mapping(node: Mapping | Scalar, tree: DataTree) -> MapData:
    if isinstance(node, Mapping):
        data = _of(node, tree)
        assert isinstance(data, MapData)  # noqa: S101 - the node is a Mapping
        return data
    place = _place(node, tree)
    current = tree.lists[id(node)][place]
    if not isinstance(current, MapData):
        current = MapData(_new_list(tree), _new_list(tree))
        tree.lists[id(node)][place] = current
    return current


def _put(node: Node, data: Data, tree: DataTree) -> None:
    place = _place(node, tree)
    tree.lists[id(node)][place] = data


def _index(mapping: MapData, name: str) -> int:
    for index in range(len(mapping.keys) - 1, -1, -1):
        key = mapping.keys[index]
        if isinstance(key, ScalarData) and key.value == name:
            return index
    raise UnknownPlaceError(f"an operation names the key {name!r} that the mapping lacks")


def _new(content: Content, tree: DataTree) -> Data:
    match content:
        case Text():
            return _text(content)
        case Items(items):
            return ListData([_new(item, tree) for item in items])
        case Entries(entries):
            return MapData(
                [_new_key(key) for key, _ in entries],
                [_new(value, tree) for _, value in entries],
            )
        case AliasTo(target):
            return _of(target, tree)
        case _:
            assert_never(content)


def _text(content: Text) -> ScalarData:
    return ScalarData(content.value, "other" if content.is_number else "str")


def _new_key(name: str) -> ScalarData:
    return ScalarData(name, "other" if name == MERGE_KEY else "str")


def is_data_of(data: DataTree, documents: tuple[Document, ...]) -> bool:
    """Whether ``documents`` hold ``data``. Linear: what aliases share is compared once."""
    roots = [document.root for document in documents if document.root is not None]
    if len(data.roots) != len(roots):
        return False
    pairs: list[tuple[Data, Node]] = list(zip(data.roots, roots, strict=True))
    seen: set[tuple[int, int]] = set()
    while pairs:
        wanted, node = pairs.pop()
        target = node.target if isinstance(node, Alias) else node
        if isinstance(wanted, ScalarData):
            if not isinstance(target, Scalar) or wanted.value != target.value:
                return False
            if wanted.kind != _kind(target):
                return False
            continue
        if (id(wanted), id(target)) in seen:
            continue
        seen.add((id(wanted), id(target)))
        if isinstance(wanted, ListData):
            if not isinstance(target, Sequence) or len(wanted.items) != len(target.items):
                return False
            pairs.extend(zip(wanted.items, target.items, strict=True))
        else:
            if not isinstance(target, Mapping) or len(wanted.keys) != len(target.entries):
                return False
            for key, item, entry in zip(wanted.keys, wanted.items, target.entries, strict=True):
                pairs.append((key, entry[0]))
                pairs.append((item, entry[1]))
    return True
