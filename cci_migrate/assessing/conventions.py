"""The credentials that pulls of each registry get, by the precedence of `evidence.Use`.

The config's own names win over the policy's: a maintainer who adds a job would use the names that
the other jobs use. ``docs/how-names-are-chosen.md`` shows the precedence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.auth_forms import PLAIN, Anchored, AuthForm
from cci_migrate.assessing.credential_values import values_of
from cci_migrate.assessing.evidence import Evidence, Refusal, Use
from cci_migrate.circleci.images import (
    AWS_ROLE,
    ImageAuth,
    needed_keys,
    variable_in,
)
from cci_migrate.docker.registries import CredentialForm
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.groups import grouped
from cci_migrate.policy.settings import (
    AwsKeyAuth,
    AwsRoleAuth,
    GcpAuth,
    PasswordAuth,
    RegistryCredential,
)

if TYPE_CHECKING:
    from cci_migrate.circleci.step_pulls import StepLogin


class Account(Struct, frozen=True):
    """A credential of a registry, its most usual form, and the evidence for it.

    ``taken_by`` is what shows that the job has its names for another registry.
    """

    credential: RegistryCredential
    form: AuthForm
    evidence: tuple[Evidence, ...] = ()
    taken_by: Evidence | None = None

    @property
    def jobs(self) -> frozenset[str]:
        """The routes of the jobs that use it."""
        return frozenset().union(*(item.jobs for item in self.evidence))

    def is_used_by(self, jobs: frozenset[str]) -> bool:
        """Whether it is one of some of ``jobs``, given by their routes."""
        return any(not jobs.isdisjoint(item.jobs) for item in self.evidence)


class CredentialConvention(Struct, frozen=True):
    """How the config authenticates with the registry ``host``.

    ``accounts`` are its credentials there, the most usual first; rarely more than one. There are
    none if all credentials in ``evidence`` may only be used by the jobs that have them.
    """

    host: str
    accounts: tuple[Account, ...]
    evidence: tuple[Evidence, ...] = ()

    __repr__ = repr_without("evidence")

    @property
    def credential(self) -> RegistryCredential | None:
        """The most usual credential; None if no other job may use it."""
        return self.accounts[0].credential if self.accounts else None

    def accounts_near(self, jobs: frozenset[str]) -> tuple[Account, ...]:
        """The accounts that some of ``jobs`` use, even if only to push."""
        return _accounts(
            item
            for item in self.evidence
            if item.allows(item.jobs) and not jobs.isdisjoint(item.jobs)
        )

    def accounts_with(self, halves: Mapping[str, str], jobs: frozenset[str]) -> tuple[Account, ...]:
        """The accounts that ``jobs`` may use and that have all of ``halves``, by their keys."""
        return _accounts(
            item
            for item in self.evidence
            if item.credential is not None
            and item.allows(jobs)
            and halves.items() <= values_of(item.credential).items()
        )

    def accounts_of(
        self, jobs: frozenset[str], *, prefers_own: bool = False
    ) -> tuple[Account, ...]:
        """The accounts that a new pull of ``jobs`` (their routes) may use.

        If there are several, only the user knows which is right. ``prefers_own``: an account that
        these jobs use already, even if only to push, wins over those of the rest of the file.
        """
        if prefers_own and jobs:
            used_alone = _accounts(
                item for item in self.evidence if jobs <= item.jobs and item.allows(jobs)
            )
            if len(used_alone) == 1:
                return used_alone
        if len(self.accounts) < 2:
            return self.accounts
        used = [account for account in self.accounts if account.is_used_by(jobs)]
        return tuple(used if len(used) == 1 else self.accounts)


def use_elsewhere(
    credential: RegistryCredential,
    evidence: Iterable[Evidence],
    host: str,
    jobs: frozenset[str],
    conventions: Mapping[str, CredentialConvention],
) -> Evidence | None:
    """What shows that ``jobs`` have the secret of ``credential`` for a registry but ``host``.

    None where they do not, or hold the contexts of a job that has it for ``host``, by ``evidence``:
    the values are then the same.
    """
    secret = secret_of(credential)
    contexts = {item.contexts for item in evidence}
    for other_host, convention in conventions.items():
        for item in convention.evidence if other_host != host else ():
            if item.credential is None or secret_of(item.credential) != secret:
                continue
            is_theirs = item.allows(item.jobs) and not jobs.isdisjoint(item.jobs)
            if is_theirs and item.contexts not in contexts:
                return item
    return None


def passed_over(account: Account, other: Evidence) -> tuple[Evidence, ...]:
    """The evidence of ``account``, refused as the job has its names as ``other`` shows."""
    because = f"{other.place.owner} uses them for {other.host}, with other contexts"
    return tuple(
        replace(item, refusal=Refusal.OTHER_REGISTRY, because=because) for item in account.evidence
    )


def credential_of(auth: ImageAuth) -> RegistryCredential | None:
    """The credential in ``auth``; None if it is incomplete or an expression."""
    if not auth.is_complete or auth.is_expression:
        return None
    texts = [auth.text(key) or "" for key in needed_keys(auth.form, auth.values)]
    match auth.form:
        case CredentialForm.AUTH:
            return PasswordAuth(*texts)
        case CredentialForm.AWS_AUTH:
            return AwsRoleAuth(*texts) if AWS_ROLE in auth.values else AwsKeyAuth(*texts)
        case CredentialForm.GCP_AUTH:
            return GcpAuth(*texts)


def credential_of_login(login: StepLogin) -> PasswordAuth | None:
    """The credential in ``login``, as an image's ``auth`` would have it; None if it is unknown."""
    if login.username is None or login.password is None:
        return None
    return PasswordAuth(login.username, login.password)


