"""Options, and the policy in which they override the settings of the policy file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from cci_migrate.docker.registries import DOCKER_HUB, host_matches
from cci_migrate.policy.setting_kinds import Setting, settings_of
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    CredentialStore,
    PasswordAuth,
    Policy,
    RegistryPolicy,
)

#: The values of the options that were given, by the keys of their settings.
OptionValues = Mapping[str, Any]


def option_settings() -> tuple[Setting, ...]:
    """The settings that have an option: those of the policy, and of Docker Hub's account."""
    declared = (settings_of(kind) for kind in (PasswordAuth, RegistryPolicy, Policy))
    return tuple(
        setting for settings in declared for setting in settings if setting.option is not None
    )


def policy_of(options: OptionValues, base: Policy) -> Policy:
    """``base``, the policy of a file or the default one, with the values of ``options``."""
    changed = given_fields(Policy, options)
    selected = options.get("select") or frozenset[str]()
    changed["ignore"] = base.ignore - selected | options.get("ignore", frozenset[str]())
    registries = _registries(options, base.registries)
    if changed.get("credentials") is CredentialStore.PROJECT:
        registries = tuple(registry.without_contexts() for registry in registries)
    return replace(base, **changed, registries=registries)


def given_fields(
    kind: type[Policy | PasswordAuth | RegistryPolicy], options: OptionValues
) -> dict[str, Any]:
    """The values of ``options`` for the settings that ``kind`` declares, by their fields."""
    return {
        setting.field: options[setting.key]
        for setting in settings_of(kind)
        if setting.key in options
    }


def _registries(
    options: OptionValues, registries: tuple[RegistryPolicy, ...]
) -> tuple[RegistryPolicy, ...]:
    """``registries``, preceded by Docker Hub with the values in ``options`` if there are any."""
    names, changed = given_fields(PasswordAuth, options), given_fields(RegistryPolicy, options)
    if not names and not changed:
        return registries
    current = next(
        (registry for registry in registries if host_matches(registry.host, DOCKER_HUB)),
        DEFAULT_DOCKER_HUB,
    )
    is_password = isinstance(current.credential, PasswordAuth)
    credential = replace((current if is_password else DEFAULT_DOCKER_HUB).credential, **names)
    hub = replace(current, host=DOCKER_HUB, credential=credential, **changed)
    if hub == replace(current, host=DOCKER_HUB):
        return registries
    return (hub, *(registry for registry in registries if registry.host != DOCKER_HUB))
