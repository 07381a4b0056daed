"""``cci-migrate rules`` and ``cci-migrate rule NAME``."""

from __future__ import annotations

import click

from cci_migrate.cli.option_completion import rule_names
from cci_migrate.cli.terminal import Terminal
from cci_migrate.policy.file import suggestion
from cci_migrate.rules.catalogue import RULES
from cci_migrate.rules.page import rule_page
from cci_migrate.rules.rule import Rule


@click.command(name="rules")
def rules() -> None:
    """List the rules: the id of each, and what it finds."""
    _list(Terminal())


def _list(terminal: Terminal) -> None:
    width = max(len(rule.id) for rule in RULES)
    terminal.out("".join(f"{rule.id:<{width}}  {rule.summary}\n" for rule in RULES))


@click.command(name="rule")
@click.argument("name", metavar="[NAME]", required=False, shell_complete=rule_names)
def rule(name: str | None) -> None:
    """Show the page of the rule NAME: what it finds, why it matters, its fix, examples.

    Without NAME, list the rules.

    Prints plain Markdown if the output is not a terminal.
    """
    if name is None:
        _list(Terminal())
        return
    by_id = {rule.id: rule for rule in RULES}
    named = by_id.get(name.lower())
    if named is None:
        raise click.UsageError(f"no rule {name!r}{suggestion(name.lower(), list(by_id))}")
    _show(named, Terminal())


def _show(rule: Rule, terminal: Terminal) -> None:
    page = rule_page(rule)
    if not terminal.out_in_colour:
        terminal.out(page)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(terminal.width, 100), force_terminal=True)
    with console.capture() as capture:
        console.print(Markdown(page, code_theme="ansi_dark", hyperlinks=False))
    terminal.out(capture.get())
