"""How a workflow job gets a context, whatever stands there already.

Least privilege: no other workflow job gets one that it does not need. What several of them share
through an anchor is edited once if all of them need it; else only the using entry is changed, and
carries over what its own key would hide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.circleci.sharing import Sharing, Users
from cci_migrate.circleci.workflow_jobs import HeldContexts
from cci_migrate.lossless.merging import Entry, is_null, merged_mappings
from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode
from cci_migrate.lossless.operations import (
    AddEntry,
    AddItem,
    AliasToMerge,
    Content,
    Entries,
    Items,
    Operation,
    ReplaceScalar,
    ScalarToMapping,
    Text,
    WrapInSequence,
)

CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Why a context cannot be added, and what to do instead."""

    reason: str
    instead: str


@dataclass(frozen=True, slots=True, eq=False)
class Lacking:
    """A workflow job, the contexts it holds and those it lacks."""

    entry: WorkflowJob
    held: HeldContexts
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContextStyle:
    """How the file writes a new ``context``: a list, a list in brackets, or a string."""

    as_string: bool = False
    flow: bool = False

    def content(self, names: Sequence[str]) -> Content:
        """``names`` as the value of a new key."""
        if self.as_string and len(names) == 1:
            return Text(names[0])
        return Items(tuple(Text(name) for name in names), flow=self.flow)


