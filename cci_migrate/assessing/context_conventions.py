"""In which context a config keeps a set of variables.

A context belongs to the variables that it provides, not to the registry that they are for: which
one it is, is learnt only from workflow jobs that read exactly these variables today.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.workflow_jobs import JobContexts
from cci_migrate.findings import ContextCandidate
from cci_migrate.policy.model import CredentialStore, Policy


class ContextOrigin(Enum):
    """Why a set of variables is taken to come from a context, or from none."""

    READERS = "the workflow jobs that read the variables hold it"
    POLICY = "the policy keeps its variables there"
    REQUESTED = "the user asked for a context"
    SIBLINGS = "other configs of the repository keep the variables there"
    NEARER_SIBLING = "of several contexts that other configs have for them this one holds it"
    CONTESTED = "other configs of the repository keep the variables in different places"
    PROJECT = "workflow jobs read the variables without a context that could provide them"
    UNKNOWN = "nothing in the config shows which context provides the variables"


class ContextConvention(Struct, frozen=True):
    """Where a config keeps a set of variables.

    ``preferred`` is the context to add where no group of ``accepted`` is held; None: none is added.
    Each group is contexts of which some provide the variables: who holds all of one has them.
    ``is_named``: it is named after Docker or a registry, and most jobs that read the variables
    hold it. ``candidates`` are the places of which only the user knows the right one.
    """

    preferred: str | None
    origin: ContextOrigin
    accepted: frozenset[frozenset[str]] = frozenset()
    is_named: bool = False
    candidates: tuple[ContextCandidate, ...] = ()

    @property
    def provider(self) -> str:
        """``from context registry``; empty where nothing shows it."""
        if self.preferred is not None:
            is_nearer = self.origin is ContextOrigin.NEARER_SIBLING
            also = ", which this config uses too" if is_nearer else ""
            return f"from context {self.preferred}{also}"
        if self.candidates:
            return f"from {' or '.join(place.name for place in self.candidates)}"
        return "from the project's settings" if self.origin is ContextOrigin.PROJECT else ""

    @property
    def is_clear(self) -> bool:
        """Whether workflow jobs that read the variables today show it, here or in a sibling."""
        return self.origin in _CLEAR

    @property
    def contexts(self) -> frozenset[str]:
        """All contexts that may provide the variables."""
        return frozenset().union(*self.accepted)

    def is_provided(self, held: JobContexts) -> bool:
        """Whether a workflow job that holds ``held`` has the variables, as far as is known."""
        return any(group <= frozenset(held.values) for group in self.accepted)

    def may_be_provided(self, held: JobContexts) -> bool:
        """Whether a workflow job that holds ``held`` may have the variables from one of them."""
        if self.is_provided(held):
            return True
        is_learnt = self.origin in _LEARNT
        return is_learnt and bool(self.accepted) and any(map(is_about_a_registry, held.names))

    def may_come_from(self, held: JobContexts) -> bool:
        """Whether nothing tells that a job with ``held`` has the variables from the project."""
        is_unknown = self.origin is ContextOrigin.UNKNOWN and bool(held.values)
        return is_unknown or self.may_be_provided(held)

    def lacks(self, held: JobContexts, *, works_today: bool) -> bool:
        """Whether a workflow job that holds ``held`` is to get the context.

        ``works_today``: it reads the variables already. It is then left as it is, unless the user
        asks for contexts: what works today may have them from the project.
        """
        has_some = self.preferred is not None or bool(self.candidates)
        if not has_some or self.may_be_provided(held):
            return False
        return not works_today or self.origin is ContextOrigin.REQUESTED

    def may_be_lacked_by(self, held: JobContexts) -> bool:
        """Whether a job that holds ``held`` and reads the variables today may need the context.

        Most others that read them hold it; but this one may have them from the project, or from
        another context. Only the user knows.
        """
        if self.origin is not ContextOrigin.READERS or self.may_be_provided(held):
            return False
        return self.preferred is not None and (self.is_named or not held.values)

    def cannot_be_had_by(self, held: JobContexts) -> bool:
        """Whether nobody knows from where a job that holds ``held`` would get the variables.

        Where nothing in the config reads them yet there is nothing to contradict.
        """
        is_unknown = self.origin is ContextOrigin.UNKNOWN and bool(self.accepted)
        return is_unknown and not self.may_be_provided(held)


_CLEAR = frozenset(
    {
        ContextOrigin.READERS,
        ContextOrigin.SIBLINGS,
        ContextOrigin.NEARER_SIBLING,
        ContextOrigin.PROJECT,
    }
)
#: What is known from jobs that read the variables: another context of theirs may provide them too.
_LEARNT = (_CLEAR - {ContextOrigin.PROJECT}) | {ContextOrigin.CONTESTED, ContextOrigin.UNKNOWN}


def siblings_convention(
    siblings: Sequence[tuple[str, ContextConvention]],
    asked: str | None,
    near: Collection[str],
    policy: Policy,
) -> ContextConvention | None:
    """Where variables are kept that only other configs of the repository read today.

    ``siblings`` are these by their paths; None where none of them tells. Where they differ, the
    context counts that the user has ``asked`` for, else the one that this config names too
    (``near``).
    """
    if policy.credentials is CredentialStore.PROJECT:
        return ContextConvention(None, ContextOrigin.PROJECT)
    is_requested = policy.credentials is CredentialStore.CONTEXT
    places: dict[str | None, dict[str, None]] = {}
    for path, kept in siblings:
        if kept.is_clear and not (is_requested and kept.preferred is None):
            places.setdefault(kept.preferred, {})[path] = None
    names = sorted(name for name in places if name is not None)
    accepted = _each(names)
    if not places:
        return None
    known = ContextOrigin.REQUESTED if is_requested else ContextOrigin.SIBLINGS
    if len(places) == 1:
        if not names:
            return ContextConvention(None, ContextOrigin.PROJECT)
        return ContextConvention(names[0], known, accepted)
    if asked is not None and asked in places:
        return ContextConvention(asked, ContextOrigin.POLICY, accepted)
    nearer = _only([name for name in names if name in near])
    if nearer is not None:
        return ContextConvention(nearer, ContextOrigin.NEARER_SIBLING, accepted)
    candidates = tuple(
        ContextCandidate(context, tuple(sorted(places[context])))
        for context in (*names, *([None] if None in places else []))
    )
    return ContextConvention(None, ContextOrigin.CONTESTED, accepted, candidates=candidates)


def context_convention(
    today: Sequence[JobContexts],
    coming: Sequence[JobContexts],
    context: str | None,
    policy: Policy,
    *,
    is_policys_own: bool,
) -> ContextConvention:
    """Where a set of variables is kept.

    ``today`` are the contexts of the workflow jobs that read them today, ``coming`` those of the
    jobs that are to. ``context`` is the policy's for their registry; ``is_policys_own``: so are the
    variables. A context named after a registry that most of ``today`` hold is the one, even if
    some lack it. Jobs without any context show that the variables are the project's. One context
    common to all is the one, whatever its name. Else it is unknown. The answer is the same once
    the change is made: a second run must find nothing.
    """

    def shown_by(readers: Sequence[JobContexts], later: Sequence[JobContexts]) -> ContextConvention:
        return _shown_by(readers, later, context, policy, is_policys_own=is_policys_own)

    convention = shown_by(today, coming)
    for _ in range(_ROUNDS):
        after = [_once_fixed(held, convention, works_today=True) for held in today]
        after += [_once_fixed(held, convention, works_today=False) for held in coming]
        then = shown_by(after, ())
        if not any(
            then.lacks(held, works_today=True)
            or (then.may_be_lacked_by(held) and not convention.may_be_lacked_by(held))
            for held in after
        ):
            break
        convention = then
    return convention


#: How often a convention that its own change would overthrow is replaced by the one that would
#: follow.
_ROUNDS = 4


def _once_fixed(
    held: JobContexts, convention: ContextConvention, *, works_today: bool
) -> JobContexts:
    if convention.preferred is None or not convention.lacks(held, works_today=works_today):
        return held
    return replace(held, values=(*held.values, convention.preferred))


def _shown_by(
    today: Sequence[JobContexts],
    coming: Sequence[JobContexts],
    context: str | None,
    policy: Policy,
    *,
    is_policys_own: bool,
) -> ContextConvention:
    if policy.credentials is CredentialStore.PROJECT:
        return ContextConvention(None, ContextOrigin.PROJECT)
    is_requested = policy.credentials is CredentialStore.CONTEXT
    fallback = ContextOrigin.REQUESTED if is_requested else ContextOrigin.POLICY
    if not today:
        if is_requested or is_policys_own:
            return ContextConvention(context, fallback, _group(context))
        return ContextConvention(None, ContextOrigin.UNKNOWN)
    named = _named(today, context)
    # Jobs that are still to be authenticated will hold what the others do.
    all_named = named or _named(coming, context)
    holders = sum(1 for held in today if not all_named.keys().isdisjoint(held.names))
    holders += sum(1 for held in coming if named or not all_named.keys().isdisjoint(held.names))
    if holders * 2 > len(today) + len(coming):
        usual = all_named.most_common(1)[0][0]
        return ContextConvention(
            usual,
            ContextOrigin.REQUESTED if is_requested else ContextOrigin.READERS,
            _each(all_named),
            # The policy's own name may be there because an earlier run of this tool wrote it.
            is_named=usual != context,
        )
    if not is_requested and not all(held.values for held in today):
        return ContextConvention(None, ContextOrigin.PROJECT)
    telling = [held for held in today if not held.has_expression] or today
    common = [name for name in telling[0].values if all(name in held.values for held in telling)]
    known = [name for name in common if name in telling[0].names]
    preferred = _only(known) or _only([name for name in known if name in named])
    if preferred is not None:
        origin = ContextOrigin.REQUESTED if is_requested else ContextOrigin.READERS
        return ContextConvention(preferred, origin, _group(preferred))
    if is_requested or is_policys_own:
        accepted = _each(named) if is_requested else _each(named) | _group(*common)
        return ContextConvention(context, fallback, accepted | _group(context))
    perhaps = [common] if common else [held.values for held in today]
    groups = frozenset().union(*(_group(*values) for values in perhaps))
    return ContextConvention(None, ContextOrigin.UNKNOWN, groups)


#: Words in the name of a context by which it tells that it is about a registry. ``github`` is not.
_REGISTRY_WORDS = re.compile(r"docker|(?<!git)hub|registry|(?<![a-z])pull", re.IGNORECASE)


def is_about_a_registry(context: str) -> bool:
    """Whether the name of ``context`` tells that it holds credentials of a registry."""
    return _REGISTRY_WORDS.search(context) is not None


def _named(holding: Sequence[JobContexts], context: str | None) -> Counter[str]:
    """The contexts that tell by their names, and the policy's own, by how many hold them."""
    return Counter(
        name
        for held in holding
        for name in held.names
        if name == context or is_about_a_registry(name)
    )


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def _each(names: Iterable[str]) -> frozenset[frozenset[str]]:
    return frozenset(frozenset({name}) for name in names)


def _group(*names: str | None) -> frozenset[frozenset[str]]:
    """``names`` as the only group; no group where there is none."""
    group = frozenset(name for name in names if name is not None)
    return frozenset({group}) if group else frozenset()
