"""``cci-migrate rules``."""

from __future__ import annotations

import click

from cci_migrate.cli.terminal import Terminal
from cci_migrate.rules.catalogue import RULES


@click.command(name="rules")
@click.help_option("-h", "--help")
def rules() -> None:
    """List the rules: the id of each, and what it finds."""
    width = max(len(rule.id) for rule in RULES)
    Terminal().out("".join(f"{rule.id:<{width}}  {rule.summary}\n" for rule in RULES))
