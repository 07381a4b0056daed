"""What a config does already: the names, the form and the contexts of the credentials it has.

The file's own convention wins over the policy's names: a maintainer adding a job to this file
would write what stands beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from cci_migrate.circleci.workflow_jobs import HeldContexts
from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.docker.registries import CredentialForm, host_matches
from cci_migrate.lossless.merging import is_merge_key
from cci_migrate.lossless.nodes import Alias, Node, Scalar, resolved
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.policy import (
    DEFAULT_DOCKER_HUB,
    AwsKeyAuth,
    AwsRoleAuth,
    CredentialStore,
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


def anchor_is_before(form: Anchored, at: Node) -> bool:
    """Whether an alias of ``form``'s anchor may be written at ``at``."""
    return form.target.source is at.source and form.target.end <= at.start
