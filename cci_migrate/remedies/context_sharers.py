"""Which workflow jobs share the places for contexts, and which contexts each of them gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.circleci.sharing import Sharing, Users
from cci_migrate.circleci.workflow_jobs import JobContexts, contexts_in
from cci_migrate.groups import grouped
from cci_migrate.lossless.merging import Entry, sources_of
from cci_migrate.lossless.nodes import Alias, Node, resolved
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Sequence as SequenceNode


class ContextAddition(Struct, frozen=True, eq=False):
    """The contexts to add to a workflow job, before or after its ``current`` ones.

    ``names`` are all of them; those in ``first`` go before.
    """

    entry: WorkflowJob
    current: JobContexts
    names: tuple[str, ...]
    first: frozenset[str]

    @property
    def before(self) -> tuple[str, ...]:
        """Those that go before the contexts of the entry: what these provide stays."""
        return tuple(name for name in self.names if name in self.first)

    @property
    def behind(self) -> tuple[str, ...]:
        """Those that go behind the contexts of the entry."""
        return tuple(name for name in self.names if name not in self.first)

    @property
    def all_names(self) -> tuple[str, ...]:
        """All contexts of the entry after the addition, in order."""
        return (*self.before, *self.current.values, *self.behind)


class ContextSharers:
    """The workflow jobs that have arguments, or a list of contexts, in common.

    ``contexts`` are the current ones of each workflow job, ``plural`` the misspelt ``contexts``
    keys of some, ``additions`` what each gets.
    """

    def __init__(
        self,
        additions: Mapping[WorkflowJob, ContextAddition],
        contexts: Mapping[WorkflowJob, JobContexts],
        plural: Mapping[WorkflowJob, Entry],
        users: Users[WorkflowJob],
        sharing: Sharing,
    ) -> None:
        self.additions = additions
        self.contexts = contexts
        self.plural = plural
        self.users = users
        self.sharing = sharing
        self._all_lack_cache: dict[tuple[MappingNode, tuple[str, ...]], bool] = {}
        self._list_cache: dict[tuple[SequenceNode, tuple[str, ...]], bool] = {}

    @cached_property
    def _holders(self) -> Mapping[Node, Sequence[WorkflowJob]]:
        """The workflow jobs by the value of their ``context`` key, as written."""
        return grouped(
            (contexts.entry.value, entry)
            for entry, contexts in self.contexts.items()
            if contexts.entry is not None
        )

    def all_lack(self, mapping: MappingNode, names: tuple[str, ...]) -> bool:
        """Whether all jobs whose arguments are ``mapping``, or merge it, lack ``names``."""
        key = (mapping, names)
        if key not in self._all_lack_cache:
            self._all_lack_cache[key] = self._do_all_lack(mapping, names)
        return self._all_lack_cache[key]

    def _do_all_lack(self, mapping: MappingNode, names: tuple[str, ...]) -> bool:
        users = self.users.of(mapping)
        for user in users:
            if self.hides(user, mapping):
                continue
            addition = self.additions.get(user)
            if addition is None or not set(names) <= set(addition.names):
                return False
            if user.arguments is mapping and set(names) < self._unnamed(addition):
                return False  # It gets further contexts there, which the others must not get.
        return not is_used_elsewhere(mapping, users, self.sharing)

    def _unnamed(self, addition: ContextAddition) -> set[str]:
        """The names of ``addition`` that the job's ``contexts`` key does not list."""
        plural = self.plural.get(addition.entry)
        return set(addition.names) - set(() if plural is None else contexts_in(plural).values)

    def hides(self, user: WorkflowJob, mapping: MappingNode) -> bool:
        """Whether ``user`` has a ``context`` that wins over any of ``mapping``."""
        return wins(self.contexts[user].entry, user, mapping)

    def lacks_as(self, user: WorkflowJob, addition: ContextAddition) -> bool:
        """Whether ``user`` ends up with the same contexts as the job of ``addition``."""
        own, same = self.additions.get(user), self.additions[addition.entry]
        return own is not None and own.all_names == same.all_names

    def holders_lack(self, names: tuple[str, ...], *values: Node) -> bool:
        """Whether there are jobs whose contexts are one of ``values``, and all lack ``names``."""
        holders = [
            self.additions.get(entry) for value in values for entry in self._holders.get(value, ())
        ]
        return bool(holders) and all(
            holder and set(names) == set(holder.names) for holder in holders
        )

    def list_is_for_all(self, value: SequenceNode, names: tuple[str, ...]) -> bool:
        """Whether everyone who uses the list ``value`` as contexts lacks ``names``."""
        key = (value, names)
        if key not in self._list_cache:
            aliases = self.sharing.aliases_of(value)
            is_used = self.holders_lack(names, value, *aliases)
            self._list_cache[key] = is_used and all(
                self.holders_lack(names, alias) for alias in aliases
            )
        return self._list_cache[key]

    def in_order_for(
        self, addition: ContextAddition, users: Iterable[WorkflowJob]
    ) -> ContextAddition:
        """``addition`` with all contexts first that must be so for any of ``users``."""
        additions = (self.additions.get(user) for user in users)
        first = frozenset().union(*(user.first for user in additions if user is not None))
        return replace(addition, first=addition.first | first)

    def in_order_for_list(self, addition: ContextAddition, value: SequenceNode) -> ContextAddition:
        """`in_order_for` all jobs whose contexts are the list ``value``."""
        others = (
            other.entry
            for other in self.additions.values()
            if other.current.entry is not None and resolved(other.current.entry.value) is value
        )
        return self.in_order_for(addition, others)

    def owner(self, mapping: MappingNode) -> ContextAddition | None:
        """The workflow job whose own arguments are ``mapping``, if it lacks contexts."""
        owners = (self.additions.get(user) for user in self.users.of(mapping))
        return next((owner for owner in owners if owner and owner.entry.arguments is mapping), None)

    def is_replaced(self, alias: Alias) -> bool:
        """Whether an addition replaces ``alias`` by a list of its own."""
        return any(entry in self.additions for entry in self._holders.get(alias, ()))


def argument_users(entries: Iterable[WorkflowJob]) -> Users[WorkflowJob]:
    """Which of ``entries`` have each mapping as their arguments, or merge it into them."""
    return Users(
        (entry, arguments)
        for entry in entries
        if entry.arguments is not None
        and isinstance(arguments := resolved(entry.arguments), MappingNode)
    )


def is_used_elsewhere(mapping: MappingNode, users: Iterable[WorkflowJob], sharing: Sharing) -> bool:
    """Whether something other than the arguments of ``users`` refers to ``mapping``."""
    arguments = [user.arguments for user in users if user.arguments is not None]
    return sharing.has_other_users(mapping, arguments)


def wins(entry: Entry | None, user: WorkflowJob, mapping: MappingNode) -> bool:
    """Whether ``user`` reads its ``entry`` rather than one with the same key in ``mapping``."""
    target = None if user.arguments is None else resolved(user.arguments)
    if entry is None or not isinstance(target, MappingNode):
        return False
    first = next(
        source for source in sources_of(target) if source is entry.holder or source is mapping
    )
    return first is not mapping
