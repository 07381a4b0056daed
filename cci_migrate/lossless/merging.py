"""Reading mappings as YAML 1.1 does: through aliases and merge keys.

SnakeYAML, which CircleCI's compiler is built on, lets a mapping's own keys win over merged ones,
an earlier merge over a later one, and the last of duplicate keys over the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar, Sequence, resolved

MERGE_KEY = "<<"


class Entry(Struct, frozen=True, gc=False):
    """One entry of a mapping as its readers see it.

    ``value`` is as written, an alias where it is one. ``holder`` is the mapping in whose text the
    entry stands: another one than was asked where the entry was merged in.
    """

    key: Scalar
    value: Node
    holder: Mapping


def is_merge_key(key: Node) -> bool:
    """Whether ``key`` is ``<<``, unquoted."""
    return isinstance(key, Scalar) and key.value == MERGE_KEY and not key.style


def merged_mappings(mapping: Mapping) -> Iterator[Mapping]:
    """The mappings that ``mapping`` merges itself, those that win first."""
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


def entries_of(node: Node | None) -> dict[str, Entry]:
    """What ``node`` holds by key, merged entries after its own; nothing if it is no mapping."""
    found: dict[str, Entry] = {}
    if node is not None:
        target = node.target if isinstance(node, Alias) else node
        if isinstance(target, Mapping):
            _collect(target, found)
    return found


def _collect(mapping: Mapping, found: dict[str, Entry]) -> None:
    seen: set[Mapping] = set()
    pending = [mapping]
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        own, has_merge = _own_entries(current)
        if found:
            for name, entry in own.items():
                found.setdefault(name, entry)
        else:
            found.update(own)
        if has_merge:
            pending.extend(reversed(list(merged_mappings(current))))


@lru_cache(maxsize=1024)
def _own_entries(mapping: Mapping) -> tuple[dict[str, Entry], bool]:
    """What stands in ``mapping``'s own text, and whether it merges; many may merge the same one."""
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
    """The entry ``name`` of ``node``, its own or merged."""
    if node is None:
        return None
    target = node.target if isinstance(node, Alias) else node
    if not isinstance(target, Mapping):
        return None
    own = None
    has_merge = False
    for key, value in target.entries:
        if isinstance(key, Scalar):
            if key.value == name and (name != MERGE_KEY or key.style):
                own = Entry(key, value, target)
            elif key.value == MERGE_KEY and not key.style:
                has_merge = True
    if own is not None or not has_merge:
        return own
    return entries_of(target).get(name)


def value_of(node: Node | None, name: str) -> Scalar | Mapping | Sequence | None:
    """What the entry ``name`` of ``node`` means, aliases followed; None if it has none."""
    entry = entry_of(node, name)
    return None if entry is None else resolved(entry.value)


def own_entry(mapping: Mapping, name: str) -> Entry | None:
    """The entry ``name`` that stands in ``mapping``'s own text."""
    found = None
    for key, value in mapping.entries:
        if isinstance(key, Scalar) and key.value == name:
            found = Entry(key, value, mapping)
    return found


def is_null(node: Node | None) -> bool:
    """Whether ``node`` is a null, written or not."""
    return (
        isinstance(node, Scalar)
        and not node.style
        and node.tag is None
        and node.value in ("", "~", "null", "Null", "NULL")
    )


def text_of(node: Node | None) -> str | None:
    """The value of the scalar that ``node`` is or means; None for anything else and for null."""
    if node is None:
        return None
    target = node.target if isinstance(node, Alias) else node
    if not isinstance(target, Scalar) or is_null(target):
        return None
    return target.value


def items_of(node: Node | None) -> tuple[Node, ...]:
    """The items of the sequence that ``node`` is or means, as written; nothing if it is none."""
    if node is None:
        return ()
    target = resolved(node)
    return target.items if isinstance(target, Sequence) else ()


def duplicate_keys(mapping: Mapping) -> Iterator[tuple[Scalar, Scalar]]:
    """The keys of ``mapping`` that stand there twice, merge keys apart: (first, again)."""
    keys = [key for key, _ in mapping.entries if isinstance(key, Scalar)]
    if len({key.value for key in keys}) == len(keys):
        return
    seen: dict[str, Scalar] = {}
    for key in keys:
        if not is_merge_key(key):
            if key.value in seen:
                yield seen[key.value], key
            else:
                seen[key.value] = key
