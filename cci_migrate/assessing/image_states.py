"""What an image has of credentials, and what it ought to have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cci_migrate.assessing.conventions import (
    PLAIN,
    AuthForm,
    CredentialConvention,
    policy_for,
)
from cci_migrate.assessing.credential_values import values_of
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.images import (
    SECRET_KEYS,
    ImageAuth,
    PulledImage,
    variable_in,
)
from cci_migrate.circleci.misplaced import MisplacedKind, beside_the_image
from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.docker.registries import registry_at
from cci_migrate.findings import Names
from cci_migrate.lossless.nodes import Scalar, resolved
from cci_migrate.policy import (
    PasswordAuth,
    Policy,
    RegistryCredential,
)

if TYPE_CHECKING:
    pass


UNAUTHENTICATED_IMAGE = "unauthenticated-image"
INCOMPLETE_AUTH = "incomplete-auth"
LITERAL_CREDENTIAL = "literal-credential"
MISPLACED_AUTH = "misplaced-auth"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The credential that an image ought to get, and the form to write it in."""

    credential: RegistryCredential
    form: AuthForm


@dataclass(frozen=True, slots=True)
class LiteralSecret:
    """A secret that is written out under ``key``; ``variable`` (``$NAME``) is to replace it."""

    key: str
    value: Scalar
    variable: str | None


@dataclass(frozen=True, slots=True)
class Authenticated:
    """It has credentials, of which nothing is missing."""

    auth: ImageAuth
    literal: LiteralSecret | None = None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """It has credentials that lack something."""

    auth: ImageAuth
    wanted: Wanted | None


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Credentials stand beside the image's keys instead of under ``auth``."""

    kind: MisplacedKind
    wanted: PasswordAuth | None


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """It has no credentials, and ought to."""

    host: str
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Unmirrored:
    """It has no credentials, and ought to come from the mirror at ``host``.

    ``wanted`` is the credential that it then needs there, None if that asks for none.
    """

    host: str
    wanted: Wanted | None


@dataclass(frozen=True, slots=True)
class Mirrored:
    """It comes from the mirror of Docker Hub, which asks for no credentials."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """It has no credentials, and which registry it comes from cannot be told."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotCovered:
    """It has no credentials, and the policy has none for its registry.

    ``unknown``: CircleCI may have credentials for it outside the config.
    """

    host: str
    unknown: bool


@dataclass(frozen=True, slots=True)
class Exempt:
    """The policy exempts it, or its registry serves public images only."""


ImageState = (
    Authenticated
    | Incomplete
    | Misplaced
    | Unauthenticated
    | Unmirrored
    | Mirrored
    | Undecided
    | NotCovered
    | Exempt
)


def state_of(
    image: PulledImage,
    policy: Policy,
    conventions: Mapping[str, CredentialConvention],
    names: Mapping[str, Names],
) -> ImageState:
    auth = image.auth
    if auth is not None and auth.is_complete:
        return Authenticated(auth, _literal_secret(image, auth, policy, conventions))
    misplaced = beside_the_image(image.item.mapping)
    if misplaced is not None:
        username, password = misplaced.username, misplaced.password
        both = PasswordAuth(username, password) if username and password else None
        return Misplaced(misplaced.kind, both)
    if any(policy.exempts(text) for text in image.texts):
        return Exempt()
    host = image.host
    path = image.item.image.key.source.path
    if auth is not None:
        wanted = wanted_for(host, policy, conventions) if host is not None else None
        override = names.get(f"{INCOMPLETE_AUTH}:{path}:{image.route}")
        if override is not None and wanted is not None:
            wanted = Wanted(override.credential, PLAIN)
        return Incomplete(auth, wanted)
    if host is None:
        return Undecided(image.undecided or _mixed(image))
    if host == DOCKER_HUB and policy.mirror is not None:
        at_mirror = wanted_for(policy.mirror.host, policy, conventions)
        override = names.get(f"{UNAUTHENTICATED_IMAGE}:{path}:{image.definition}")
        if override is not None and at_mirror is not None:
            at_mirror = Wanted(override.credential, PLAIN)
        return Unmirrored(policy.mirror.host, at_mirror)
    wanted = wanted_for(host, policy, conventions)
    if wanted is None:
        if policy.mirror is not None and host == policy.mirror.host:
            return Mirrored()
        registry = registry_at(host)
        if registry.public_only:
            return Exempt()
        return NotCovered(host, registry.implicit_credentials)
    override = names.get(f"{UNAUTHENTICATED_IMAGE}:{path}:{image.definition}")
    if override is not None:
        wanted = Wanted(override.credential, PLAIN)
    return Unauthenticated(host, wanted)


def _literal_secret(
    image: PulledImage,
    auth: ImageAuth,
    policy: Policy,
    conventions: Mapping[str, CredentialConvention],
) -> LiteralSecret | None:
    for key in SECRET_KEYS & auth.values.keys():
        value = resolved(auth.values[key].value)
        text = auth.text(key)
        if not isinstance(value, Scalar) or text is None or has_expression(text):
            continue
        if variable_in(text) is not None:
            continue
        wanted = None if image.host is None else wanted_for(image.host, policy, conventions)
        variable = None if wanted is None else values_of(wanted.credential).get(key)
        return LiteralSecret(key, value, variable)
    return None


def _mixed(image: PulledImage) -> str:
    hosts = ", ".join(sorted(image.hosts))
    return f"its parameters make it come from several registries: {hosts}"


def wanted_for(
    host: str, policy: Policy, conventions: Mapping[str, CredentialConvention]
) -> Wanted | None:
    registry = policy_for(host, policy)
    convention = conventions.get(host)
    if convention is not None and (registry is not None or host == DOCKER_HUB):
        return Wanted(convention.credential, convention.form)
    return None if registry is None else Wanted(registry.credential, PLAIN)
