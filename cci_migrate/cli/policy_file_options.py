"""`--config` and `--no-config`: which policy file a command uses, if any."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def policy_file_options(command: _F) -> _F:
    """Give ``command`` the options that its ``policy_file`` and ``reads_policy_files`` hold."""

    @wraps(command)
    def run(*args: Any, policy_file: Path | None, no_config: bool, **kwargs: Any) -> Any:
        if policy_file is not None and no_config:
            raise click.UsageError("--config and --no-config: choose one")
        reads_files = not no_config
        return command(*args, policy_file=policy_file, reads_policy_files=reads_files, **kwargs)

    options = (
        click.option(
            "--config",
            "policy_file",
            metavar="FILE",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Use this policy file instead of the nearest",
        ),
        click.option("--no-config", is_flag=True, help="Ignore policy files"),
    )
    for option in reversed(options):
        run = option(run)
    return run  # type: ignore[return-value]
