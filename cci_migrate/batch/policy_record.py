"""A policy as plain data, so that a campaign is applied with the policy it was planned with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cci_migrate.docker.mirrors import parse_mirror
from cci_migrate.policy import (
    AwsKeyAuth,
    AwsRoleAuth,
    CredentialStore,
    GcpAuth,
    LoginMethod,
    PasswordAuth,
    Platform,
    Policy,
    RegistryCredential,
    RegistryPolicy,
)

_CREDENTIALS: dict[str, type[RegistryCredential]] = {
    "password": PasswordAuth,
    "aws-key": AwsKeyAuth,
    "aws-role": AwsRoleAuth,
    "gcp": GcpAuth,
}
_NAMES = {kind: name for name, kind in _CREDENTIALS.items()}


def policy_to_json(policy: Policy) -> dict[str, Any]:
    """``policy`` as JSON can hold it."""
    return {
        "platform": policy.platform.value,
        "credentials": None if policy.credentials is None else policy.credentials.value,
        "registries": [
            {
                "host": registry.host,
                "context": registry.context,
                "type": _NAMES[type(registry.credential)],
                "credential": asdict(registry.credential),
            }
            for registry in policy.registries
        ],
        "exempt_images": list(policy.exempt_images),
        "select": None if policy.select is None else sorted(policy.select),
        "ignore": sorted(policy.ignore),
        "login": policy.login.value,
        "docker_orb": policy.docker_orb,
        "fix_orbs": policy.fix_orbs,
        "add_workflow": policy.add_workflow,
        "mirror": None if policy.mirror is None else str(policy.mirror),
        "upgrade_version": policy.upgrade_version,
    }


def policy_from_json(data: dict[str, Any]) -> Policy:
    """The inverse of `policy_to_json`."""
    credentials, select = data["credentials"], data["select"]
    mirror = data.get("mirror")
    return Policy(
        platform=Platform(data["platform"]),
        credentials=None if credentials is None else CredentialStore(credentials),
        registries=tuple(
            RegistryPolicy(
                registry["host"],
                _CREDENTIALS[registry["type"]](**registry["credential"]),
                registry["context"],
            )
            for registry in data["registries"]
        ),
        exempt_images=tuple(data["exempt_images"]),
        select=None if select is None else frozenset(select),
        ignore=frozenset(data["ignore"]),
        login=LoginMethod(data["login"]),
        docker_orb=data["docker_orb"],
        fix_orbs=data["fix_orbs"],
        add_workflow=data["add_workflow"],
        mirror=None if mirror is None else parse_mirror(mirror),
        upgrade_version=data.get("upgrade_version", False),
    )
