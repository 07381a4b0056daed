"""What options say of the policy, and the policy that follows from it.

Options win over the policy file; what they are silent of stays as the file has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from cci_migrate.docker.registries import host_matches
from cci_migrate.policy.model import (
    DEFAULT_DOCKER_HUB,
    DOCKER_HUB,
    PasswordAuth,
    Policy,
    RegistryPolicy,
)
from cci_migrate.policy.settings import Setting, settings_of

#: What the options say, by the keys of the settings; nothing of what they are silent of.
GivenSettings = Mapping[str, Any]


def option_settings() -> tuple[Setting, ...]:
    """The settings that have an option: the policy's own, and those for Docker Hub."""
    declared = (settings_of(kind) for kind in (PasswordAuth, RegistryPolicy, Policy))
    return tuple(one for settings in declared for one in settings if one.option is not None)


def clash(given: GivenSettings) -> str | None:
    """Why the options ``given`` do not go together, None if they do."""
    for setting in option_settings():
        for other, problem in setting.clashes.items():
            if setting.key in given and other in given:
                if isinstance(problem, str):
                    return problem
                text = problem(given[setting.key], given[other])
                if text is not None:
                    return text
    return None


def policy_of(given: GivenSettings, base: Policy) -> Policy:
    """``base``, the policy of a file or the default one, with what ``given`` says instead."""
    changed = _fields(Policy, given)
    selected = given.get("select") or frozenset[str]()
    changed["ignore"] = base.ignore - selected | given.get("ignore", frozenset[str]())
    return replace(base, **changed, registries=_registries(given, base.registries))


def _fields(
    kind: type[Policy | PasswordAuth | RegistryPolicy], given: GivenSettings
) -> dict[str, Any]:
    return {one.field: given[one.key] for one in settings_of(kind) if one.key in given}


def _registries(
    given: GivenSettings, registries: tuple[RegistryPolicy, ...]
) -> tuple[RegistryPolicy, ...]:
    """``registries`` with what ``given`` says of Docker Hub put first."""
    names, changed = _fields(PasswordAuth, given), _fields(RegistryPolicy, given)
    if not names and not changed:
        return registries
    known = next(
        (one for one in registries if host_matches(one.host, DOCKER_HUB)), DEFAULT_DOCKER_HUB
    )
    is_password = isinstance(known.credential, PasswordAuth)
    credential = replace((known if is_password else DEFAULT_DOCKER_HUB).credential, **names)
    hub = replace(known, host=DOCKER_HUB, credential=credential, **changed)
    if hub == replace(known, host=DOCKER_HUB):
        return registries
    return (hub, *(one for one in registries if one.host != DOCKER_HUB))
