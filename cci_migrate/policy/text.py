"""A policy as plain data, with the keys of a policy file, and as the text of one."""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

from cci_migrate.policy.model import JobCredential, Policy, RegistryPolicy
from cci_migrate.policy.settings import Tables, Text, settings_of

#: What a reader will want to see, even where it is the default.
_ALWAYS = ("platform", "credentials", "login")


def policy_data(policy: Policy) -> dict[str, Any]:
    """``policy`` as a policy file would say it, every key written out."""
    accounts = {one.host: account_data(one) for one in policy.registries}
    return {**_written(policy), "registries": accounts}


def account_data(account: RegistryPolicy | JobCredential) -> dict[str, Any]:
    """``account`` as its table in a policy file."""
    own = _written(account)
    context = own.pop("context")
    data = {**own, **_written(account.credential), "context": context}
    if isinstance(account, RegistryPolicy) and account.jobs:
        data["jobs"] = [account_data(job) for job in account.jobs]
    return data


def _written(declaring: Struct) -> dict[str, Any]:
    """The settings of ``declaring`` by their keys, but for tables and what is not set."""
    data = {}
    for setting in settings_of(type(declaring)):
        value, values = getattr(declaring, setting.field), setting.values
        is_written = value is not None or (isinstance(values, Text) and bool(values.or_false))
        if setting.in_file and is_written and not isinstance(values, Tables):
            data[setting.key] = values.written(value)
    return data


def policy_text(policy: Policy) -> str:
    """The text of a ``.cci-migrate.toml`` that says ``policy``: what differs from the default, and
    what a reader will want to see."""
    usual = policy_data(Policy())
    lines = [
        "# What cci-migrate writes where a config has no convention of its own.",
        "",
    ]
    data = policy_data(policy)
    registries = data.pop("registries")
    lines += _entries(
        {key: value for key, value in data.items() if key in _ALWAYS or value != usual.get(key)}
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
