"""Whose credentials an image sends, where they are another registry's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cci_migrate.assessing.conventions import (
    credential_of,
    policy_for,
)
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.circleci.images import (
    PulledImage,
    variable_in,
)
from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.docker.registries import host_matches, registry_named_by_variable
from cci_migrate.policy.model import (
    PasswordAuth,
    Policy,
    RegistryCredential,
    RegistryPolicy,
)

Uses = dict[RegistryCredential, "Counter[str]"]


def uses_of(images: Iterable[PulledImage]) -> Uses:
    """How often each credential is used, by registry."""
    found: Uses = {}
    for image in images:
        credential = None if image.auth is None else credential_of(image.auth)
        if credential is not None and image.host is not None:
            found.setdefault(credential, Counter())[image.host] += 1
    return found


def _names_any(registry: RegistryPolicy, names: Iterable[str]) -> bool:
    known = {name for one in registry.credentials for name in variables_of(one)}
    return not known.isdisjoint(names)


def other_owner(image: PulledImage, uses: Uses, policy: Policy) -> str | None:
    """The registry whose credentials ``image`` sends to another one; None if they are its own."""
    host = image.host
    auth = image.auth
    credential = None if auth is None else credential_of(auth)
    if host is None or not isinstance(credential, PasswordAuth):
        return None
    names = variables_of(credential)
    if not names:
        return None
    own = policy_for(host, policy)
    if own is not None and _names_any(own, names):
        return None
    for registry in policy.registries:
        if _names_any(registry, names):
            return registry.host
    secret = variable_in(credential.password)
    named = None if secret is None else registry_named_by_variable(secret)
    if named is not None:
        return None if host_matches(named, host) else named
    if host == DOCKER_HUB:
        return None
    theirs = uses[credential]
    return DOCKER_HUB if theirs[DOCKER_HUB] > theirs[host] else None
