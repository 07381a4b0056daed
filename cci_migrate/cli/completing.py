"""``cci-migrate completion``, and what the shell is told of words that are being typed."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

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
    from cci_migrate.cli.commands import main_command

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows the three
    script = kind(main_command, {}, _PROGRAM, _VARIABLE).source()
    Terminal().out(script.rstrip("\n") + "\n")


def rule_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The rules that ``incomplete``, a list of some with commas, can go on with."""
    del ctx, param
    from cci_migrate.rules.catalogue import RULES

    before, comma, last = incomplete.rpartition(",")
    return [
        CompletionItem(f"{before}{comma}{rule.id}", help=rule.summary)
        for rule in RULES
        if rule.id.startswith(last)
    ]


def paths_or_subcommands(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Paths; in the place of the first, subcommands too."""
    found = [CompletionItem(incomplete, type="file")]
    command = ctx.command
    if isinstance(command, click.Group) and not ctx.params.get(param.name or ""):
        names = (name for name in command.list_commands(ctx) if name.startswith(incomplete))
        found += map(CompletionItem, names)
    return found