def usual_style(held: Iterable[HeldContexts], *, single_only: bool) -> ContextStyle:
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

    def __init__(
        self,
        entries: Sequence[WorkflowJob],
        lacking: Sequence[Lacking],
        sharing: Sharing,
        style: ContextStyle,
    ) -> None:
        self._users = Users(
            (entry, arguments)
            for entry in entries
            if entry.arguments is not None
            and isinstance(arguments := resolved(entry.arguments), Mapping)
        )
        self._is_for_all: dict[tuple[int, tuple[str, ...]], bool] = {}
        self._lacking = {id(one.entry): one for one in lacking}
        self._sharing = sharing
        self._style = style

    def operations(self, one: Lacking) -> tuple[Operation, ...] | NoRoom:
        """What gives ``one`` the contexts that it lacks."""
        if one.held.entry is not None:
            return self._extend(one, one.held.entry)
        return self._add(one)

    # No context yet

    def _add(self, one: Lacking) -> tuple[Operation, ...] | NoRoom:
        entry = one.entry
        content = self._style.content(one.names)
        arguments = entry.arguments
        if arguments is None:
            if isinstance(entry.node, Scalar):
                return (ScalarToMapping(entry.node, Entries(((CONTEXT, content),))),)
            return NoRoom(
                "the entry is an alias of a job's name",
                "write the name out and add the context below it",
            )
        target = resolved(arguments)
        if isinstance(target, Scalar) and is_null(target) and not isinstance(arguments, Alias):
            return (AddEntry(target, CONTEXT, content),)
        if not isinstance(target, Mapping):
            return NoRoom("the job's arguments are no mapping", "write them as keys below the job")
        for source in _merged_in(target):
            if len(self._users.of(source)) > 1 and self._all_lack(source, one.names):
                return (AddEntry(source, CONTEXT, content),)
        if self._all_lack(target, one.names):
            return (AddEntry(target, CONTEXT, content),)
        if isinstance(arguments, Alias):
            return (AliasToMerge(arguments, Entries(((CONTEXT, content),))),)
        return self._shared(target)

    # A context is there

    def _extend(self, one: Lacking, context: Entry) -> tuple[Operation, ...] | NoRoom:
        arguments = one.entry.arguments
        holder = context.holder
        if self._all_lack(holder, one.names):
            return self._extend_value(one, context)
        carried = self._carried(one)
        if isinstance(carried, NoRoom):
            return carried
        if isinstance(arguments, Alias):
            return (AliasToMerge(arguments, Entries(((CONTEXT, carried),))),)
        if isinstance(arguments, Mapping) and holder is not arguments:
            if self._all_lack(arguments, one.names):
                return (AddEntry(arguments, CONTEXT, carried),)
            return self._shared(arguments)
        return self._shared(holder)

    def _extend_value(self, one: Lacking, context: Entry) -> tuple[Operation, ...] | NoRoom:
        written = context.value
        value = resolved(written)
        new = Items(tuple(Text(name) for name in one.names))
        if isinstance(value, SequenceNode):
            shared = isinstance(written, Alias) or value.anchor is not None
            if shared and not self._list_is_for_all(value, one.names):
                if isinstance(written, Alias):
                    carried = self._carried(one)
                    return (
                        carried
                        if isinstance(carried, NoRoom)
                        else (ReplaceScalar(written, carried),)
                    )
                return self._shared(value)
            return tuple(AddItem(value, len(value.items), Text(name)) for name in one.names)
        if isinstance(value, Scalar):
            if is_null(value) and isinstance(written, Scalar):
                return (
                    (ReplaceScalar(written, Text(one.names[0])),)
                    if len(one.names) == 1
                    else (NoRoom("the entry has an empty context key", "give the key a value"))
                )
            if one.held.has_expression:
                return NoRoom(
                    "its context is an expression, whose value is only known when a pipeline runs",
                    "write the context as a list with the expression as its first item",
                )
            node: Scalar | Alias = written if isinstance(written, Alias) else value
            return (WrapInSequence(node, Items(new.items, flow=self._style.flow)),)
        return NoRoom("its context is a mapping", "write it as a string or a list")

    def _carried(self, one: Lacking) -> Items | NoRoom:
        """The contexts that an own key would hide, with the new ones behind them."""
        if one.held.has_expression:
            return NoRoom(
                "it inherits a context that is an expression",
                "name its contexts in the entry itself",
            )
        names = (*one.held.names, *one.names)
        return Items(tuple(Text(name) for name in names), flow=self._style.flow)

    def _list_is_for_all(self, value: SequenceNode, names: tuple[str, ...]) -> bool:
        """Whether everyone who uses the list ``value`` as contexts lacks ``names``."""
        users = [
            other
            for other in self._lacking.values()
            if other.held.entry is not None and resolved(other.held.entry.value) is value
        ]
        if any(not set(names) <= set(user.names) for user in users):
            return False
        reached = {id(user.held.entry.value) for user in users if user.held.entry is not None}
        return all(id(alias) in reached for alias in self._sharing.aliases_of(value))

    # Who else

    def _all_lack(self, mapping: Mapping, names: tuple[str, ...]) -> bool:
        """Whether all jobs whose arguments are ``mapping``, or merge it, lack ``names``."""
        key = (id(mapping), names)
        if key not in self._is_for_all:
            self._is_for_all[key] = self._do_all_lack(mapping, names)
        return self._is_for_all[key]

    def _do_all_lack(self, mapping: Mapping, names: tuple[str, ...]) -> bool:
        users = self._users.of(mapping)
        for user in users:
            lacking = self._lacking.get(id(user))
            if lacking is None or not set(names) <= set(lacking.names):
                return False
        known = [user.arguments for user in users if user.arguments is not None]
        return not self._sharing.has_other_users(mapping, known)

    def _shared(self, node: Node) -> NoRoom:
        anchor = None if isinstance(node, Alias) else node.anchor
        name = "the entry" if anchor is None else f"the anchor &{anchor}"
        return NoRoom(
            f"{name} is shared with workflow jobs that do not need the context",
            "write this entry out, with the context of its own",
        )


def _merged_in(mapping: Mapping) -> list[Mapping]:
    """All that ``mapping`` merges, the outermost first."""
    found: list[Mapping] = []
    pending = list(merged_mappings(mapping))
    while pending:
        current = pending.pop(0)
        if all(current is not one for one in found):
            found.append(current)
            pending.extend(merged_mappings(current))
    return list(reversed(found))
