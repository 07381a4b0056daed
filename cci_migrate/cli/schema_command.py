"""``cci-migrate schema``."""

from __future__ import annotations

from importlib.resources import files

import click

from cci_migrate.cli.terminal import Terminal

#: What has a schema, each in a file of `cci_migrate/schemas`.
SCHEMA_NAMES = ("policy", "report", "baseline")


@click.command(name="schema")
@click.argument("name", type=click.Choice(SCHEMA_NAMES))
def schema(name: str) -> None:
    """Print the JSON Schema of a policy file, a JSON report or a baseline.

    For completion in an editor: cci-migrate schema policy > policy.schema.json, and as the first
    line of .cci-migrate.toml: #:schema ./policy.schema.json
    """
    file = files("cci_migrate") / "schemas" / f"{name}.schema.json"
    Terminal().out(file.read_text(encoding="utf-8"))
