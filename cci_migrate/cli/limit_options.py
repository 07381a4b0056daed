"""The options that limit the work on a config."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from cci_migrate.bounds.limits import DEFAULT_WORK_LIMITS, WorkLimits
from cci_migrate.cli.option_values import seconds

_F = TypeVar("_F", bound=Callable[..., Any])


def limit_options(command: _F) -> _F:
    """Give ``command`` the options that its argument ``limits`` holds."""

    @wraps(command)
    def run(*args: Any, timeout: float, memory_limit: int, **kwargs: Any) -> Any:
        return command(*args, limits=WorkLimits(timeout, memory_limit), **kwargs)

    for option in (
        click.option(
            "--memory-limit",
            type=click.IntRange(1),
            default=DEFAULT_WORK_LIMITS.megabytes,
            metavar="MB",
            help=f"Memory for one config (default: {DEFAULT_WORK_LIMITS.megabytes})",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(0, min_open=True),
            callback=seconds,
            default=DEFAULT_WORK_LIMITS.seconds,
            metavar="SECONDS",
            help=f"Processor time for one config (default: {DEFAULT_WORK_LIMITS.seconds:g})",
        ),
    ):
        run = option(run)
    return run  # type: ignore[return-value]
