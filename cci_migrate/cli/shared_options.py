"""Options and arguments that several commands have, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cci_migrate.bounds.limits import DEFAULT_WORK_LIMITS, WorkLimits
from cci_migrate.cli.option_values import choice_of, option_group, seconds
from cci_migrate.cli.options import Colour, Format

_F = TypeVar("_F", bound=Callable[..., Any])


#: Gives a command ``[PATH]...`` (``paths``), files and folders that are there.
paths_argument = click.argument(
    "paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, path_type=Path)
)

#: Gives a command ``--color`` (``colour``).
colour_option = click.option(
    "--color",
    "colour",
    **choice_of(Colour),
    default=Colour.AUTO.value,
    help="When to use colour (default: auto)",
)


def format_option(*formats: Format) -> Callable[[_F], _F]:
    """Gives a command ``--format`` (``report_format``), one of ``formats``."""
    return click.option(
        "--format",
        "report_format",
        **choice_of(formats),
        default=Format.TEXT.value,
        help="Format of the report (default: text)",
    )


def dry_run_option(text: str) -> Callable[[_F], _F]:
    """Gives a command ``--dry-run``; ``text`` is its help."""
    return click.option("-n", "--dry-run", is_flag=True, help=text)


def campaign_option(
    name: str, text: str = "The campaign's folder", *, is_required: bool = False
) -> Callable[[_F], _F]:
    """Gives a command ``--campaign`` (``name``); ``text`` is its help."""
    return click.option(
        "--campaign",
        name,
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        required=is_required,
        help=text,
    )


#: Gives a command the options that its argument ``limits`` holds.
limit_options = option_group(
    "limits",
    lambda timeout, memory_limit: WorkLimits(timeout, memory_limit),
    click.option(
        "--timeout",
        type=click.FloatRange(0, min_open=True),
        callback=seconds,
        default=DEFAULT_WORK_LIMITS.seconds,
        metavar="SECONDS",
        help=f"Processor time for one config (default: {DEFAULT_WORK_LIMITS.seconds:g})",
    ),
    click.option(
        "--memory-limit",
        type=click.IntRange(1),
        default=DEFAULT_WORK_LIMITS.megabytes,
        metavar="MB",
        help=f"Memory for one config (default: {DEFAULT_WORK_LIMITS.megabytes})",
    ),
)
