"""Where and how contexts are added to workflow jobs.

Least privilege: no workflow job gets a context that it does not need. An anchor that several jobs
share is edited once if all of them need the context. Otherwise only the entry that needs it is
changed; its own ``context`` key then repeats the contexts that it would hide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.misplaced_contexts import plural_contexts
from cci_migrate.circleci.sharing import Sharing
from cci_migrate.circleci.workflow_jobs import JobContexts, contexts_in, job_contexts
from cci_migrate.findings import ContextGrant, NoFix
from cci_migrate.groups import grouped
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.merging import Entry, is_null, merged_mappings
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
from cci_migrate.remedies.context_sharers import (
    ContextAddition,
    ContextSharers,
    argument_users,
    is_used_elsewhere,
    wins,
)

CONTEXT = "context"


class ContextStyle(Struct, frozen=True):
    """How the file writes a new ``context``: a list, a list in brackets, or a string."""

    as_string: bool = False
    flow: bool = False

    def content(self, names: Sequence[str]) -> Content:
        """``names`` as the value of a new key."""
        if self.as_string and len(names) == 1:
            return Text(names[0])
        return _items(names, flow=self.flow)


def usual_style(contexts: Iterable[JobContexts], *, single_only: bool) -> ContextStyle:
    """The style of ``contexts``, the ``context`` keys of a file: lists, unless all are strings.

    ``single_only``: the platform allows one context per job (CircleCI Server), so a single context
    is written as a string.
    """
    values = [resolved(job.entry.value) for job in contexts if job.entry is not None]
    lists = [value for value in values if isinstance(value, SequenceNode)]
    return ContextStyle(
        as_string=single_only or (bool(values) and not lists),
        flow=bool(lists) and all(value.is_flow for value in lists),
    )


#: The operations that add a plan's contexts to each workflow job.
Places = Mapping[WorkflowJob, tuple[Operation, ...] | NoFix]


def obstacle_to(grants: Iterable[ContextGrant], places: Places) -> NoFix | None:
    """Why a fix that needs ``grants`` is not made; None if ``places`` has one for each of them."""
    for grant in grants:
        place = places.get(grant.entry)
        if isinstance(place, NoFix):
            return _without(grant, place)
    return None


def _without(grant: ContextGrant, obstacle: NoFix) -> NoFix:
    variables = ", ".join(f"${name}" for name in grant.variables)
    provided = f" (provides {variables})" if variables and not grant.among else ""
    needs = f"{grant.entry.name} needs context {grant.context}{provided}"
    by_project = f", or store {variables} in the project's settings (--credentials project)"
    return NoFix(
        f"{needs}, which can't be added: {obstacle.reason}",
        obstacle.instead + (by_project if variables else ""),
    )


def _overriding(grant: ContextGrant) -> NoFix:
    variables = ", ".join(f"${name}" for name in grant.overrides)
    return NoFix(
        f"the job reads {variables} from the project today, and the context may override that",
        "let contexts provide all credentials (--credentials context)",
    )


class ContextPlacement:
    """Finds the place for contexts among all workflow jobs of a config."""

    def __init__(self, config: Config, sharing: Sharing, *, single_only: bool) -> None:
        entries = config.workflow_jobs
        self._sharing = sharing
        self._plural = {
            user: key for key, users in plural_contexts(config).items() for user in users
        }
        self._contexts = {entry: job_contexts(entry) for entry in entries}
        self._style = usual_style(self._contexts.values(), single_only=single_only)
        self._users = argument_users(entries)
        self._places: dict[tuple[ContextGrant, ...], Places] = {}

    def places(self, grants: Iterable[ContextGrant]) -> Places:
        """The operations for each workflow job in ``grants``, or why it has no place for them.

        Jobs that have the context already are left out. Pass the grants of all fixes at once: a
        context that all users of an anchor need is added to the anchor, once.
        """
        all_grants = tuple(dict.fromkeys(grants))
        if all_grants not in self._places:
            self._places[all_grants] = self._find_places(all_grants)
        return self._places[all_grants]

    def _find_places(self, grants: Iterable[ContextGrant]) -> Places:
        by_entry = grouped(
            (grant.entry, grant)
            for grant in grants
            if grant.context not in self._contexts[grant.entry].names
        )
        additions = {
            entry: ContextAddition(
                job_grants[0].entry,
                self._contexts[entry],
                tuple(dict.fromkeys(grant.context for grant in job_grants)),
                frozenset(grant.context for grant in job_grants if grant.comes_first),
            )
            for entry, job_grants in by_entry.items()
        }
        sharers = ContextSharers(
            additions, self._contexts, self._plural, self._users, self._sharing
        )
        placing = _Placing(sharers, self._style)
        places = {entry: placing.operations(addition) for entry, addition in additions.items()}
        for entry, job_grants in by_entry.items():
            for grant in job_grants:
                if grant.overrides:
                    places[entry] = _overriding(grant)
        return places


class _Placing:
    """The places for the additions of `ContextSharers`."""

    def __init__(self, sharers: ContextSharers, style: ContextStyle) -> None:
        self._sharers = sharers
        self._style = style

    def operations(self, addition: ContextAddition) -> tuple[Operation, ...] | NoFix:
        """The operations that make ``addition``; none if a shared anchor's edit makes it."""
        if addition.current.entry is not None:
            return self._extend(addition, addition.current.entry)
        return self._add(addition)

    # No context yet

    def _add(self, addition: ContextAddition) -> tuple[Operation, ...] | NoFix:
        entry = addition.entry
        content = self._style.content(addition.all_names)
        arguments = entry.arguments
        if arguments is None:
            if isinstance(entry.node, Scalar | Alias):
                return (ScalarToMapping(entry.node, Entries(((CONTEXT, content),))),)
            return NoFix("the entry isn't the name of a job", "write it as the name of a job")
        target = resolved(arguments)
        if isinstance(target, Scalar) and is_null(target) and not isinstance(arguments, Alias):
            return (AddEntry(target, CONTEXT, content),)
        if not isinstance(target, MappingNode):
            return NoFix("the job's arguments aren't a mapping", "write them as keys under the job")
        plural = self._sharers.plural.get(entry)
        if plural is not None:
            return self._rename(addition, plural)
        for source in _merged_in(target):
            is_shared = len(self._sharers.users.of(source)) > 1 and self._may_hold_a_context(source)
            if is_shared and self._sharers.all_lack(source, addition.names):
                return (AddEntry(source, CONTEXT, content),)
        is_own = not isinstance(arguments, Alias) or self._may_hold_a_context(target)
        if is_own and self._sharers.all_lack(target, addition.names):
            return (AddEntry(target, CONTEXT, content),)
        return self._with_own_key(addition, content)

    def _with_own_key(
        self, addition: ContextAddition, content: Content
    ) -> tuple[Operation, ...] | NoFix:
        """Give the job a ``context`` key of its own, without a change for those that share it.

        Its arguments must be a mapping or an alias of one.
        """
        arguments = addition.entry.arguments
        target = resolved(arguments) if arguments is not None else None
        if not isinstance(arguments, Alias | MappingNode) or not isinstance(target, MappingNode):
            return _shared(addition)
        own = [user for user in self._sharers.users.of(target) if user.arguments is arguments]
        if not all(self._sharers.lacks_as(user, addition) for user in own):
            return _shared(addition)
        if isinstance(arguments, MappingNode):
            if self._sharers.all_lack(arguments, addition.names):
                return (AddEntry(arguments, CONTEXT, content),)
            if arguments.anchor is None:
                return _shared(addition)
        return (WrapInMerge(arguments, Entries(((CONTEXT, content),))),)

    def _rename(self, addition: ContextAddition, plural: Entry) -> tuple[Operation, ...] | NoFix:
        """Rename ``contexts``, which CircleCI ignores, to ``context``.

        Contexts that it does not list are added as to any ``context`` key.
        """
        holder = plural.holder
        all_users = self._sharers.users.of(holder)
        users = [user for user in all_users if not self._sharers.hides(user, holder)]
        misspelt_keys = self._sharers.plural
        is_for_all = all(
            user in self._sharers.additions
            and (misspelt_keys.get(user) == plural or wins(misspelt_keys.get(user), user, holder))
            for user in users
        )
        if not is_for_all or is_used_elsewhere(holder, all_users, self._sharers.sharing):
            return NoFix(
                "its key is contexts, and jobs that need no context share it",
                "rename the key to context, and write out the entries of the other jobs",
            )
        index = next(number for number, (key, _) in enumerate(holder.entries) if key is plural.key)
        rename = RenameKey(holder, index, CONTEXT)
        misspelt = contexts_in(plural)
        names = tuple(name for name in addition.names if name not in misspelt.values)
        if not names:
            return (rename,)
        rest = replace(addition, current=misspelt, names=names)
        if self._sharers.all_lack(holder, names):
            extended = self._extend_value(self._sharers.in_order_for(rest, users), plural)
        else:
            extended = self._with_own_key(rest, self._all_contexts(rest))
        return extended if isinstance(extended, NoFix) else (rename, *extended)

    def _may_hold_a_context(self, mapping: MappingNode) -> bool:
        """Whether an anchored ``mapping`` is meant for workflow jobs as such, or itself is one's.

        One that is named for a filter, or has nothing else, is used where filters are wanted.
        """
        users = self._sharers.users.of(mapping)
        if any(user.arguments is mapping for user in users):
            return True
        has_others = mapping.merges or not _CONDITIONS.issuperset(mapping.values)
        return has_others and not _CONDITION_WORDS.search(mapping.anchor or "")

    # A context is there

    def _extend(self, addition: ContextAddition, context: Entry) -> tuple[Operation, ...] | NoFix:
        holder = context.holder
        if self._sharers.all_lack(holder, addition.names):
            return self._extend_value(
                self._sharers.in_order_for(addition, self._sharers.users.of(holder)), context
            )
        owner = self._sharers.owner(holder)
        if owner is not None and owner.all_names == addition.all_names:
            copies = self._copies_for_sharers(holder)
            if copies is not None:
                if owner is not addition:
                    return ()  # It inherits what its anchor gets.
                extended = self._extend_value(addition, context)
                return extended if isinstance(extended, NoFix) else (*extended, *copies)
        return self._with_own_key(addition, self._all_contexts(addition))

    def _copies_for_sharers(self, holder: MappingNode) -> tuple[Operation, ...] | None:
        """Own ``context`` keys for the jobs that share ``holder``; only its owner gets more then.

        None if that is impossible: a job's own arguments are shared too, or ``holder`` has users
        that are not workflow jobs.
        """
        copies: list[Operation] = []
        users = self._sharers.users.of(holder)
        for user in users:
            contexts, addition = self._sharers.contexts[user], self._sharers.additions.get(user)
            if (
                contexts.entry is None
                or contexts.entry.holder is not holder
                or addition is not None
            ):
                continue  # It has, or gets, a key of its own.
            content = self._style.content(contexts.values)
            if isinstance(user.arguments, Alias):
                copies.append(WrapInMerge(user.arguments, Entries(((CONTEXT, content),))))
            elif isinstance(user.arguments, MappingNode) and user.arguments.anchor is None:
                copies.append(AddEntry(user.arguments, CONTEXT, content))
            else:
                return None
        return None if is_used_elsewhere(holder, users, self._sharers.sharing) else tuple(copies)

    def _extend_value(
        self, addition: ContextAddition, context: Entry
    ) -> tuple[Operation, ...] | NoFix:
        written = context.value
        value = resolved(written)
        if isinstance(value, SequenceNode):
            return self._extend_list(addition, written, value)
        if isinstance(value, Scalar):
            if is_null(value) and isinstance(written, Scalar):
                return (
                    (ReplaceScalar(written, Text(addition.names[0])),)
                    if len(addition.names) == 1
                    else NoFix("the entry has an empty context key", "give the key a value")
                )
            node: Scalar | Alias = written if isinstance(written, Alias) else value
            return (
                WrapInSequence(
                    node,
                    _items(addition.behind, flow=self._style.flow),
                    tuple(map(Text, addition.before)),
                ),
            )
        return NoFix("its context is a mapping", "write it as a string or a list")

    def _extend_list(
        self, addition: ContextAddition, written: Node, value: SequenceNode
    ) -> tuple[Operation, ...]:
        if not isinstance(written, Alias) and value.anchor is None:
            return _added_to(value, addition)
        if self._sharers.list_is_for_all(value, addition.names):
            return _added_to(value, self._sharers.in_order_for_list(addition, value))
        if isinstance(written, Alias):
            return (ReplaceScalar(written, self._all_contexts(addition)),)
        # Split the list: the jobs that need nothing more get a copy of its current items.
        copy = _items(addition.current.values, flow=self._style.flow)
        return (
            *(
                ReplaceScalar(alias, copy)
                for alias in self._sharers.sharing.aliases_of(value)
                if not self._sharers.is_replaced(alias)
                and not self._sharers.holders_lack(addition.names, alias)
            ),
            *_added_to(value, addition),
        )

    def _all_contexts(self, addition: ContextAddition) -> Items:
        """The job's current contexts, which an own key would hide, and the new ones."""
        return _items(addition.all_names, flow=self._style.flow)


