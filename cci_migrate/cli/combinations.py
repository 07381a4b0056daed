"""Combinations of the main command's options that are refused, except those of its policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cci_migrate.cli.options import Format

#: The path that stands for standard input.
STDIN = "-"


def refuse_combinations(ctx: click.Context, options: Mapping[str, Any]) -> None:
    """Raise UsageError for the first of ``options`` that cannot be combined."""
    names: tuple[str, ...] = options["paths"]
    reads_stdin = STDIN in names
    _refuse(ctx, options["dry_run"] and options["check"], "--dry-run and --check: choose one")
    _refuse(ctx, options["quiet"] and options["verbose"], "--quiet and --verbose: choose one")
    is_for_people = options["report_format"] in (Format.TEXT, Format.CONCISE)
    _refuse(
        ctx,
        options["statistics"] and not is_for_people,
        f"--statistics is for --format {Format.TEXT.value} and {Format.CONCISE.value}",
    )
    asks = options["interactive"] or options["answers"] is not None
    _refuse(
        ctx,
        options["interactive"] and options["answers"] is not None,
        "--interactive and --answers: choose one",
    )
    _refuse(ctx, asks and options["check"], "--check decides on nothing; use --dry-run")
    _refuse(
        ctx, asks and reads_stdin, "- takes the config from standard input; name its file instead"
    )
    _refuse(
        ctx,
        options["save_answers"] is not None and not options["interactive"],
        "--save-answers is for --interactive",
    )
    _refuse(ctx, reads_stdin and len(names) > 1, "- cannot be mixed with other paths")
    _refuse(
        ctx,
        options["stdin_filename"] is not None and not reads_stdin,
        "--stdin-filename is for -, and no - is given",
    )
    _refuse(
        ctx,
        options["verify"] and (options["check"] or options["write_baseline"] is not None),
        "--verify compiles changes, and none is made here; cci-migrate verify compiles configs",
    )
    for option in ("organisation", "send_secrets"):
        name = {"organisation": "--org", "send_secrets": "--send-secrets"}[option]
        is_used = options["verify"] or options["compiles"]
        _refuse(ctx, bool(options[option]) and not is_used, f"{name} is for --verify and --compile")
    writes_baseline = options["write_baseline"] is not None
    _refuse(
        ctx,
        writes_baseline and (asks or options["dry_run"] or reads_stdin or options["no_ignores"]),
        "--write-baseline only looks at files: not with --interactive, --answers, --dry-run, - or "
        "--no-ignores",
    )
    _refuse(
        ctx,
        writes_baseline and "revert" in options["policy"].given,
        "--write-baseline is about what is to be fixed, and --revert takes fixes back",
    )
    _refuse(
        ctx,
        options["no_ignores"] and options["interactive"],
        "--no-ignores is for audits; a session writes such comments",
    )


def _refuse(ctx: click.Context, is_wrong: bool, problem: str) -> None:
    if is_wrong:
        raise click.UsageError(problem, ctx)
