"""``cci-migrate completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

import cci_migrate.cli.powershell_completion  # noqa: F401 - registers its shell
from cci_migrate.cli.main_command import COMPLETION_VARIABLE, main_command
from cci_migrate.cli.terminal import Terminal

_PROGRAM = "cci-migrate"
_SHELLS = ("bash", "zsh", "fish", "powershell")


@click.command(name="completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    For bash: cci-migrate completion bash > ~/.local/share/bash-completion/completions/cci-migrate

    For PowerShell, in $PROFILE: cci-migrate completion powershell | out-string | iex
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - all of them are registered
    script = kind(main_command, {}, _PROGRAM, COMPLETION_VARIABLE).source()
    Terminal().out(script.rstrip("\n") + "\n")
