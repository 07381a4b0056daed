"""`--config` and `--no-config`: which policy file a command uses, if any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def policy_file_options(command: _F) -> _F:
    """Give ``command`` ``--config`` (``policy_file``) and ``--no-config``."""
    file = click.option(
        "--config",
        "policy_file",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Use this policy file instead of the nearest",
    )
    return file(click.option("--no-config", is_flag=True, help="Ignore policy files")(command))
