"""In which contexts a config keeps the variables of its registries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cci_migrate.circleci.workflow_jobs import HeldContexts
from cci_migrate.policy import CredentialStore, Policy, RegistryPolicy


@dataclass(frozen=True, slots=True)
class ContextConvention:
    """Where the file keeps the variables of one registry.

    ``preferred`` is what to add where none of ``accepted`` is held; None: they are kept in the
    project's settings. ``is_clear`` if entries that are authenticated already show it;
    ``is_named`` if most of them hold one that is named after Docker; ``is_told`` if the user asked
    for contexts.
    """

    preferred: str | None
    accepted: frozenset[str] = field(default_factory=frozenset)
    is_clear: bool = False
    is_named: bool = False
    is_told: bool = False

    def lacks(self, held: HeldContexts, *, works_today: bool) -> bool:
        """Whether a workflow job that holds ``held`` is to get the context.

        One that works today is left alone unless the convention is clear. So is one that holds
        other contexts, from which it may have the variables, unless the others tell where they are.
        """
        if self.preferred is None or not self.accepted.isdisjoint(held.names):
            return False
        if not works_today or self.is_told or self.is_named:
            return True
        return self.is_clear and not held.names and not held.has_expression


_TELLING_WORDS = ("docker", "hub", "registry", "pull")


def context_convention(
    authenticated: Sequence[HeldContexts],
    unauthenticated: Sequence[HeldContexts],
    registry: RegistryPolicy | None,
    policy: Policy,
) -> ContextConvention:
    """Where the variables of one registry are kept.

    ``authenticated`` are the contexts of the workflow jobs that pull from it with variables today,
    ``unauthenticated`` those of the jobs that are to. A context named after Docker that most of
    them hold is the one, even if some lack it. Authenticated jobs without any context show that
    the variables are the project's. One context common to all of them is the one, whatever its
    name. Else the policy tells. The answer is the same once the change is made: a second run must
    find nothing.
    """
    convention = _shown_by(authenticated, unauthenticated, registry, policy)
    for _ in range(_ROUNDS):
        after = [_once_fixed(held, convention, works_today=True) for held in authenticated]
        after += [_once_fixed(held, convention, works_today=False) for held in unauthenticated]
        then = _shown_by(after, (), registry, policy)
        if not any(then.lacks(held, works_today=True) for held in after):
            break
        convention = then
    return convention


#: How often a convention that its own change would overthrow is replaced by the one that would
#: follow.
_ROUNDS = 4


def _once_fixed(
    held: HeldContexts, convention: ContextConvention, *, works_today: bool
) -> HeldContexts:
    if convention.preferred is None or not convention.lacks(held, works_today=works_today):
        return held
    return replace(held, names=(*held.names, convention.preferred))


def _shown_by(
    authenticated: Sequence[HeldContexts],
    unauthenticated: Sequence[HeldContexts],
    registry: RegistryPolicy | None,
    policy: Policy,
) -> ContextConvention:
    wanted = None if registry is None else registry.context
    if policy.credentials is CredentialStore.PROJECT:
        return ContextConvention(None, is_clear=True)
    is_told = policy.credentials is CredentialStore.CONTEXT
    today = [held.names for held in authenticated if not held.has_expression]
    coming = [held.names for held in unauthenticated if not held.has_expression]
    if not today:
        return ContextConvention(wanted, _set_of(wanted), is_told=is_told)
    named = _telling_names(today, wanted)
    # Jobs that are still to be authenticated will hold what the others do.
    all_named = named or _telling_names(coming, wanted)
    holders = sum(1 for names in today if not all_named.keys().isdisjoint(names))
    holders += sum(1 for names in coming if named or not all_named.keys().isdisjoint(names))
    if holders * 2 > len(today) + len(coming):
        usual = all_named.most_common(1)[0][0]
        # The policy's own name may be there because an earlier run of this tool wrote it.
        return ContextConvention(
            usual,
            frozenset(all_named),
            is_clear=True,
            is_named=usual != wanted,
            is_told=is_told,
        )
    if not is_told and not any(today):
        return ContextConvention(None, is_clear=True)
    common = [name for name in today[0] if all(name in names for names in today)]
    if len(common) == 1:
        return ContextConvention(common[0], frozenset(common), is_clear=True, is_told=is_told)
    preferred = named.most_common(1)[0][0] if named else wanted
    # One of several common contexts may be it; where a context was asked for, none of them is.
    perhaps = () if is_told else common
    accepted = frozenset([*perhaps, *named]) | _set_of(preferred)
    return ContextConvention(preferred, accepted, is_told=is_told)


def _telling_names(held: Sequence[tuple[str, ...]], wanted: str | None) -> Counter[str]:
    return Counter(
        name
        for names in held
        for name in names
        if name == wanted or any(word in name.lower() for word in _TELLING_WORDS)
    )


def _set_of(name: str | None) -> frozenset[str]:
    return frozenset() if name is None else frozenset({name})
