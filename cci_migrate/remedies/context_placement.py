"""How workflow jobs get contexts, whatever stands there already.

Least privilege: no other workflow job gets one that it does not need. What several of them share
through an anchor is edited once if all of them need it; else only the using entry is changed, and
carries over what its own key would hide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.misplaced_contexts import plural_contexts
from cci_migrate.circleci.sharing import Sharing, Users, sources_of
from cci_migrate.circleci.workflow_jobs import JobContexts, contexts_in, job_contexts
from cci_migrate.findings import ContextGrant
from cci_migrate.lossless.merging import (
    Entry,
    is_null,
    merged_mappings,
)
from cci_migrate.lossless.nodes import Alias, Node, Scalar, resolved
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Sequence as SequenceNode
from cci_migrate.lossless.operations import (
    AddEntry,
    AddItem,
    Content,
    Entries,
    Items,
    Operation,
    RenameKey,
    ReplaceScalar,
    ScalarToMapping,
    Text,
    WrapInMerge,
    WrapInSequence,
)

CONTEXT = "context"


class NoRoom(Struct, frozen=True):
    """Why a context cannot be added, and what to do instead."""

    reason: str
    instead: str


#: By workflow job, what gives it the contexts of a plan.
Places = Mapping[WorkflowJob, tuple[Operation, ...] | NoRoom]


def without_room(grant: ContextGrant, room: NoRoom) -> str:
    """Why a fix that brings ``grant`` along is not made."""
    variables = ", ".join(f"${name}" for name in grant.variables)
    provided = f" (provides {variables})" if variables and not grant.among else ""
    return (
        f"{grant.entry.name} would need the context {grant.context}{provided}, for "
        f"which there is no place: {room.reason}"
    )


def instead_of(grant: ContextGrant, room: NoRoom) -> str:
    """What the user can do where ``grant`` has no place."""
    variables = ", ".join(f"${name}" for name in grant.variables)
    if not variables:
        return room.instead
    return (
        f"{room.instead}, or let the project's environment variables hold {variables} "
        "(--credentials project)"
    )


class _Lacking(Struct, frozen=True, eq=False):
    """A workflow job, the contexts it holds and those to add: before what it holds, and behind."""

    entry: WorkflowJob
    held: JobContexts
    names: tuple[str, ...]
    first: frozenset[str]

    @property
    def before(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in self.first)

    @property
    def behind(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in self.first)

    @property
    def all_names(self) -> tuple[str, ...]:
        """All contexts of the entry once it has those that it lacks."""
        return (*self.before, *self.held.values, *self.behind)


class ContextStyle(Struct, frozen=True):
    """How the file writes a new ``context``: a list, a list in brackets, or a string."""

    as_string: bool = False
    flow: bool = False

    def content(self, names: Sequence[str]) -> Content:
        """``names`` as the value of a new key."""
        if self.as_string and len(names) == 1:
            return Text(names[0])
        return Items(tuple(Text(name) for name in names), flow=self.flow)


def usual_style(held: Iterable[JobContexts], *, single_only: bool) -> ContextStyle:
    """The style in which ``held`` are written: lists, unless all are strings.

    ``single_only``: the platform wants one context (CircleCI Server), so a lone one is a string.
    """
    values = [resolved(one.entry.value) for one in held if one.entry is not None]
    lists = [value for value in values if isinstance(value, SequenceNode)]
    return ContextStyle(
        as_string=single_only or (bool(values) and not lists),
        flow=bool(lists) and all(value.is_flow for value in lists),
    )


class ContextPlacement:
    """Finds the place for contexts among all workflow jobs of a config."""

    def __init__(self, config: Config, sharing: Sharing, *, single_only: bool) -> None:
        entries = config.workflow_jobs
        self._sharing = sharing
        self._plural = {one: key for key, users in plural_contexts(config) for one in users}
        self._held = {entry: job_contexts(entry) for entry in entries}
        self._style = usual_style(self._held.values(), single_only=single_only)
        self._users = Users(
            (entry, arguments)
            for entry in entries
            if entry.arguments is not None
            and isinstance(arguments := resolved(entry.arguments), MappingNode)
        )

    def places(self, grants: Iterable[ContextGrant]) -> Places:
        """By workflow job of ``grants``, what gives it its contexts.

        The grants are made together: what all users of an anchor get is added there.
        """
        by_entry: dict[WorkflowJob, list[ContextGrant]] = {}
        for grant in grants:
            if grant.context not in self._held[grant.entry].names:
                by_entry.setdefault(grant.entry, []).append(grant)
        lacking = {
            entry: _Lacking(
                of_one[0].entry,
                self._held[entry],
                tuple(dict.fromkeys(grant.context for grant in of_one)),
                frozenset(grant.context for grant in of_one if grant.comes_first),
            )
            for entry, of_one in by_entry.items()
        }
        placing = _Placing(
            lacking, self._held, self._plural, self._users, self._sharing, self._style
        )
        return {entry: placing.operations(one) for entry, one in lacking.items()}


class _Placing:
    """The places for the contexts that the workflow jobs ``lacking`` are to get.

    ``held`` are those that each workflow job has, ``plural`` the keys ``contexts`` of some.
    """

    def __init__(
        self,
        lacking: Mapping[WorkflowJob, _Lacking],
        held: Mapping[WorkflowJob, JobContexts],
        plural: Mapping[WorkflowJob, Entry],
        users: Users[WorkflowJob],
        sharing: Sharing,
        style: ContextStyle,
    ) -> None:
        self._lacking = lacking
        self._held = held
        self._plural = plural
        self._users = users
        self._sharing = sharing
        self._style = style
        self._is_for_all: dict[tuple[MappingNode, tuple[str, ...]], bool] = {}

    def operations(self, one: _Lacking) -> tuple[Operation, ...] | NoRoom:
        """What gives ``one`` the contexts that it lacks."""
        if one.held.entry is not None:
            return self._extend(one, one.held.entry)
        return self._add(one)

    # No context yet

    def _add(self, one: _Lacking) -> tuple[Operation, ...] | NoRoom:
        entry = one.entry
        content = self._style.content(one.all_names)
        arguments = entry.arguments
        if arguments is None:
            if isinstance(entry.node, Scalar | Alias):
                return (ScalarToMapping(entry.node, Entries(((CONTEXT, content),))),)
            return NoRoom("the entry is no name of a job", "write it as the name of a job")
        target = resolved(arguments)
        if isinstance(target, Scalar) and is_null(target) and not isinstance(arguments, Alias):
            return (AddEntry(target, CONTEXT, content),)
        if not isinstance(target, MappingNode):
            return NoRoom("the job's arguments are no mapping", "write them as keys below the job")
        plural = self._plural.get(entry)
        if plural is not None:
            return self._rename(one, plural)
        for source in _merged_in(target):
            is_shared = len(self._users.of(source)) > 1 and self._may_hold_a_context(source)
            if is_shared and self._all_lack(source, one.names):
                return (AddEntry(source, CONTEXT, content),)
        is_own = not isinstance(arguments, Alias) or self._may_hold_a_context(target)
        if is_own and self._all_lack(target, one.names):
            return (AddEntry(target, CONTEXT, content),)
        return self._with_own_key(one, content)

    def _with_own_key(self, one: _Lacking, content: Content) -> tuple[Operation, ...] | NoRoom:
        """Gives ``one`` a ``context`` of its own; whoever uses an anchor of it keeps what it has.

        Its arguments are a mapping, or an alias of one.
        """
        arguments = one.entry.arguments
        target = resolved(arguments) if arguments is not None else None
        if not isinstance(arguments, Alias | MappingNode) or not isinstance(target, MappingNode):
            return _shared(one)
        own = [user for user in self._users.of(target) if user.arguments is arguments]
        if not all(self._lacks_as(user, one) for user in own):
            return _shared(one)
        if isinstance(arguments, MappingNode):
            if self._all_lack(arguments, one.names):
                return (AddEntry(arguments, CONTEXT, content),)
            if arguments.anchor is None:
                return _shared(one)
        return (WrapInMerge(arguments, Entries(((CONTEXT, content),))),)

    def _rename(self, one: _Lacking, plural: Entry) -> tuple[Operation, ...] | NoRoom:
        """Makes ``contexts``, which CircleCI does not know, the key that it knows.

        What ``one`` lacks besides is added as if that had been there.
        """
        holder = plural.holder
        users = [user for user in self._users.of(holder) if not self._hides(user, holder)]
        known = [user.arguments for user in self._users.of(holder) if user.arguments is not None]
        is_for_all = all(
            user in self._lacking
            and (self._plural.get(user) == plural or self._renames_its_own(user, holder))
            for user in users
        )
        if not is_for_all or self._sharing.has_other_users(holder, known):
            return NoRoom(
                "its key is contexts, which others share that need no context",
                "name the key context, and write out the entries of the others",
            )
        index = next(i for i, (key, _) in enumerate(holder.entries) if key is plural.key)
        rename = RenameKey(holder, index, CONTEXT)
        there = contexts_in(plural)
        names = tuple(name for name in one.names if name not in there.values)
        if not names:
            return (rename,)
        more = replace(one, held=there, names=names)
        if self._all_lack(holder, names):
            extended = self._extend_value(self._together(more, users), plural)
        else:
            extended = self._with_own_key(more, self._carried(more))
        return extended if isinstance(extended, NoRoom) else (rename, *extended)

    def _renames_its_own(self, user: WorkflowJob, holder: MappingNode) -> bool:
        """Whether ``user`` has a key ``contexts`` that wins over that of ``holder``."""
        return _wins(self._plural.get(user), user, holder)

    def _may_hold_a_context(self, mapping: MappingNode) -> bool:
        """Whether an anchored ``mapping`` is meant for workflow jobs as such, or itself is one's.

        One that is named for a filter, or has nothing else, is used where filters are wanted.
        """
        users = self._users.of(mapping)
        if any(user.arguments is mapping for user in users):
            return True
        keys = {key.value for key, _ in mapping.entries if isinstance(key, Scalar)}
        return bool(keys - _CONDITIONS) and not _CONDITION_WORDS.search(mapping.anchor or "")

    # A context is there

    def _extend(self, one: _Lacking, context: Entry) -> tuple[Operation, ...] | NoRoom:
        holder = context.holder
        if self._all_lack(holder, one.names):
            return self._extend_value(self._together(one, self._users.of(holder)), context)
        owner = self._owner(holder)
        if owner is not None and owner.all_names == one.all_names:
            kept = self._kept(holder)
            if kept is not None:
                if owner is not one:
                    return ()  # It inherits what its anchor gets.
                extended = self._extend_value(one, context)
                return extended if isinstance(extended, NoRoom) else (*extended, *kept)
        return self._with_own_key(one, self._carried(one))

    def _owner(self, mapping: MappingNode) -> _Lacking | None:
        """The workflow job whose own arguments are ``mapping``, if it lacks contexts."""
        owners = (self._lacking.get(user) for user in self._users.of(mapping))
        return next((one for one in owners if one and one.entry.arguments is mapping), None)

    def _kept(self, holder: MappingNode) -> tuple[Operation, ...] | None:
        """What keeps the contexts of those that share ``holder`` once its own entry gets more.

        None where a user is shared itself, or is not known.
        """
        kept: list[Operation] = []
        users = self._users.of(holder)
        for user in users:
            held, lacking = self._held[user], self._lacking.get(user)
            if held.entry is None or held.entry.holder is not holder or lacking is not None:
                continue  # It has, or gets, a key of its own.
            content = self._style.content(held.values)
            if isinstance(user.arguments, Alias):
                kept.append(WrapInMerge(user.arguments, Entries(((CONTEXT, content),))))
            elif isinstance(user.arguments, MappingNode) and user.arguments.anchor is None:
                kept.append(AddEntry(user.arguments, CONTEXT, content))
            else:
                return None
        known = [user.arguments for user in users if user.arguments is not None]
        return None if self._sharing.has_other_users(holder, known) else tuple(kept)

    def _extend_value(self, one: _Lacking, context: Entry) -> tuple[Operation, ...] | NoRoom:
        written = context.value
        value = resolved(written)
        if isinstance(value, SequenceNode):
            return self._extend_list(one, written, value)
        if isinstance(value, Scalar):
            if is_null(value) and isinstance(written, Scalar):
                return (
                    (ReplaceScalar(written, Text(one.names[0])),)
                    if len(one.names) == 1
                    else NoRoom("the entry has an empty context key", "give the key a value")
                )
            node: Scalar | Alias = written if isinstance(written, Alias) else value
            return (
                WrapInSequence(
                    node,
                    _items(one.behind, flow=self._style.flow),
                    tuple(map(Text, one.before)),
                ),
            )
        return NoRoom("its context is a mapping", "write it as a string or a list")

    def _extend_list(
        self, one: _Lacking, written: Node, value: SequenceNode
    ) -> tuple[Operation, ...]:
        if not isinstance(written, Alias) and value.anchor is None:
            return _added_to(value, one)
        if self._list_is_for_all(value, one.names):
            return _added_to(value, self._together_in(one, value))
        if isinstance(written, Alias):
            return (ReplaceScalar(written, self._carried(one)),)
        # The list is split: those that need nothing more keep a copy of what it holds now.
        copy = _items(one.held.values, flow=self._style.flow)
        return (
            *(
                ReplaceScalar(alias, copy)
                for alias in self._sharing.aliases_of(value)
                if not self._is_replaced(alias) and not self._holders_lack(one.names, alias)
            ),
            *_added_to(value, one),
        )

    def _is_replaced(self, alias: Alias) -> bool:
        """Whether a workflow job that lacks something writes its contexts out for ``alias``."""
        return any(
            one.held.entry is not None and one.held.entry.value is alias
            for one in self._lacking.values()
        )

    def _together(self, one: _Lacking, users: Iterable[WorkflowJob]) -> _Lacking:
        """``one``, with the contexts first that have to be so for any of ``users``."""
        lacking = (self._lacking.get(user) for user in users)
        first = frozenset().union(*(user.first for user in lacking if user is not None))
        return replace(one, first=one.first | first)

    def _together_in(self, one: _Lacking, value: SequenceNode) -> _Lacking:
        """`_together` with all that use the list ``value``."""
        others = (
            other.entry
            for other in self._lacking.values()
            if other.held.entry is not None and resolved(other.held.entry.value) is value
        )
        return self._together(one, others)

    def _carried(self, one: _Lacking) -> Items:
        """The contexts that an own key would hide, with the new ones."""
        return _items(one.all_names, flow=self._style.flow)

    def _holders_lack(self, names: tuple[str, ...], *values: Node) -> bool:
        """Whether all workflow jobs whose contexts are one of ``values`` lack just ``names``.

        And at least one does.
        """
        holders = [
            self._lacking.get(entry)
            for entry, held in self._held.items()
            if held.entry is not None and held.entry.value in values
        ]
        return bool(holders) and all(one and set(names) == set(one.names) for one in holders)

    def _list_is_for_all(self, value: SequenceNode, names: tuple[str, ...]) -> bool:
        """Whether everyone who uses the list ``value`` as contexts lacks ``names``."""
        aliases = self._sharing.aliases_of(value)
        is_used = self._holders_lack(names, value, *aliases)
        return is_used and all(self._holders_lack(names, alias) for alias in aliases)

    # Who else

    def _all_lack(self, mapping: MappingNode, names: tuple[str, ...]) -> bool:
        """Whether all jobs whose arguments are ``mapping``, or merge it, lack ``names``."""
        key = (mapping, names)
        if key not in self._is_for_all:
            self._is_for_all[key] = self._do_all_lack(mapping, names)
        return self._is_for_all[key]

    def _do_all_lack(self, mapping: MappingNode, names: tuple[str, ...]) -> bool:
        users = self._users.of(mapping)
        for user in users:
            if self._hides(user, mapping):
                continue
            lacking = self._lacking.get(user)
            if lacking is None or not set(names) <= set(lacking.names):
                return False
            if user.arguments is mapping and set(names) < self._unnamed(lacking):
                return False  # It gets more there, which is kept from the others.
        known = [user.arguments for user in users if user.arguments is not None]
        return not self._sharing.has_other_users(mapping, known)

    def _unnamed(self, one: _Lacking) -> set[str]:
        """What ``one`` lacks beside what its key ``contexts`` names."""
        plural = self._plural.get(one.entry)
        return set(one.names) - set(() if plural is None else contexts_in(plural).values)

    def _hides(self, user: WorkflowJob, mapping: MappingNode) -> bool:
        """Whether ``user`` has a ``context`` that wins over any of ``mapping``."""
        return _wins(self._held[user].entry, user, mapping)

    def _lacks_as(self, user: WorkflowJob, one: _Lacking) -> bool:
        """Whether ``user`` lacks what ``one`` does."""
        lacking, same = self._lacking.get(user), self._lacking[one.entry]
        return lacking is not None and lacking.all_names == same.all_names


def _wins(entry: Entry | None, user: WorkflowJob, mapping: MappingNode) -> bool:
    """Whether ``user`` reads its ``entry`` rather than one with the same key in ``mapping``."""
    target = None if user.arguments is None else resolved(user.arguments)
    if entry is None or not isinstance(target, MappingNode):
        return False
    first = next(one for one in sources_of(target) if one is entry.holder or one is mapping)
    return first is not mapping


def _shared(one: _Lacking) -> NoRoom:
    return NoRoom(
        f"{one.entry.name} is shared with workflow jobs that do not need the context",
        "write this entry out, with the context of its own",
    )


def _added_to(value: SequenceNode, one: _Lacking) -> tuple[Operation, ...]:
    return (
        *(AddItem(value, 0, Text(name)) for name in one.before),
        *(AddItem(value, len(value.items), Text(name)) for name in one.behind),
    )


#: What says when a job runs, and what such mappings are called.
_CONDITIONS = frozenset({"filters", "requires", "branches", "tags", "only", "ignore", "when"})
_CONDITION_WORDS = re.compile(
    r"filter|branch|tags?\b|tagged|only|ignore|require|release|master|main\b", re.IGNORECASE
)


def _items(names: Iterable[str], *, flow: bool = False) -> Items:
    return Items(tuple(Text(name) for name in names), flow=flow)


def _merged_in(mapping: MappingNode) -> Iterator[MappingNode]:
    """All that ``mapping`` merges, the innermost first."""
    found: list[MappingNode] = []
    pending = list(merged_mappings(mapping))
    while pending:
        current = pending.pop(0)
        if all(current is not one for one in found):
            found.append(current)
            pending.extend(merged_mappings(current))
    return reversed(found)
