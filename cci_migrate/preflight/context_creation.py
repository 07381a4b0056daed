"""Creating a context and storing variables in it: first planned, then applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.policy.settings import DEFAULT_DOCKER_HUB, Policy
from cci_migrate.preflight.circleci_api import CircleCi, Context
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.transport.host_errors import HostError, StaleSnapshot
from cci_migrate.transport.known_secrets import Secret
from cci_migrate.wording import listed


class ContextPlan(Struct, frozen=True):
    """The steps in one organisation.

    ``existing`` is the context if it exists. ``stores`` are the variables to store, ``replaces``
    those of them that the context already has. ``alike`` are other contexts whose names differ
    from its own by case only, looked for if it does not exist.
    """

    organisation: Organisation
    name: str
    existing: Context | None
    stores: tuple[str, ...]
    replaces: tuple[str, ...]
    alike: tuple[str, ...] = ()

    @property
    def warning(self) -> str:
        """What is odd about the plan, for people; empty if nothing is."""
        if not self.alike:
            return ""
        return (
            f"{self.organisation.slug} has {listed(self.alike)}, whose name differs from "
            f"{self.name} by case only; CircleCI treats them as different contexts"
        )

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return self.existing is None or bool(self.stores)

    @property
    def text(self) -> str:
        """The plan, for people."""
        what = []
        if self.existing is None:
            what.append("create the context")
        new = [name for name in self.stores if name not in self.replaces]
        if new:
            what.append(f"store {listed(new)}")
        if self.replaces:
            what.append(f"replace {listed(list(self.replaces))}")
        if not what:
            what.append("nothing to do: it exists with all variables")
        return f"{self._subject}: {listed(what)}"

    @property
    def success_text(self) -> str:
        """The message for people once the plan is applied."""
        return f"{self._subject}: done"

    @property
    def _subject(self) -> str:
        return f"{self.organisation.slug}, context {self.name}"


def default_context(policy: Policy) -> str:
    """The context in which ``policy`` has Docker Hub's variables."""
    return policy.docker_hub.context or DEFAULT_DOCKER_HUB.context or ""


def variables_for_context(name: str, policy: Policy) -> tuple[str, ...]:
    """The variables that ``policy`` has in the context ``name``."""
    variables: dict[str, None] = {}
    hub = policy.docker_hub
    for registry in (*policy.registries, hub):
        for credential, context in registry.accounts:
            if registry is hub and context is None:
                context = default_context(policy)
            if context == name:
                variables.update(dict.fromkeys(variables_of(credential)))
    return tuple(variables)


def plan_context(
    circleci: CircleCi,
    organisation: Organisation,
    name: str,
    variables: Iterable[str],
    *,
    overwrite: bool,
) -> ContextPlan:
    """The steps after which the context ``name`` has ``variables``.

    ``overwrite``: store those that it already has, too. Raises what `CircleCi` raises.
    """
    contexts = circleci.contexts(organisation, [name])
    existing = contexts.get(name)
    stored, alike = frozenset[str](), tuple[str, ...]()
    if existing is not None:
        stored = circleci.variables(existing)
    else:
        alike = tuple(other for other in contexts if other.lower() == name.lower())
    required = dict.fromkeys(variables)
    stores = tuple(variable for variable in required if overwrite or variable not in stored)
    replaces = tuple(store for store in stores if store in stored)
    return ContextPlan(organisation, name, existing, stores, replaces, alike)


def apply_plan(circleci: CircleCi, plan: ContextPlan, values: Mapping[str, Secret]) -> None:
    """Apply ``plan``; ``values`` are those of its variables. Raises HostError and HostUnavailable.

    An error undoes nothing; the same command, run again, does the rest.
    """
    context = plan.existing
    if context is None:
        try:
            context = circleci.create(plan.organisation, plan.name)
        except StaleSnapshot as error:
            # The answer was lost, or somebody else created it first.
            context = circleci.contexts(plan.organisation, [plan.name]).get(plan.name)
            if context is None:
                raise HostError(f"could not create the context ({error})") from None
    for name in plan.stores:
        try:
            circleci.store(context, name, values[name])
        except StaleSnapshot as error:
            raise HostError(
                f"unclear whether {name} was stored ({error}); run again with --overwrite"
            ) from None
