"""The options that make the policy of a command, from the settings that have one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.cli.option_completion import rule_names
from cci_migrate.cli.option_values import EXISTING_FILE, option_group
from cci_migrate.cli.optional_values import OptionalValue
from cci_migrate.policy.file import suggestion
from cci_migrate.policy.overrides import OptionValues, option_settings
from cci_migrate.policy.setting_kinds import (
    EnumValue,
    Flag,
    Setting,
    Tables,
    TextList,
    TextValue,
    conflict_between,
)

_F = TypeVar("_F", bound=Callable[..., Any])


class PolicySource(Struct, frozen=True):
    """What a command's options say of its policy.

    ``file`` is used instead of the policy files that are found; without ``reads_files`` none is
    looked for.
    """

    options: OptionValues = {}
    file: Path | None = None
    reads_files: bool = True


def policy_options(*keys: str) -> Callable[[_F], _F]:
    """Gives a command the options of the settings ``keys``, ``--config`` and ``--no-config``.

    Its argument ``policy`` is the `PolicySource` that they make.
    """
    settings = [setting for setting in option_settings() if setting.key in keys]

    def source(policy_file: Path | None, no_config: bool, **values: Any) -> PolicySource:
        by_key = {setting.key: values[_parameter(setting)] for setting in settings}
        chosen = {key: value for key, value in by_key.items() if value}
        problem = conflict_between(option_settings(), chosen)
        if policy_file is not None and no_config:
            problem = "--config and --no-config: choose one"
        if problem is not None:
            raise click.UsageError(problem)
        return PolicySource(chosen, policy_file, not no_config)

    return option_group(
        "policy",
        source,
        *map(_option, settings),
        click.option(
            "--config",
            "policy_file",
            **EXISTING_FILE,
            help="Use this policy file instead of the nearest",
        ),
        click.option("--no-config", is_flag=True, help="Ignore policy files"),
    )


def every_policy_option(command: _F) -> _F:
    """Give ``command`` the options of all settings that have one, as `policy_options` does."""
    return policy_options(*(setting.key for setting in option_settings()))(command)


def _parameter(setting: Setting) -> str:
    """What click calls the value of a setting's option."""
    return f"setting_{setting.field}"


def _option(setting: Setting) -> Callable[[_F], _F]:
    return click.option(f"--{setting.key}", _parameter(setting), **dict(_attributes(setting)))


def _attributes(setting: Setting) -> Iterator[tuple[str, Any]]:
    """The arguments of ``click.option`` for the option of ``setting``."""
    values = setting.values
    default = ""
    match values:
        case Flag():
            yield "is_flag", True
        case EnumValue():
            yield "type", click.Choice(values.values)
            yield "callback", _callback(setting)
            if setting.implied_value:
                yield "cls", OptionalValue
                yield "implied_value", setting.implied_value
                others = [value for value in values.values if value != setting.implied_value]
                yield "metavar", f"[{'|'.join(others)}]"
            elif setting.default is not None:
                default = f" (default: {values.written(setting.default)})"
        case TextValue():
            yield "metavar", values.metavar
            hint = _IN_SHELL if values.takes_variables else ""
            yield "callback", _callback(setting, hint)
        case TextList():
            yield "multiple", True
            yield "metavar", "RULES" if values.are_rules else "TEXTS"
            yield "callback", _rules if values.are_rules else _separate
            yield "shell_complete", rule_names if values.are_rules else None
        case Tables():
            raise TypeError(f"{setting.key}: tables have no option")
        case _:
            assert_never(values)
    yield "help", f"{setting.option}{default}"


#: What ``"$NAME"`` may have become before it got here.
_IN_SHELL = "; put '$NAME' in single quotes, or leave out the $"


def _callback(setting: Setting, hint: str = "") -> Callable[..., Any]:
    """A callback of click that gives what the text of an option means."""

    def convert(_ctx: Any, _param: Any, value: str | None) -> Any:
        if value is None:
            return None
        try:
            return setting.read_text(value)
        except ValueError as error:
            raise click.BadParameter(f"{error}{hint}") from None

    return convert


def _separate(_ctx: Any, _param: Any, values: tuple[str, ...]) -> tuple[str, ...]:
    """The texts in ``values``, lists with commas."""
    return tuple(text.strip() for value in values for text in value.split(","))


def _rules(_ctx: Any, _param: Any, values: tuple[str, ...]) -> frozenset[str]:
    """The rules that ``values``, lists with commas, name."""
    names = _separate(_ctx, _param, values)
    if not names:
        return frozenset()
    from cci_migrate.rules.catalogue import RULES

    known = frozenset(rule.id for rule in RULES)
    for name in names:
        if name not in known:
            raise click.BadParameter(f"no rule {name!r}{suggestion(name, known)}")
    return frozenset(names)
