"""The JSON Schema of a policy file, from the settings: ``make docs`` writes it."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_args

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.docker.registries import DOCKER_HUB, DOCKER_HUB_HOSTS
from cci_migrate.policy.file import file_settings
from cci_migrate.policy.setting_kinds import (
    EnumValue,
    Flag,
    Setting,
    Tables,
    TextList,
    TextValue,
    settings_of,
)
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    HOST_PATTERN,
    CredentialStore,
    JobCredential,
    PasswordAuth,
    RegistryCredential,
    RegistryPolicy,
)
from cci_migrate.policy.text import account_data

_HUB_ALIASES = "|".join(re.escape(host) for host in sorted(DOCKER_HUB_HOSTS - {DOCKER_HUB}))
#: The schemas of tables, by the setting's key.
_TABLES: dict[str, dict[str, Any]] = {
    "registries": {
        "type": "object",
        "propertyNames": {"pattern": f"^({HOST_PATTERN})$"},
        "properties": {DOCKER_HUB: {"$ref": "#/$defs/dockerHub"}},
        "patternProperties": {f"^({_HUB_ALIASES})$": {"$ref": "#/$defs/dockerHub"}},
        "additionalProperties": {"$ref": "#/$defs/registry"},
    },
    "jobs": {"type": "array", "items": {"$ref": "#/$defs/job"}},
}


def policy_schema() -> dict[str, Any]:
    """The schema of a policy file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The policy of cci-migrate",
        "description": "What stands in .cci-migrate.toml, or under [tool.cci-migrate] in "
        "pyproject.toml.",
        "type": "object",
        "additionalProperties": False,
        "properties": {setting.key: property_schema(setting) for setting in file_settings()},
        "allOf": [_contexts_only_without_project()],
        "$defs": {
            "dockerHub": {
                "type": "object",
                "additionalProperties": False,
                "properties": _docker_hub(),
            },
            "registry": _account(RegistryPolicy),
            "job": _account(JobCredential),
        },
    }


def _contexts_only_without_project() -> dict[str, Any]:
    no_context = {"properties": {"context": {"const": False}}}
    jobs = {"type": "array", "items": no_context}
    account = {"allOf": [no_context, {"properties": {"jobs": jobs}}]}
    store = {"const": CredentialStore.PROJECT.value}
    return {
        "if": {"properties": {"credentials": store}, "required": ["credentials"]},
        "then": {"properties": {"registries": {"additionalProperties": account}}},
    }


def credential_forms() -> dict[str, tuple[Setting, ...]]:
    """The kinds of credentials: what each is, and its settings."""
    return {_summary(form): settings_of(form) for form in get_args(RegistryCredential)}


def _summary(kind: type[Struct]) -> str:
    line = (inspect.getdoc(kind) or "").splitlines()[0]
    return line.removesuffix(".").replace("``", "")


def _account(kind: type[Struct]) -> dict[str, Any]:
    own = settings_of(kind)
    return {
        "type": "object",
        "required": [setting.key for setting in own if setting.is_required],
        "unevaluatedProperties": False,
        "properties": {setting.key: property_schema(setting) for setting in own},
        "oneOf": [
            {
                "title": title,
                "required": [setting.key for setting in settings],
                "properties": {setting.key: property_schema(setting) for setting in settings},
            }
            for title, settings in credential_forms().items()
        ],
    }


def _docker_hub() -> dict[str, Any]:
    defaults = account_data(DEFAULT_DOCKER_HUB)
    return {
        setting.key: property_schema(setting)
        | ({"default": defaults[setting.key]} if setting.key in defaults else {})
        for setting in (*settings_of(PasswordAuth), *settings_of(RegistryPolicy))
    }


def property_schema(setting: Setting) -> dict[str, Any]:
    """What the schema says of one setting."""
    schema = {"description": setting.description, **_values(setting)}
    if setting.default is not None and not isinstance(setting.values, Tables):
        schema["default"] = setting.values.written(setting.default)
    return schema


def _values(setting: Setting) -> dict[str, Any]:
    values = setting.values
    match values:
        case EnumValue():
            return {"enum": list(values.values)}
        case Flag():
            return {"type": "boolean"}
        case TextValue():
            text: dict[str, Any] = {"type": "string", "pattern": values.pattern}
            if values.max_length is not None:
                text["maxLength"] = values.max_length
            return {"oneOf": [text, {"const": False}]} if values.false_means else text
        case TextList():
            text = {"type": "string", "pattern": r"\S"}
            texts = {"type": "array", "items": text}
            return {"oneOf": [text, texts | {"minItems": 1}]} if values.takes_single else texts
        case Tables():
            return _TABLES[setting.key]
        case _:
            assert_never(values)
