"""Callbacks of click that check values of options; each raises BadParameter."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import click

#: Eleven days.
MOST_SECONDS = 1_000_000

_Member = TypeVar("_Member", bound=Enum)


def member(kind: type[_Member]) -> Callable[[Any, Any, str | None], _Member | None]:
    """A callback that gives the member of ``kind`` for its value."""

    def convert(ctx: Any, param: Any, value: str | None) -> _Member | None:
        del ctx, param
        return None if value is None else kind(value)

    return convert


def seconds(ctx: click.Context, param: click.Parameter, value: float) -> float:
    """A time that clocks can wait for: not ``nan`` or ``inf``, which are numbers to click."""
    if not value <= MOST_SECONDS:
        raise click.BadParameter(f"{value:g} is not a number up to {MOST_SECONDS:,}", ctx, param)
    return value


def new_file(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """A file that can be written."""
    if value is not None:
        from cci_migrate.files.atomic_write import cannot_write

        problem = cannot_write(value)
        if problem is not None:
            raise click.BadParameter(f"{value}: {problem}", ctx, param)
    return value
