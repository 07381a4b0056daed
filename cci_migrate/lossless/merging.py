"""Reads mappings as YAML 1.1 does: through aliases and merge keys.

CircleCI's compiler is built on SnakeYAML: a mapping's own keys win over merged ones, an earlier
merge over a later one, and the last of duplicate keys over the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from functools import lru_cache
from types import MappingProxyType

from msgspec import Struct

from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar, Sequence, resolved

MERGE_KEY = "<<"


class Entry(Struct, frozen=True, gc=False):
    """One entry of a mapping, its own or merged.

    ``value`` is the node as written, possibly an alias. ``holder`` is the mapping whose text
    contains the entry; it differs from the mapping that was read if the entry was merged in.
    """

    key: Scalar
    value: Node
    holder: Mapping


def is_merge_key(key: Node) -> bool:
    """Whether ``key`` is ``<<``, unquoted."""
    return type(key) is Scalar and key.value == MERGE_KEY and not key.style


def merged_mappings(mapping: Mapping) -> Iterator[Mapping]:
    """The mappings that ``mapping`` merges directly, in order of precedence."""
    for key, value in mapping.entries if mapping.merges else ():
        if is_merge_key(key):
            target = resolved(value)
            if type(target) is Mapping:
                yield target
            elif type(target) is Sequence:
                for item in target.items:
                    part = resolved(item)
                    if type(part) is Mapping:
                        yield part


def sources_of(mapping: Mapping) -> tuple[Mapping, ...]:
    """``mapping`` and all that it merges, directly or not, in order of precedence."""
    return _with_merged(mapping) if mapping.merges else (mapping,)


@lru_cache(maxsize=1024)
def _with_merged(mapping: Mapping) -> tuple[Mapping, ...]:
    sources: dict[Mapping, None] = {}
    pending = [mapping]
    while pending:
        current = pending.pop()
        if current not in sources:
            sources[current] = None
            pending.extend(reversed(list(merged_mappings(current))))
    return tuple(sources)


_NO_VALUES: ReadOnly[str, Node] = MappingProxyType({})


def values_by_key(node: Node | None) -> ReadOnly[str, Node]:
    """The values of ``node`` as written, merged ones after its own; empty if it is no mapping."""
    target = node.target if type(node) is Alias else node
    if type(target) is not Mapping:
        return _NO_VALUES
    return _merged_values(target) if target.merges else target.values


@lru_cache(maxsize=1024)
def _merged_values(mapping: Mapping) -> ReadOnly[str, Node]:
    values: dict[str, Node] = {}
    for source in sources_of(mapping):
        for name, value in source.values.items():
            values.setdefault(name, value)
    return values


def entries_of(node: Node | None) -> ReadOnly[str, Entry]:
    """The entries of `values_by_key`, for those who need a key or its place."""
    target = node.target if type(node) is Alias else node
    entries: dict[str, Entry] = {}
    for source in sources_of(target) if type(target) is Mapping else ():
        own = {
            key.value: Entry(key, value, source)
            for key, value in source.entries
            if type(key) is Scalar and not is_merge_key(key)
        }
        for name, entry in own.items():
            entries.setdefault(name, entry)
    return entries


def entry_of(node: Node | None, name: str) -> Entry | None:
    """The entry ``name`` of ``node``, its own or merged; None if it has none or is no mapping."""
    target = node.target if type(node) is Alias else node
    if type(target) is not Mapping:
        return None
    if not target.merges:
        return own_entry(target, name)
    source = next((each for each in sources_of(target) if name in each.values), None)
    return None if source is None else own_entry(source, name)


def value_of(node: Node | None, name: str) -> Scalar | Mapping | Sequence | None:
    """The value of the entry ``name`` of ``node``, aliases resolved; None if there is no entry."""
    target = node.target if type(node) is Alias else node
    if type(target) is not Mapping:
        return None
    value = (_merged_values(target) if target.merges else target.values).get(name)
    return value.target if type(value) is Alias else value


def own_entry(mapping: Mapping, name: str) -> Entry | None:
    """The last entry ``name`` in ``mapping``'s own text; None if there is none."""
    if name in mapping.values or (name == MERGE_KEY and mapping.merges):
        for key, value in reversed(mapping.entries):
            if type(key) is Scalar and key.value == name:
                return Entry(key, value, mapping)
    return None


def items_or_itself(node: Node | None) -> tuple[Node, ...]:
    """The items of a list that may also be written as its only item; empty for None."""
    target = None if node is None else resolved(node)
    return () if target is None else target.items if type(target) is Sequence else (target,)


_NULLS = frozenset(("", "~", "null", "Null", "NULL"))


def is_null(node: Node | None) -> bool:
    """Whether ``node`` is a plain null: ``~``, ``null`` or nothing at all. False for None."""
    return type(node) is Scalar and node.value in _NULLS and not node.style and node.tag is None


def text_of(node: Node | None) -> str | None:
    """The value of the scalar ``node``, an alias resolved; None for null and for anything else."""
    target = node.target if type(node) is Alias else node
    if type(target) is not Scalar or (target.value in _NULLS and is_null(target)):
        return None
    return target.value


def items_of(node: Node | None) -> tuple[Node, ...]:
    """The items, as written, of the sequence ``node``, an alias resolved; empty if it is none."""
    if node is None:
        return ()
    target = resolved(node)
    return target.items if type(target) is Sequence else ()


def duplicate_keys(mapping: Mapping) -> Iterator[tuple[Scalar | Alias, Scalar | Alias]]:
    """Yield (earlier, later) for each repeated key of ``mapping``, merge keys excepted."""
    seen: dict[str, Scalar | Alias] = {}
    for key, _ in mapping.entries:
        name = resolved(key)
        if isinstance(key, Scalar | Alias) and isinstance(name, Scalar) and not is_merge_key(key):
            if name.value in seen:
                yield seen[name.value], key
            else:
                seen[name.value] = key
