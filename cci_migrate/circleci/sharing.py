"""Who shares an anchored node, and would be changed by an edit of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as ReadOnly
from functools import cached_property
from typing import Generic, TypeVar

from cci_migrate.groups import grouped
from cci_migrate.lossless.merging import is_merge_key, merged_mappings, sources_of
from cci_migrate.lossless.nodes import Alias, Document, Mapping, Node, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode

_User = TypeVar("_User")


class Sharing:
    """The aliases of some documents by their targets."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._documents = tuple(documents)

    @cached_property
    def _aliases(self) -> ReadOnly[Node, list[Alias]]:
        return grouped(
            (alias.target, alias) for document in self._documents for alias in document.aliases
        )

    def aliases_of(self, node: Node) -> list[Alias]:
        return [] if node_anchor(node) is None else self._aliases.get(node, [])

    def has_other_users(self, node: Node, users: Iterable[Node]) -> bool:
        """Whether ``node`` has an alias through which none of ``users`` refers to it.

        ``users`` are values as written; they refer to their targets, and to what these merge.
        """
        aliases = self.aliases_of(node)
        if not aliases:
            return False
        accounted = {alias for value in users for alias in aliases_on_the_way(value)}
        return any(alias not in accounted for alias in aliases)


def node_anchor(node: Node) -> str | None:
    """The anchor of ``node``; None if it has none or is an alias."""
    return None if isinstance(node, Alias) else node.anchor


def aliases_on_the_way(node: Node) -> Iterator[Alias]:
    """The aliases through which ``node`` gets its entries: itself, and those that it merges."""
    pending = [node]
    seen: set[Node] = set()
    while pending:
        current = pending.pop()
        if isinstance(current, Alias):
            yield current
            current = current.target
        if current in seen:
            continue
        seen.add(current)
        if isinstance(current, Mapping):
            for key, value in current.entries:
                if is_merge_key(key):
                    pending.append(value)
                    target = resolved(value)
                    if isinstance(target, SequenceNode):
                        pending.extend(target.items)


def merge_chain(mapping: Mapping, holder: Mapping) -> tuple[Mapping, ...]:
    """The mappings from ``holder`` to ``mapping``, each merged by the next.

    ``holder`` is first: an edit of it would affect all users.
    """
    chain = _chain(mapping, holder, set())
    return tuple(reversed(chain)) if chain else (mapping,)


def _chain(at: Mapping, holder: Mapping, seen: set[Mapping]) -> list[Mapping]:
    if at is holder:
        return [at]
    if at in seen:
        return []
    seen.add(at)
    for merged in merged_mappings(at):
        if rest := _chain(merged, holder, seen):
            return [at, *rest]
    return []


class Users(Generic[_User]):
    """The users of mappings, directly or by merging them.

    Indexed once, so that lookups for many mappings are cheap.
    """

    def __init__(self, users: Iterable[tuple[_User, Mapping]]) -> None:
        self._users = grouped(
            (source, user) for user, mapping in users for source in sources_of(mapping)
        )

    def of(self, mapping: Mapping) -> Sequence[_User]:
        return self._users.get(mapping, ())
