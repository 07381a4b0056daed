"""Images with credentials that belong to another registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from cci_migrate.assessing.conventions import credential_of, secret_of
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.circleci.images import PulledImage, variable_in
from cci_migrate.docker.registries import (
    DOCKER_HUB,
    host_matches,
    registry_named_by_variable,
    registry_of_form,
)
from cci_migrate.policy.settings import PasswordAuth, Policy, RegistryPolicy

#: How often each password is used at each registry; that it is Docker Hub's shows in the numbers.
#: User names are not compared: with the password of another registry, one's own is of no use.
_Uses = Mapping[tuple[object, str], int]


def owners_of_misrouted(images: Sequence[PulledImage], policy: Policy) -> Mapping[PulledImage, str]:
    """The other registries that the credentials of ``images`` belong to, where they are wrong."""
    uses = _uses_of(images)
    owners = {image: _other_owner(image, uses, policy) for image in images}
    return {image: owner for image, owner in owners.items() if owner is not None}


def _uses_of(images: Iterable[PulledImage]) -> _Uses:
    return Counter(
        (secret_of(credential), image.host)
        for image in images
        if image.auth is not None
        and image.host is not None
        and (credential := credential_of(image.auth)) is not None
    )


def _names_any(registry: RegistryPolicy, names: Iterable[str]) -> bool:
    own_names = {name for credential in registry.credentials for name in variables_of(credential)}
    return not own_names.isdisjoint(names)


def _other_owner(image: PulledImage, uses: _Uses, policy: Policy) -> str | None:
    """The other registry that the credentials of ``image`` belong to; None if they are right."""
    host = image.host
    auth = image.auth
    credential = None if auth is None else credential_of(auth)
    if host is None or auth is None or credential is None:
        return None
    if not isinstance(credential, PasswordAuth):
        return registry_of_form(auth.form, host)
    names = variables_of(credential)
    if not names:
        return None
    registry_policy = policy.registry_for(host)
    if registry_policy is not None and _names_any(registry_policy, names):
        return None
    for registry in policy.registries:
        if _names_any(registry, names):
            return registry.host
    secret = variable_in(credential.password)
    named_after = None if secret is None else registry_named_by_variable(secret)
    if named_after is not None:
        return None if host_matches(named_after, host) else named_after
    if host == DOCKER_HUB:
        return None
    password = secret_of(credential)
    return DOCKER_HUB if uses[password, DOCKER_HUB] > uses[password, host] else None
