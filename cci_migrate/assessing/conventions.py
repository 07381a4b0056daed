"""What a config does already: the names and the form of the credentials it has.

The file's own convention wins over the policy's names: a maintainer adding a job to this file
would write what stands beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cci_migrate.circleci.images import (
    AWS_KEY_ID,
    AWS_ROLE,
    AWS_SECRET,
    GCP_KEYS,
    PASSWORD,
    USERNAME,
    ImageAuth,
    PulledImage,
    variable_in,
)
from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.docker.registries import CredentialForm, host_matches
from cci_migrate.lossless.merging import is_merge_key
from cci_migrate.lossless.nodes import Alias, Node, Scalar, resolved
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.policy import (
    DEFAULT_DOCKER_HUB,
    AwsKeyAuth,
    AwsRoleAuth,
    GcpAuth,
    PasswordAuth,
    Policy,
    RegistryCredential,
    RegistryPolicy,
)


@dataclass(frozen=True, slots=True)
class Written:
    """Credentials written out under each image; ``flow``: as ``{username: ..., password: ...}``."""

    flow: bool = False
    password_first: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Anchored:
    """Credentials defined once; images say ``auth: *name``, or ``<<: *name`` if ``is_merge``."""

    target: MappingNode
    name: str
    is_merge: bool


AuthForm = Written | Anchored
PLAIN = Written()


@dataclass(frozen=True, slots=True)
class CredentialConvention:
    """How the file authenticates the images of one registry."""

    credential: RegistryCredential
    form: AuthForm


def policy_for(host: str, policy: Policy) -> RegistryPolicy | None:
    """What ``policy`` says of the registry ``host``; Docker Hub is always covered.

    Of several patterns that match, the one that says most about the host.
    """
    matching = [one for one in policy.registries if host_matches(one.host, host)]
    if matching:
        return max(matching, key=lambda one: len(one.host.replace("*", "")))
    return DEFAULT_DOCKER_HUB if host == DOCKER_HUB else None


def credential_of(auth: ImageAuth) -> RegistryCredential | None:
    """The credential that ``auth`` names, None if it is incomplete or names none."""
    if not auth.is_complete or auth.comes_whole:
        return None
    match auth.form:
        case CredentialForm.AUTH:
            return PasswordAuth(auth.text(USERNAME) or "", auth.text(PASSWORD) or "")
        case CredentialForm.AWS_AUTH:
            role = auth.text(AWS_ROLE)
            if role is not None:
                return AwsRoleAuth(role)
            return AwsKeyAuth(auth.text(AWS_KEY_ID) or "", auth.text(AWS_SECRET) or "")
        case CredentialForm.GCP_AUTH:
            account, pool, provider = (auth.text(key) or "" for key in GCP_KEYS)
            return GcpAuth(account, pool, provider)


def is_safe(credential: RegistryCredential) -> bool:
    """Whether no secret of ``credential`` is written out: it may be repeated elsewhere."""
    if isinstance(credential, PasswordAuth):
        return variable_in(credential.password) is not None
    if isinstance(credential, AwsKeyAuth):
        return variable_in(credential.secret_access_key) is not None
    return True


def credential_conventions(
    images: Iterable[PulledImage], misrouted: frozenset[int]
) -> Mapping[str, CredentialConvention]:
    """By registry, the most usual credential of ``images`` and the most usual form of it.

    ``misrouted`` holds the id() of images whose credentials are another registry's.
    """
    found: dict[str, list[tuple[RegistryCredential, PulledImage, ImageAuth]]] = {}
    for image in images:
        auth = image.auth
        if image.host is None or auth is None or id(image) in misrouted:
            continue
        credential = credential_of(auth)
        if credential is not None and is_safe(credential):
            found.setdefault(image.host, []).append((credential, image, auth))
    return {
        host: _usual(uses)
        for host, uses in found.items()
        if uses  # a registry with none has no convention
    }


def _usual(
    uses: list[tuple[RegistryCredential, PulledImage, ImageAuth]],
) -> CredentialConvention:
    credential = Counter(one for one, _, _ in uses).most_common(1)[0][0]
    forms: dict[object, tuple[int, AuthForm]] = {}
    for one, image, auth in uses:
        if one == credential:
            form = _form(image, auth)
            key = (id(form.target), form.is_merge) if isinstance(form, Anchored) else form
            count = forms[key][0] if key in forms else 0
            forms[key] = (count + 1, form)
    return CredentialConvention(credential, max(forms.values(), key=lambda one: one[0])[1])


def _form(image: PulledImage, auth: ImageAuth) -> AuthForm:
    entry = auth.entry
    item = image.item.mapping
    if isinstance(entry.value, Alias) and isinstance(entry.value.target, MappingNode):
        return Anchored(entry.value.target, entry.value.name, is_merge=False)
    holder = entry.holder
    if holder is not item and holder.anchor is not None and _holds_auth_alone(holder):
        return Anchored(holder, holder.anchor, is_merge=True)
    value = resolved(entry.value)
    if not isinstance(value, MappingNode):
        return PLAIN
    keys = [key.value for key, _ in value.entries if isinstance(key, Scalar)]
    first = PASSWORD in keys and USERNAME in keys and keys.index(PASSWORD) < keys.index(USERNAME)
    is_flow = value.is_flow and not item.is_flow
    return Written(flow=is_flow, password_first=first)


def _holds_auth_alone(mapping: MappingNode) -> bool:
    keys = [key for key, _ in mapping.entries]
    return len(keys) == 1 and not is_merge_key(keys[0])


def anchor_is_before(form: Anchored, at: Node) -> bool:
    """Whether an alias of ``form``'s anchor may be written at ``at``."""
    return form.target.source is at.source and form.target.end <= at.start
