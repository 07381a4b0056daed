"""Making a context, and storing in it what it is to hold: first planned, then done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from cci_migrate.assessing.conventions import policy_for
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.policy.model import DEFAULT_DOCKER_HUB, DOCKER_HUB, Policy
from cci_migrate.preflight.circleci_api import CircleCi, Context
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.rules.wording import listed
from cci_migrate.transport.host_errors import HostError, StaleSnapshot
from cci_migrate.transport.known_secrets import Secret


class Making(Struct, frozen=True):
    """What is to be done in one organisation.

    ``there`` is the context if it exists. ``stores`` are the variables to store, ``replaces``
    those among them that are there.
    """

    organisation: Organisation
    name: str
    there: Context | None
    stores: tuple[str, ...]
    replaces: tuple[str, ...]

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return self.there is None or bool(self.stores)

    @property
    def text(self) -> str:
        """It, for people."""
        what = []
        if self.there is None:
            what.append("make the context")
        new = [name for name in self.stores if name not in self.replaces]
        if new:
            what.append(f"store {listed(new)}")
        if self.replaces:
            what.append(f"replace {listed(list(self.replaces))}")
        if not what:
            what.append("nothing, it is there with all of it")
        return f"{self._subject}: {listed(what)}"

    @property
    def done(self) -> str:
        """What is said once it is done."""
        return f"{self._subject}: done"

    @property
    def _subject(self) -> str:
        return f"{self.organisation.slug}, context {self.name}"


def default_context(policy: Policy) -> str:
    """The context that ``policy`` keeps Docker Hub's variables in."""
    registry = policy_for(DOCKER_HUB, policy)
    named = None if registry is None else registry.context
    return named or DEFAULT_DOCKER_HUB.context or ""


def variables_in(name: str, policy: Policy) -> tuple[str, ...]:
    """What the context ``name`` is to hold, as ``policy`` has it."""
    found: dict[str, None] = {}
    registries = policy.registries
    hub = policy_for(DOCKER_HUB, policy)
    for registry in registries if hub is None else (*registries, hub):
        for credential, kept in registry.accounts:
            if registry is hub and kept is None:
                kept = default_context(policy)
            if kept == name:
                found.update(dict.fromkeys(variables_of(credential)))
    return tuple(found)


def plan(
    circleci: CircleCi,
    organisation: Organisation,
    name: str,
    variables: Iterable[str],
    *,
    overwrite: bool,
) -> Making:
    """What there is to do for ``name`` to hold ``variables``. Raises what `CircleCi` raises."""
    there = circleci.contexts(organisation).get(name)
    held = frozenset[str]() if there is None else circleci.variables(there)
    wanted = tuple(dict.fromkeys(variables))
    stores = wanted if overwrite else tuple(one for one in wanted if one not in held)
    return Making(
        organisation, name, there, stores, tuple(store for store in stores if store in held)
    )


def carry_out(circleci: CircleCi, making: Making, values: Mapping[str, Secret]) -> None:
    """Do what ``making`` says; ``values`` has each variable. Raises what `CircleCi` raises.

    What was done before an error stays; the same command, run again, does the rest.
    """
    context = making.there
    if context is None:
        try:
            context = circleci.create(making.organisation, making.name)
        except StaleSnapshot as error:
            # The answer got lost, or somebody else was quicker.
            context = circleci.contexts(making.organisation).get(making.name)
            if context is None:
                raise HostError(f"the context could not be made ({error})") from None
    for name in making.stores:
        try:
            circleci.store(context, name, values[name])
        except StaleSnapshot as error:
            raise HostError(
                f"whether {name} was stored is not known ({error}); run again with --overwrite"
            ) from None
