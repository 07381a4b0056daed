"""The keys, values and variables of a credential, as CircleCI takes them.

https://circleci.com/docs/guides/execution-managed/private-images/
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from typing_extensions import assert_never

from cci_migrate.circleci.images import (
    AWS_KEY_ID,
    AWS_ROLE,
    AWS_SECRET,
    GCP_KEYS,
    PASSWORD,
    USERNAME,
    variable_in,
)
from cci_migrate.docker.registries import CredentialForm
from cci_migrate.policy.settings import (
    AwsKeyAuth,
    AwsRoleAuth,
    GcpAuth,
    PasswordAuth,
    RegistryCredential,
)


def form_of(credential: RegistryCredential) -> CredentialForm:
    """The key of an image under which ``credential`` is written."""
    match credential:
        case PasswordAuth():
            return CredentialForm.AUTH
        case AwsKeyAuth() | AwsRoleAuth():
            return CredentialForm.AWS_AUTH
        case GcpAuth():
            return CredentialForm.GCP_AUTH
        case _:
            assert_never(credential)


def values_of(credential: RegistryCredential) -> dict[str, str]:
    """The keys and values of ``credential``, in their usual order."""
    match credential:
        case PasswordAuth(username, password):
            return {USERNAME: username, PASSWORD: password}
        case AwsKeyAuth(key_id, secret):
            return {AWS_KEY_ID: key_id, AWS_SECRET: secret}
        case AwsRoleAuth(role):
            return {AWS_ROLE: role}
        case GcpAuth(account, pool, provider):
            return dict(zip(GCP_KEYS, (account, pool, provider), strict=True))
        case _:
            assert_never(credential)


@lru_cache(maxsize=256)
def variables_of(credential: RegistryCredential) -> tuple[str, ...]:
    """The environment variables in ``credential``, without the ``$``."""
    return variables_among(values_of(credential).values())


def variables_among(values: Iterable[str]) -> tuple[str, ...]:
    """The names of those of ``values`` that are a variable (``$NAME``, ``${NAME}``)."""
    return tuple(name for text in values if (name := variable_in(text)) is not None)
