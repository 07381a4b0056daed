"""Which context provides a set of variables in a config.

A context belongs to the variables that it provides, not to their registry. Only workflow jobs that
read exactly these variables today show which context it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.context_names import (
    is_for_registry,
    is_named_like_a_release,
    names_registry,
)
from cci_migrate.circleci.workflow_jobs import JobContexts
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.findings import ContextCandidate
from cci_migrate.policy.settings import CredentialStore, Policy


class ContextOrigin(Enum):
    """What shows that a set of variables comes from a context, or from none."""

    READERS = "the workflow jobs that read the variables have it"
    POLICY = "the policy keeps its variables there"
    REQUESTED = "the user chose a context"
    SIBLINGS = "other configs of the repository keep the variables there"
    NEARER_SIBLING = "other configs use several contexts; this config uses this one"
    CONTESTED = "other configs of the repository keep the variables in different places"
    PROJECT = "no context of the workflow jobs that read the variables could provide them"
    UNKNOWN = "the config doesn't show which context provides the variables"


class ContextConvention(Struct, frozen=True):
    """Which context provides a set of variables in a config.

    ``preferred`` is the context to add to jobs that have no group of ``accepted``; None adds none.
    Some contexts of each group provide the variables, so that a job with all of a group has them.
    ``is_named``: the context is named after Docker or a registry, and most jobs that read the
    variables have it. ``candidates`` are the contexts among which only the user can choose.
    ``host`` is the registry of the variables.
    """

    preferred: str | None
    origin: ContextOrigin
    accepted: frozenset[frozenset[str]] = frozenset()
    is_named: bool = False
    candidates: tuple[ContextCandidate, ...] = ()
    host: str = DOCKER_HUB

    @property
    def provider(self) -> str:
        """``from context registry``; empty if unknown."""
        if self.preferred is not None:
            is_nearer = self.origin is ContextOrigin.NEARER_SIBLING
            also = ", which this config uses too" if is_nearer else ""
            return f"from context {self.preferred}{also}"
        if self.candidates:
            return f"from {' or '.join(place.name for place in self.candidates)}"
        return "from the project's settings" if self.origin is ContextOrigin.PROJECT else ""

    @property
    def is_clear(self) -> bool:
        """Whether workflow jobs of this or another config that read the variables show it."""
        return self.origin in _CLEAR

    @property
    def contexts(self) -> frozenset[str]:
        """All contexts that may provide the variables."""
        return frozenset().union(*self.accepted)

    def is_provided(self, contexts: JobContexts) -> bool:
        """Whether a workflow job with ``contexts`` is known to have the variables."""
        return any(group <= frozenset(contexts.values) for group in self.accepted)

    def may_be_provided(self, contexts: JobContexts) -> bool:
        """Whether a workflow job may have the variables from one of its ``contexts``."""
        if self.is_provided(contexts):
            return True
        is_learnt = self.origin in _LEARNT
        may_be_its = any(is_for_registry(name, self.host) for name in contexts.names)
        return is_learnt and bool(self.accepted) and may_be_its

    def may_come_from(self, contexts: JobContexts) -> bool:
        """Whether a job may have the variables from its ``contexts``, even if none is known to."""
        is_unknown = self.origin is ContextOrigin.UNKNOWN and bool(contexts.values)
        return is_unknown or self.may_be_provided(contexts)

    def lacks(self, contexts: JobContexts, *, works_today: bool) -> bool:
        """Whether a workflow job with ``contexts`` is to get the preferred context.

        ``works_today``: it reads the variables already, possibly from the project. It then gets no
        context, unless the user asks for contexts.
        """
        has_some = self.preferred is not None or bool(self.candidates)
        if not has_some or self.may_be_provided(contexts):
            return False
        return not works_today or self.origin is ContextOrigin.REQUESTED

    def may_be_lacked_by(self, contexts: JobContexts) -> bool:
        """Whether a job with ``contexts`` that reads the variables today may need the context.

        Most other readers have it. But this job may have the variables from the project or another
        context; only the user knows.
        """
        if self.origin is not ContextOrigin.READERS or self.may_be_provided(contexts):
            return False
        return self.preferred is not None and (self.is_named or not contexts.values)

    def cannot_be_had_by(self, contexts: JobContexts) -> bool:
        """Whether it is unknown where a job with ``contexts`` would get the variables from.

        False if nothing in the config reads them yet.
        """
        is_unknown = self.origin is ContextOrigin.UNKNOWN and bool(self.accepted)
        return is_unknown and not self.may_be_provided(contexts)


_CLEAR = frozenset(
    {
        ContextOrigin.READERS,
        ContextOrigin.SIBLINGS,
        ContextOrigin.NEARER_SIBLING,
        ContextOrigin.PROJECT,
    }
)
#: Origins that readers of the variables show: another of their contexts may provide them too.
_LEARNT = (_CLEAR - {ContextOrigin.PROJECT}) | {ContextOrigin.CONTESTED, ContextOrigin.UNKNOWN}


def siblings_convention(
    siblings: Sequence[tuple[str, ContextConvention]],
    configured: str | None,
    used_here: Collection[str],
    policy: Policy,
) -> ContextConvention | None:
    """The convention for variables that only other configs of the repository read today.

    ``siblings`` are their paths and conventions; the result is None if none of them is clear. If
    they differ, the context ``configured`` in the policy decides, or the only one that this config
    uses too (in ``used_here``); otherwise the user must choose.
    """
    if policy.credentials is CredentialStore.PROJECT:
        return ContextConvention(None, ContextOrigin.PROJECT)
    is_requested = policy.credentials is CredentialStore.CONTEXT
    places: dict[str | None, dict[str, None]] = {}
    for path, convention in siblings:
        if convention.is_clear and not (is_requested and convention.preferred is None):
            places.setdefault(convention.preferred, {})[path] = None
    names = sorted(name for name in places if name is not None)
    accepted = _each(names)
    if not places:
        return None
    origin = ContextOrigin.REQUESTED if is_requested else ContextOrigin.SIBLINGS
    if len(places) == 1:
        if not names:
            return ContextConvention(None, ContextOrigin.PROJECT)
        return ContextConvention(names[0], origin, accepted)
    if configured is not None and configured in places:
        return ContextConvention(configured, ContextOrigin.POLICY, accepted)
    nearer = _only([name for name in names if name in used_here])
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
    host: str = DOCKER_HUB,
) -> ContextConvention:
    """The convention for a set of variables, from the contexts of the workflow jobs that read them.

    ``today`` are the contexts of jobs that read them today, ``coming`` those of jobs that will
    after the fixes. ``context`` is the policy's for their registry ``host``; ``is_policys_own``: so
    are the variables. A context that is named after that registry and that most of ``today`` have
    provides them, even if some lack it; of several, the one whose name fits best. Jobs without a
    context show that they are the project's. A single context common to all provides them, whatever
    its name. Otherwise it is unknown. The result is the same once the fixes are made: a second run
    must find nothing.
    """

    def convention_from(
        readers: Sequence[JobContexts], later: Sequence[JobContexts]
    ) -> ContextConvention:
        convention = _convention_from(
            readers, later, context, policy, host, is_policys_own=is_policys_own
        )
        return replace(convention, host=host)

    convention = convention_from(today, coming)
    for _ in range(_ROUNDS):
        after = [_after_fix(contexts, convention, works_today=True) for contexts in today]
        after += [_after_fix(contexts, convention, works_today=False) for contexts in coming]
        repeated = convention_from(after, ())
        if not any(repeated.lacks(contexts, works_today=True) for contexts in after):
            break
        convention = repeated
    return convention


#: How often a convention is replaced because its own fixes would lead to another one.
_ROUNDS = 4


def _after_fix(
    contexts: JobContexts, convention: ContextConvention, *, works_today: bool
) -> JobContexts:
    if convention.preferred is None or not convention.lacks(contexts, works_today=works_today):
        return contexts
    return replace(contexts, values=(*contexts.values, convention.preferred))


def _convention_from(
    today: Sequence[JobContexts],
    coming: Sequence[JobContexts],
    context: str | None,
    policy: Policy,
    host: str,
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
    named = _named(today, context, host)
    holders = sum(1 for contexts in today if not named.keys().isdisjoint(contexts.names))
    if named:
        # Jobs that are yet to be authenticated get the context that the others have.
        holders += len(coming)
    complete = [contexts for contexts in today if not contexts.has_expression] or today
    common = [
        name for name in complete[0].values if all(name in contexts.values for contexts in complete)
    ]
    usual = _usual(named, context, host) if named else None
    if usual is not None and holders * 2 > len(today) + len(coming):
        return ContextConvention(
            usual,
            ContextOrigin.REQUESTED if is_requested else ContextOrigin.READERS,
            # What all have may be what an earlier run gave to them.
            _each(named) | (_group(*common) if is_requested else frozenset()),
            # An earlier run of this tool may have written the policy's context.
            is_named=usual != context,
        )
    if not is_requested and not all(contexts.values for contexts in today):
        return ContextConvention(None, ContextOrigin.PROJECT)
    named_common = [name for name in common if name in complete[0].names]
    preferred = _only(named_common) or _only([name for name in named_common if name in named])
    if preferred is not None:
        origin = ContextOrigin.REQUESTED if is_requested else ContextOrigin.READERS
        return ContextConvention(preferred, origin, _group(preferred))
    if is_requested or is_policys_own:
        accepted = _each(named) if is_requested else _each(named) | _group(*common)
        return ContextConvention(context, fallback, accepted | _group(context))
    groups_of_names = [common] if common else [contexts.values for contexts in today]
    groups = frozenset().union(*(_group(*values) for values in groups_of_names))
    return ContextConvention(None, ContextOrigin.UNKNOWN, groups)


def _named(holders: Sequence[JobContexts], context: str | None, host: str) -> Counter[str]:
    """How many of ``holders`` have each context named after the registry, or the policy's."""
    return Counter(
        name
        for contexts in holders
        for name in contexts.names
        if name == context or is_for_registry(name, host)
    )


def _usual(named: Counter[str], context: str | None, host: str) -> str | None:
    """The one of the most frequent contexts whose name fits best; None if several fit equally.

    That of the policy, else one that does more than releases, else one named after ``host``.
    """

    def fitness(name: str) -> tuple[bool, ...]:
        return name == context, not is_named_like_a_release(name), names_registry(name, host)

    most = max(named.values())
    frequent = [name for name, count in named.items() if count == most]
    best = max(map(fitness, frequent))
    return _only([name for name in frequent if fitness(name) == best])


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def _each(names: Iterable[str]) -> frozenset[frozenset[str]]:
    return frozenset(frozenset({name}) for name in names)


def _group(*names: str | None) -> frozenset[frozenset[str]]:
    """``names`` as the only group; no group if there are no names."""
    group = frozenset(name for name in names if name is not None)
    return frozenset({group}) if group else frozenset()
