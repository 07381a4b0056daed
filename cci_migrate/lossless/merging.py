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
    return isinstance(key, Scalar) and key.value == MERGE_KEY and not key.style


def merged_mappings(mapping: Mapping) -> Iterator[Mapping]:
    """The mappings that ``mapping`` merges directly, in order of precedence."""
    for key, value in mapping.entries:
        if is_merge_key(key):
            target = resolved(value)
            if isinstance(target, Mapping):
                yield target
            elif isinstance(target, Sequence):
                for item in target.items:
                    part = resolved(item)
                    if isinstance(part, Mapping):
                        yield part


_NO_ENTRIES: ReadOnly[str, Entry] = MappingProxyType({})


def entries_of(node: Node | None) -> ReadOnly[str, Entry]:
    """The entries of ``node`` by key, merged ones after its own; empty if it is no mapping."""
    target = node.target if isinstance(node, Alias) else node
    if not isinstance(target, Mapping):
        return _NO_ENTRIES
    own, has_merge = _own_entries(target)
    return _with_merged(target) if has_merge else own


@lru_cache(maxsize=1024)
def _with_merged(mapping: Mapping) -> ReadOnly[str, Entry]:
    entries: dict[str, Entry] = {}
    seen: set[Mapping] = set()
    pending = [mapping]
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        own, has_merge = _own_entries(current)
        if entries:
            for name, entry in own.items():
                entries.setdefault(name, entry)
        else:
            entries.update(own)
        if has_merge:
            pending.extend(reversed(list(merged_mappings(current))))
    return entries


@lru_cache(maxsize=4096)
def _own_entries(mapping: Mapping) -> tuple[ReadOnly[str, Entry], bool]:
    """The entries in ``mapping``'s own text, and whether it has a merge key.

    Cached: most are asked for several keys, and several may merge the same one.
    """
    own: dict[str, Entry] = {}
    has_merge = False
    for key, value in mapping.entries:
        if isinstance(key, Scalar):
            if key.value == MERGE_KEY and not key.style:
                has_merge = True
            else:
                own[key.value] = Entry(key, value, mapping)
    return own, has_merge


def entry_of(node: Node | None, name: str) -> Entry | None:
    """The entry ``name`` of ``node``, its own or merged; None if it has none or is no mapping."""
    target = node.target if isinstance(node, Alias) else node
    if not isinstance(target, Mapping):
        return None
    own, has_merge = _own_entries(target)
    entry = own.get(name)
    if entry is not None or not has_merge:
        return entry
    return _with_merged(target).get(name)


def value_of(node: Node | None, name: str) -> Scalar | Mapping | Sequence | None:
    """The value of the entry ``name`` of ``node``, aliases resolved; None if there is no entry."""
    entry = entry_of(node, name)
    return None if entry is None else resolved(entry.value)


def own_entry(mapping: Mapping, name: str) -> Entry | None:
    """The last entry ``name`` in ``mapping``'s own text; None if there is none."""
    entry = None
    for key, value in mapping.entries:
        if isinstance(key, Scalar) and key.value == name:
            entry = Entry(key, value, mapping)
    return entry


def items_or_itself(node: Node | None) -> tuple[Node, ...]:
    """The items of a list that may also be written as its only item; empty for None."""
    target = None if node is None else resolved(node)
    return () if target is None else target.items if isinstance(target, Sequence) else (target,)


def is_null(node: Node | None) -> bool:
    """Whether ``node`` is a plain null: ``~``, ``null`` or nothing at all. False for None."""
    return (
        isinstance(node, Scalar)
        and not node.style
        and node.tag is None
        and node.value in ("", "~", "null", "Null", "NULL")
    )


def text_of(node: Node | None) -> str | None:
    """The value of the scalar ``node``, an alias resolved; None for null and for anything else."""
    target = node.target if isinstance(node, Alias) else node
    return target.value if isinstance(target, Scalar) and not is_null(target) else None


def items_of(node: Node | None) -> tuple[Node, ...]:
    """The items, as written, of the sequence ``node``, an alias resolved; empty if it is none."""
    if node is None:
        return ()
    target = resolved(node)
    return target.items if isinstance(target, Sequence) else ()


def duplicate_keys(mapping: Mapping) -> Iterator[tuple[Scalar | Alias, Scalar | Alias]]:
    """Yield (earlier, later) for each repeated key of ``mapping``, merge keys excepted."""
    entries = mapping.entries
    if len(entries) == 1 or len(
        {key.value for key, _ in entries if isinstance(key, Scalar)}
    ) == len(entries):
        return  # as nearly all do
    seen: dict[str, Scalar | Alias] = {}
    for key, _ in entries:
        name = resolved(key)
        if isinstance(key, Scalar | Alias) and isinstance(name, Scalar) and not is_merge_key(key):
            if name.value in seen:
                yield seen[name.value], key
            else:
                seen[name.value] = key
