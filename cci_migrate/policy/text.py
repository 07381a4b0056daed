"""A policy as plain data, with the keys of a policy file, and as the text of one."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.policy.model import (
    AwsKeyAuth,
    AwsRoleAuth,
    GcpAuth,
    JobCredential,
    PasswordAuth,
    Policy,
    RegistryCredential,
)


def policy_data(policy: Policy) -> dict[str, Any]:
    """``policy`` as a policy file would say it, every key written out."""
    data: dict[str, Any] = {"platform": policy.platform.value}
    if policy.credentials is not None:
        data["credentials"] = policy.credentials.value
    data["login"] = policy.login.value
    data["docker-orb"] = policy.docker_orb
    data["fix-orbs"] = policy.fix_orbs
    data["add-workflow"] = policy.add_workflow
    if policy.mirror is not None:
        data["mirror"] = str(policy.mirror)
    data["upgrade-version"] = policy.upgrade_version
    if policy.select is not None:
        data["select"] = sorted(policy.select)
    data["ignore"] = sorted(policy.ignore)
    data["exempt-images"] = list(policy.exempt_images)
    data["exclude"] = list(policy.exclude)
    data["registries"] = {
        one.host: _account_data(one.credential, one.context)
        | ({"jobs": [_job_data(job) for job in one.jobs]} if one.jobs else {})
        for one in policy.registries
    }
    return data


def _account_data(credential: RegistryCredential, context: str | None) -> dict[str, Any]:
    return {**_credential_data(credential), "context": False if context is None else context}


def _job_data(job: JobCredential) -> dict[str, Any]:
    return {"match": list(job.match), **_account_data(job.credential, job.context)}


def _credential_data(credential: RegistryCredential) -> dict[str, str]:
    match credential:
        case PasswordAuth(username, password):
            return {"username": username, "password": password}
        case AwsKeyAuth(key_id, secret):
            return {"aws-access-key-id": key_id, "aws-secret-access-key": secret}
        case AwsRoleAuth(role):
            return {"oidc-role-arn": role}
        case GcpAuth(account, pool, provider):
            return {
                "oidc-service-account": account,
                "workload-identity-pool": pool,
                "workload-identity-provider": provider,
            }
        case _:
            assert_never(credential)


def policy_text(policy: Policy) -> str:
    """The text of a ``.cci-migrate.toml`` that says ``policy``: what differs from the default, and
    what a reader will want to see."""
    data = policy_data(policy)
    usual = policy_data(replace(Policy(), registries=()))
    always = ("platform", "credentials", "login")
    lines = [
        "# What cci-migrate writes where a config has no convention of its own.",
        "",
    ]
    lines += [
        f"{key} = {_value(value)}"
        for key, value in data.items()
        if key != "registries" and (key in always or value != usual.get(key))
    ]
    for host, table in data["registries"].items():
        lines += ["", f"[registries.{_value(host)}]"]
        lines += [f"{key} = {_value(value)}" for key, value in table.items() if key != "jobs"]
        for job in table.get("jobs", ()):
            lines += ["", f"[[registries.{_value(host)}.jobs]]"]
            lines += [f"{key} = {_value(value)}" for key, value in job.items()]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    # JSON's texts, numbers, truth values and lists are TOML's too, but for this character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
