"""Combinations of the main command's options that are refused, except those of its policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cci_migrate.cli.options import Format

#: The path that means standard input.
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
        f"--statistics requires --format {Format.TEXT.value} or {Format.CONCISE.value}",
    )
    asks = options["interactive"] or options["answers"] is not None
    _refuse(
        ctx,
        options["interactive"] and options["answers"] is not None,
        "--interactive and --answers: choose one",
    )
    _refuse(
        ctx,
        asks and options["check"],
        "--interactive and --answers can't be combined with --check; use --dry-run",
    )
    _refuse(
        ctx,
        asks and reads_stdin,
        "- can't be combined with --interactive and --answers; name the file",
    )
    _refuse(
        ctx,
        options["save_answers"] is not None and not options["interactive"],
        "--save-answers requires --interactive",
    )
    _refuse(ctx, reads_stdin and len(names) > 1, "- can't be combined with other paths")
    _refuse(
        ctx,
        options["stdin_filename"] is not None and not reads_stdin,
        "--stdin-filename requires the path -",
    )
    _refuse(
        ctx,
        options["verify"] and (options["check"] or options["write_baseline"] is not None),
        "--verify can't be combined with --check or --write-baseline, which change nothing; "
        "use cci-migrate verify",
    )
    for option in ("organisation", "send_secrets"):
        name = {"organisation": "--org", "send_secrets": "--send-secrets"}[option]
        is_used = options["verify"] or options["compiles"]
        _refuse(
            ctx, bool(options[option]) and not is_used, f"{name} requires --verify or --compile"
        )
    writes_baseline = options["write_baseline"] is not None
    _refuse(
        ctx,
        writes_baseline and (asks or options["dry_run"] or reads_stdin or options["no_ignores"]),
        "--write-baseline can't be combined with --interactive, --answers, --dry-run, - or "
        "--no-ignores",
    )
    _refuse(
        ctx,
        writes_baseline and "revert" in options["policy"].options,
        "--write-baseline can't be combined with --revert",
    )
    _refuse(
        ctx,
        options["no_ignores"] and options["interactive"],
        "--no-ignores can't be combined with --interactive, which writes ignore comments",
    )


def _refuse(ctx: click.Context, is_wrong: bool, problem: str) -> None:
    if is_wrong:
        raise click.UsageError(problem, ctx)
