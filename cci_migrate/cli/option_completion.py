"""Shell completion of values and paths. What it takes is imported when a shell asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def rule_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The rules that ``incomplete``, a list of some with commas, can go on with."""
    del ctx, param
    from click.shell_completion import CompletionItem

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
    from click.shell_completion import CompletionItem

    items = [CompletionItem(incomplete, type="file")]
    command = ctx.command
    if isinstance(command, click.Group) and not ctx.params.get(param.name or ""):
        names = (name for name in command.list_commands(ctx) if name.startswith(incomplete))
        items += map(CompletionItem, names)
    return items
