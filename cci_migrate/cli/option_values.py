"""What click makes of the values of options; a value that is wrong raises BadParameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click
from click.core import ParameterSource

_F = TypeVar("_F", bound=Callable[..., Any])
#: Eleven days.
MOST_SECONDS = 1_000_000


def choice_of(members: Iterable[Enum]) -> dict[str, Any]:
    """The arguments of ``click.option`` for one of ``members``, or several, by their values."""
    by_value = {member.value: member for member in members}

    def convert(_ctx: Any, _param: Any, value: str | tuple[str, ...] | None) -> Any:
        if isinstance(value, tuple):
            return tuple(by_value[each] for each in value)
        return None if value is None else by_value[value]

    return {"type": click.Choice(list(by_value)), "callback": convert}


def seconds(_ctx: Any, _param: Any, value: float) -> float:
    """A time that clocks can wait for: not ``nan`` or ``inf``, which are numbers to click."""
    if not value <= MOST_SECONDS:
        raise click.BadParameter(f"{value:g} is not a number up to {MOST_SECONDS:,}")
    return value


def _new_file(_ctx: Any, _param: Any, value: Path | None) -> Path | None:
    if value is not None:
        from cci_migrate.files.output_files import cannot_write

        problem = cannot_write(value)
        if problem is not None:
            raise click.BadParameter(f"{value}: {problem}")
    return value


def _text_of_file(_ctx: Any, _param: Any, file: TextIO | None) -> str | None:
    if file is None:
        return None
    try:
        with file:
            return file.read()
    except UnicodeDecodeError:
        raise click.BadParameter(f"{file.name} is not UTF-8 text") from None
    except OSError as error:
        raise click.BadParameter(f"{file.name}: {error.strerror}") from None


#: The arguments of ``click.option`` for a file that is there.
EXISTING_FILE: dict[str, Any] = {
    "type": click.Path(exists=True, dir_okay=False, path_type=Path),
    "metavar": "FILE",
}
#: The same for a file that can be written.
NEW_FILE: dict[str, Any] = {
    "type": click.Path(path_type=Path),
    "callback": _new_file,
    "metavar": "FILE",
}
#: The same for a file whose text is the value, None without one.
TEXT_FILE: dict[str, Any] = {
    "type": click.File("r", encoding="utf-8"),
    "callback": _text_of_file,
    "metavar": "FILE",
}


def is_on_command_line(*names: str) -> bool:
    """Whether one of the options ``names`` is given, and not only in the environment."""
    ctx = click.get_current_context()
    return any(ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in names)


def option_group(
    name: str, value_of: Callable[..., Any], *options: Callable[..., Any]
) -> Callable[[_F], _F]:
    """Gives a command ``options``; its argument ``name`` is what ``value_of`` makes of them."""

    def decorate(command: _F) -> _F:
        @wraps(command)
        def run(*args: Any, **kwargs: Any) -> Any:
            values = {parameter.name: kwargs.pop(parameter.name) for parameter in parameters}
            return command(*args, **{name: value_of(**values)}, **kwargs)

        decorated: Any = run
        others = len(getattr(command, "__click_params__", ()))
        for option in reversed(options):
            decorated = option(decorated)
        parameters = decorated.__click_params__[others:]
        return decorated  # type: ignore[no-any-return]

    return decorate
