"""A CircleCI config policy that refuses what `cci-migrate` would fix under ``docker``.

It is Rego for Open Policy Agent, in the older syntax that CircleCI's pages use, without CircleCI's
helpers: https://circleci.com/docs/reference/config-policy-reference/. Its rules and their messages
are in ``config_policy.rego``; here the policy becomes the data that they read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from msgspec import Struct

from cci_migrate.assessing.credential_values import form_of, values_of, variables_of
from cci_migrate.assessing.impact import registry_name
from cci_migrate.docker.image_patterns import normalised_pattern
from cci_migrate.docker.registries import DOCKER_HUB, DOCKER_HUB_HOSTS
from cci_migrate.policy.settings import CredentialStore, Policy, RegistryPolicy, specificity

#: Of the files that are written, without their endings.
NAME = "registry_credentials"
#: The rules of the config policy, as CircleCI's decisions name them.
RULES = ("registry_credentials", "registry_contexts")
#: No registry has this name; only the ``*`` of a policy covers it.
_UNCOVERED = "registry.invalid"


class ConfigPolicy(Struct, frozen=True):
    """A config policy: its Rego, and the tests that `circleci policy test` runs."""

    rego: str
    tests: str


def config_policy(policy: Policy, *, is_hard: bool) -> ConfigPolicy:
    """The config policy for ``policy``. ``is_hard``: a violation stops the pipeline."""
    rules = (files("cci_migrate.enforcement") / "config_policy.rego").read_text(encoding="utf-8")
    # A hard failure is one of an enabled rule.
    enabling = ("enable_rule", "enable_hard") if is_hard else ("enable_rule",)
    exempt = map(normalised_pattern, policy.exempt_images)
    head = [
        "# Made by cci-migrate policy export; make it again when the policy changes.",
        "package org",
        "",
        'policy_name["cci_migrate_registry_credentials"]',
        "",
        *(f'{line}["{rule}"]' for rule in RULES for line in enabling),
        "",
        "# The most specific host comes first.",
        f"registries = {_data(_registries(policy))}",
        "",
        f"exempt_images = {_data([*map(_regex, exempt)])}",
        "",
        f"hub_hosts = {_data(sorted(DOCKER_HUB_HOSTS))}",
    ]
    return ConfigPolicy("\n".join([*head, "", rules]), _tests(policy, is_hard=is_hard))


def _registries(policy: Policy) -> list[dict[str, Any]]:
    return [
        {
            "host": _regex(registry.host),
            "name": registry_name(registry.host),
            "accounts": list(_accounts(registry, policy)),
        }
        for registry in sorted(policy.registries, key=specificity, reverse=True)
    ]


def _accounts(registry: RegistryPolicy, policy: Policy) -> Iterator[dict[str, Any]]:
    for credential, context in registry.accounts:
        names = variables_of(credential)
        is_in_project = policy.credentials is CredentialStore.PROJECT
        values = values_of(credential)
        yield {
            "form": form_of(credential).value,
            "values": {key: _spellings(value) for key, value in values.items()},
            "reads": " and ".join(f"${name}" for name in names) or ", ".join(values.values()),
            "context": "" if context is None or is_in_project else context,
        }


def _spellings(value: str) -> list[str]:
    return [value, f"${{{value[1:]}}}"] if value.startswith("$") else [value]


def _regex(glob: str) -> str:
    """A glob, in which ``*`` matches anything, as a regular expression of RE2."""
    return "^" + ".*".join(re.escape(part) for part in glob.split("*")) + "$"


def _data(value: object) -> str:
    return json.dumps(value, indent="\t", ensure_ascii=False)


def _tests(policy: Policy, *, is_hard: bool) -> str:
    """The tests as JSON, which is YAML: for each registry, without credentials and with them.

    Where they come from a context, it is once missing.
    """
    cases: dict[str, Any] = {}
    for registry in policy.registries:
        if "*" in registry.host:
            continue
        image = "acme/app:1" if registry.host == DOCKER_HUB else f"{registry.host}/acme/app:1"
        if policy.exempts(image):
            continue
        name = registry_name(registry.host)
        bare, form = {"image": image}, form_of(registry.credential).value
        authenticated = {**bare, form: values_of(registry.credential)}
        cases[f"{name} without credentials"] = {
            "input": _config(bare, None),
            "decision": _refusal(
                "registry_credentials",
                f"job build pulls {image} from {name} without credentials",
                is_hard=is_hard,
            ),
        }
        cases[f"{name} with credentials"] = {"input": _config(authenticated, registry.context)}
        own = next(_accounts(registry, policy))
        if own["context"]:
            cases[f"{name} without the context"] = {
                "input": _config(authenticated, None),
                "decision": _refusal(
                    "registry_contexts",
                    "job build of workflow main needs context {context} (provides {reads})".format(
                        **own
                    ),
                    is_hard=is_hard,
                ),
            }
    uncovered = {"image": f"{_UNCOVERED}/not-covered:1"}
    is_covered = policy.registry_for(_UNCOVERED) is not None
    test = {
        "input": _config(None if is_covered else uncovered, None),
        "decision": {"status": "PASS", "enabled_rules": sorted(RULES)},
        "cases": cases,
    }
    return _data({f"test_{NAME}": test}) + "\n"


def _config(item: dict[str, Any] | None, context: str | None) -> dict[str, Any]:
    entry: Any = "build" if context is None else {"build": {"context": [context]}}
    return {
        "version": 2,
        "jobs": {"build": {"docker": [] if item is None else [item], "steps": ["checkout"]}},
        "workflows": {"version": 2, "main": {"jobs": [entry]}},
    }


def _refusal(rule: str, reason: str, *, is_hard: bool) -> dict[str, Any]:
    kind = "hard" if is_hard else "soft"
    return {
        "status": f"{kind.upper()}_FAIL",
        "enabled_rules": sorted(RULES),
        f"{kind}_failures": [{"rule": rule, "reason": reason}],
    }
