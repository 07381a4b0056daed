"""Which names the pulls of each registry get: decided from the evidence, by one precedence.

What the config itself does wins over the policy's names: a maintainer who adds a job to this file
would write what stands beside it. ``docs/how-names-are-chosen.md`` shows the precedence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.auth_forms import PLAIN, Anchored, AuthForm
from cci_migrate.assessing.credential_values import values_of
from cci_migrate.assessing.evidence import Evidence, Refusal, Use
from cci_migrate.circleci.images import (
    AWS_KEY_ID,
    AWS_ROLE,
    AWS_SECRET,
    GCP_KEYS,
    PASSWORD,
    USERNAME,
    ImageAuth,
    variable_in,
)
from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.docker.registries import CredentialForm, host_matches
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.policy.model import (
    DEFAULT_DOCKER_HUB,
    AwsKeyAuth,
    AwsRoleAuth,
    GcpAuth,
    PasswordAuth,
    Policy,
    RegistryCredential,
    RegistryPolicy,
)


class Account(Struct, frozen=True):
    """One credential of a registry, in the form that is most usual for it, and what shows it."""

    credential: RegistryCredential
    form: AuthForm
    evidence: tuple[Evidence, ...] = ()

    @property
    def jobs(self) -> frozenset[str]:
        """The routes of the jobs that use it."""
        return frozenset().union(*(one.jobs for one in self.evidence))


class CredentialConvention(Struct, frozen=True):
    """How the file authenticates with one registry.

    ``accounts`` are its credentials there, the most usual first: rarely more than one. None where
    all that ``evidence`` shows is to stay in its jobs.
    """

    host: str
    accounts: tuple[Account, ...]
    evidence: tuple[Evidence, ...] = ()

    __repr__ = repr_without("evidence")

    @property
    def credential(self) -> RegistryCredential | None:
        """The most usual credential; None if no job may have that of another."""
        return self.accounts[0].credential if self.accounts else None

    def accounts_near(self, jobs: frozenset[str]) -> tuple[Account, ...]:
        """The accounts that some of ``jobs`` use, be it to push."""
        return _accounts(
            one for one in self.evidence if one.allows(one.jobs) and not jobs.isdisjoint(one.jobs)
        )

    def accounts_with(self, halves: Mapping[str, str], jobs: frozenset[str]) -> tuple[Account, ...]:
        """The accounts of which ``halves``, by their keys, are a part, for ``jobs``."""
        return _accounts(
            one
            for one in self.evidence
            if one.credential is not None
            and one.allows(jobs)
            and halves.items() <= values_of(one.credential).items()
        )

    def accounts_of(
        self, jobs: frozenset[str], *, prefers_own: bool = False
    ) -> tuple[Account, ...]:
        """The accounts that a new pull of ``jobs`` (their routes) may be meant to use.

        One is certain; of several nobody but the user knows which is right. ``prefers_own``: what
        these jobs use already, be it to push, goes before what the rest of the file does.
        """
        if prefers_own and jobs:
            own = _accounts(one for one in self.evidence if jobs <= one.jobs and one.allows(jobs))
            if len(own) == 1:
                return own
        if len(self.accounts) < 2:
            return self.accounts
        theirs = [one for one in self.accounts if not jobs.isdisjoint(one.jobs)]
        return tuple(theirs if len(theirs) == 1 else self.accounts)


def passed_over(
    account: Account,
    host: str,
    jobs: frozenset[str],
    conventions: Mapping[str, CredentialConvention],
) -> tuple[Evidence, ...]:
    """The evidence of ``account`` of ``host``, refused as ``jobs`` have its names for another one.

    Nothing where they do not, or hold the contexts of a job that has them for ``host``: the values
    are then the same.
    """
    secret = _secret(account.credential)
    own = {shown.contexts for shown in account.evidence}
    for other, convention in conventions.items():
        for one in convention.evidence:
            if other == host or one.credential is None or _secret(one.credential) != secret:
                continue
            if not jobs.isdisjoint(one.jobs) and one.contexts not in own:
                because = f"{one.place.owner} has them for {other}, and holds other contexts"
                return tuple(
                    replace(shown, refusal=Refusal.OTHER_REGISTRY, because=because)
                    for shown in account.evidence
                )
    return ()


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
    if not auth.is_complete or auth.is_expression:
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
    evidence: Iterable[Evidence],
) -> Mapping[str, CredentialConvention]:
    """By registry, what ``evidence`` that may be followed says; see `Use` for the precedence."""
    by_host: dict[str, list[Evidence]] = {}
    for one in evidence:
        if one.credential is not None and one.use is not Use.POLICY:
            by_host.setdefault(one.host, []).append(one)
    conventions: dict[str, CredentialConvention] = {}
    for host, items in by_host.items():
        usable = [one for one in items if one.allows()]
        first = min((_RANK[one.use] for one in usable), default=0)
        deciding = [one for one in usable if _RANK[one.use] == first]
        accounts = _accounts(deciding)
        if len(accounts) > 1 and deciding[0].use is Use.SIBLING:
            accounts = ()  # which of the other configs this one is to follow is not known
        if accounts or any(one.allows(one.jobs) for one in items):
            conventions[host] = CredentialConvention(host, accounts, tuple(items))
    return conventions


#: Uses of the same rank count together.
_RANK = {use: rank for rank, use in enumerate(Use)}


def _accounts(evidence: Iterable[Evidence]) -> tuple[Account, ...]:
    """The credentials of ``evidence`` by their secret half, which makes the account."""
    by_secret: dict[object, list[Evidence]] = {}
    for one in evidence:
        assert one.credential is not None  # noqa: S101 - the callers ask
        by_secret.setdefault(_secret(one.credential), []).append(one)
    groups = sorted(by_secret.values(), key=len, reverse=True)
    return tuple(_account(group) for group in groups)


def _secret(credential: RegistryCredential) -> object:
    if isinstance(credential, PasswordAuth):
        return variable_in(credential.password) or credential.password
    if isinstance(credential, AwsKeyAuth):
        return variable_in(credential.secret_access_key) or credential.secret_access_key
    return credential


def _account(evidence: list[Evidence]) -> Account:
    credentials = Counter(one.credential for one in evidence)
    credential = credentials.most_common(1)[0][0]
    assert credential is not None  # noqa: S101 - asked by the caller of the caller
    own = tuple(one for one in evidence if one.credential == credential)
    forms: dict[object, tuple[int, AuthForm]] = {}
    for one in own:
        form = one.form
        key = (form.target, form.is_merge) if isinstance(form, Anchored) else form
        forms[key] = (forms[key][0] + 1 if key in forms else 1, form)
    form = max(forms.values(), key=lambda count: count[0])[1] if forms else PLAIN
    return Account(credential, form, own)
