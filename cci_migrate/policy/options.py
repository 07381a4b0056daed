"""What options say of the policy, and the policy that follows from it.

Options win over the policy file; what they are silent of stays as the file has it.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.docker.mirrors import Mirror
from cci_migrate.docker.registries import host_matches
from cci_migrate.policy.model import (
    DEFAULT_DOCKER_HUB,
    DOCKER_HUB,
    CredentialStore,
    LoginMethod,
    PasswordAuth,
    Platform,
    Policy,
    RegistryPolicy,
    Revert,
)


class PolicyOptions(Struct, frozen=True):
    """What the command line says of the policy; None and False where it is silent."""

    platform: Platform | None = None
    credentials: CredentialStore | None = None
    username: str | None = None
    password: str | None = None
    context: str | None = None
    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    login: LoginMethod | None = None
    fix_orbs: bool = False
    add_workflow: bool = False
    revert: Revert | None = None
    mirror: Mirror | None = None
    upgrade_version: bool = False


def told_by(options: PolicyOptions) -> frozenset[str]:
    """What ``options`` say, by the keys of a policy file."""
    said = {
        "platform": options.platform,
        "credentials": options.credentials,
        "username": options.username,
        "password": options.password,
        "context": options.context,
        "login": options.login,
    }
    return frozenset(key for key, value in said.items() if value is not None)


def policy_of(options: PolicyOptions, base: Policy) -> Policy:
    """``base``, the policy of a file or the default one, with what ``options`` says instead."""
    selected = base.select if options.select is None else options.select
    ignored = base.ignore - (options.select or frozenset()) | options.ignore
    return replace(
        base,
        platform=options.platform or base.platform,
        credentials=options.credentials or base.credentials,
        registries=_registries(options, base.registries),
        select=selected,
        ignore=ignored,
        login=options.login or base.login,
        fix_orbs=options.fix_orbs or base.fix_orbs,
        add_workflow=options.add_workflow or base.add_workflow,
        revert=options.revert,
        mirror=options.mirror or base.mirror,
        upgrade_version=options.upgrade_version or base.upgrade_version,
    )


def _registries(
    options: PolicyOptions, registries: tuple[RegistryPolicy, ...]
) -> tuple[RegistryPolicy, ...]:
    """``registries`` with what ``options`` says of Docker Hub put first."""
    if options.username is None and options.password is None and options.context is None:
        return registries
    known = next(
        (one for one in registries if host_matches(one.host, DOCKER_HUB)), DEFAULT_DOCKER_HUB
    )
    credential = known.credential
    if not isinstance(credential, PasswordAuth):
        default = DEFAULT_DOCKER_HUB.credential
        credential = default if isinstance(default, PasswordAuth) else PasswordAuth("", "")
    told = RegistryPolicy(
        DOCKER_HUB,
        PasswordAuth(
            options.username or credential.username, options.password or credential.password
        ),
        options.context or known.context,
        known.jobs,
    )
    return (told, *(one for one in registries if one.host != DOCKER_HUB))
