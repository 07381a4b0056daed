"""``cci-migrate completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cci_migrate.cli.terminal import Terminal

_PROGRAM = "cci-migrate"
_VARIABLE = "_CCI_MIGRATE_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")


@click.command(name="completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.help_option("-h", "--help")
def completion(shell: str) -> None:
    """Print the script that completes commands in SHELL.

    For bash: cci-migrate completion bash > ~/.local/share/bash-completion/completions/cci-migrate
    """
    from cci_migrate.cli.main_command import main_command

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows the three
    script = kind(main_command, {}, _PROGRAM, _VARIABLE).source()
    Terminal().out(script.rstrip("\n") + "\n")