def _shared(addition: ContextAddition) -> NoFix:
    return NoFix(
        f"{addition.entry.name} is shared with workflow jobs that don't need the context",
        "write this entry out, with its own context",
    )


def _added_to(value: SequenceNode, addition: ContextAddition) -> tuple[Operation, ...]:
    return (
        *(AddItem(value, 0, Text(name)) for name in addition.before),
        *(AddItem(value, len(value.items), Text(name)) for name in addition.behind),
    )


#: Keys that say when a job runs, and words in the names of anchors of such mappings.
_CONDITIONS = frozenset({"filters", "requires", "branches", "tags", "only", "ignore", "when"})
_CONDITION_WORDS = lazy_pattern(
    r"filter|branch|tags?\b|tagged|only|ignore|require|release|master|main\b", re.IGNORECASE
)


def _items(names: Iterable[str], *, flow: bool = False) -> Items:
    return Items(tuple(Text(name) for name in names), flow=flow)


def _merged_in(mapping: MappingNode) -> Iterator[MappingNode]:
    """All mappings that ``mapping`` merges, directly or not, the innermost first."""
    merged: dict[MappingNode, None] = {}
    pending = list(merged_mappings(mapping))
    for current in pending:  # it grows on the way
        if current not in merged:
            merged[current] = None
            pending += merged_mappings(current)
    return reversed(merged)
