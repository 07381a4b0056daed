"""A policy as plain data, with the keys of a policy file, and as the text of one."""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

from cci_migrate.policy.setting_kinds import Tables, TextValue, settings_of
from cci_migrate.policy.settings import JobCredential, Policy, RegistryPolicy
from cci_migrate.project import schema_address

#: Keys that are always written, even with their default values.
_ALWAYS = ("platform", "credentials", "login")


def policy_data(policy: Policy) -> dict[str, Any]:
    """``policy`` as the data of a policy file, with every key."""
    accounts = {registry.host: account_data(registry) for registry in policy.registries}
    return {**_written(policy), "registries": accounts}


def account_data(account: RegistryPolicy | JobCredential) -> dict[str, Any]:
    """The table of ``account`` in a policy file."""
    data = _written(account)
    context = data.pop("context")
    data = {**data, **_written(account.credential), "context": context}
    if isinstance(account, RegistryPolicy) and account.jobs:
        data["jobs"] = [account_data(job) for job in account.jobs]
    return data


def _written(declaring: Struct) -> dict[str, Any]:
    """The values of ``declaring`` by their keys, without tables and values that are not set."""
    data = {}
    for setting in settings_of(type(declaring)):
        value, values = getattr(declaring, setting.field), setting.values
        is_written = value is not None or (
            isinstance(values, TextValue) and bool(values.false_means)
        )
        if setting.in_file and is_written and not isinstance(values, Tables):
            data[setting.key] = values.written(value)
    return data


def policy_text(policy: Policy) -> str:
    """A ``.cci-migrate.toml`` with ``policy``: the values that differ from the default, and those
    that a reader looks for. Editors take its schema from the first line
    (https://taplo.tamasfe.dev/configuration/directives.html), if it has an address.
    """
    default = policy_data(Policy())
    schema = schema_address("policy")
    lines = [
        *((f"#:schema {schema}",) if schema else ()),
        "# What cci-migrate writes if a config has no convention of its own.",
        "",
    ]
    data = policy_data(policy)
    registries = data.pop("registries")
    lines += _entries(
        {key: value for key, value in data.items() if key in _ALWAYS or value != default.get(key)}
    )
    for host, table in registries.items():
        jobs = table.pop("jobs", ())
        lines += ["", f"[registries.{_value(host)}]", *_entries(table)]
        for job in jobs:
            lines += ["", f"[[registries.{_value(host)}.jobs]]", *_entries(job)]
    return "\n".join(lines) + "\n"


def _entries(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: object) -> str:
    # JSON's texts, numbers, truth values and lists are TOML's too, but for this character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
