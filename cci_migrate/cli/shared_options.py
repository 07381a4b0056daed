"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cci_migrate.cli.option_values import member
from cci_migrate.cli.options import Colour, Format

_F = TypeVar("_F", bound=Callable[..., Any])


def format_option(*formats: Format) -> Callable[[_F], _F]:
    """Gives a command ``--format`` (``report_format``), one of ``formats``."""
    return click.option(
        "--format",
        "report_format",
        type=click.Choice([format_.value for format_ in formats]),
        default=Format.TEXT.value,
        callback=member(Format),
        help="Format of the report (default: text)",
    )


def colour_option(command: _F) -> _F:
    """Give ``command`` ``--color`` (``colour``)."""
    return click.option(
        "--color",
        "colour",
        type=click.Choice([choice.value for choice in Colour]),
        default=Colour.AUTO.value,
        callback=member(Colour),
        help="When to use colour (default: auto)",
    )(command)