def credential_conventions(evidence: Iterable[Evidence]) -> Mapping[str, CredentialConvention]:
    """The convention for each registry in ``evidence``, by the precedence of `Use`."""
    by_host = grouped((item.host, item) for item in evidence if item.credential is not None)
    conventions: dict[str, CredentialConvention] = {}
    for host, items in by_host.items():
        usable = [item for item in items if item.allows()]
        first = next((use for use in Use if any(item.use is use for item in usable)), None)
        deciding = [item for item in usable if item.use is first]
        accounts = _accounts(deciding)
        if len(accounts) > 1 and first is Use.SIBLING:
            accounts = ()  # it is unknown which of the other configs to follow
        if accounts or any(item.allows(item.jobs) for item in items):
            conventions[host] = CredentialConvention(host, accounts, tuple(items))
    return conventions


def _accounts(evidence: Iterable[Evidence]) -> tuple[Account, ...]:
    """The accounts in ``evidence``, one for each secret; the most usual first."""
    by_secret = grouped(
        (secret_of(item.credential), item) for item in evidence if item.credential is not None
    )
    groups = sorted(by_secret.values(), key=len, reverse=True)
    return tuple(_account(group) for group in groups)


def secret_of(credential: RegistryCredential) -> object:
    """What must be the same for two credentials to be one account; the user name need not."""
    if isinstance(credential, PasswordAuth):
        return variable_in(credential.password) or credential.password
    if isinstance(credential, AwsKeyAuth):
        return variable_in(credential.secret_access_key) or credential.secret_access_key
    return credential


def _account(evidence: list[Evidence]) -> Account:
    credentials = Counter(item.credential for item in evidence)
    credential = credentials.most_common(1)[0][0]
    assert credential is not None  # noqa: S101 - asked by the caller of the caller
    with_credential = tuple(item for item in evidence if item.credential == credential)
    forms: dict[object, tuple[int, AuthForm]] = {}
    for item in with_credential:
        form = item.form
        key = (form.target, form.is_merge) if isinstance(form, Anchored) else form
        forms[key] = (forms[key][0] + 1 if key in forms else 1, form)
    form = max(forms.values(), key=lambda count: count[0])[1] if forms else PLAIN
    return Account(credential, form, with_credential)
