"""Which options of the main command do not go together, but for those of its policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

#: The path that stands for standard input.
STDIN = "-"


def refuse_combinations(ctx: click.Context, given: Mapping[str, Any]) -> None:
    """Raise UsageError for the first of ``given``'s options that do not go together."""
    names: tuple[str, ...] = given["paths"]
    reads_stdin = STDIN in names
    _refuse(ctx, given["dry_run"] and given["check"], "--dry-run and --check: choose one")
    _refuse(ctx, given["quiet"] and given["verbose"], "--quiet and --verbose: choose one")
    asks = given["interactive"] or given["answers"] is not None
    _refuse(
        ctx,
        given["interactive"] and given["answers"] is not None,
        "--interactive and --answers: choose one",
    )
    _refuse(ctx, asks and given["check"], "--check decides on nothing; use --dry-run")
    _refuse(
        ctx, asks and reads_stdin, "- takes the config from standard input; name its file instead"
    )
    _refuse(
        ctx,
        given["save_answers"] is not None and not given["interactive"],
        "--save-answers is for --interactive",
    )
    _refuse(ctx, reads_stdin and len(names) > 1, "- cannot be mixed with other paths")
    _refuse(
        ctx,
        given["stdin_filename"] is not None and not reads_stdin,
        "--stdin-filename is for -, and no - is given",
    )
    _refuse(
        ctx,
        given["verify"] and (given["check"] or given["write_baseline"] is not None),
        "--verify compiles changes, and none is made here; cci-migrate verify compiles configs",
    )
    for option in ("organisation", "send_secrets"):
        name = {"organisation": "--org", "send_secrets": "--send-secrets"}[option]
        is_used = given["verify"] or given["compiles"]
        _refuse(ctx, bool(given[option]) and not is_used, f"{name} is for --verify and --compile")
    writes_baseline = given["write_baseline"] is not None
    _refuse(
        ctx,
        writes_baseline and (asks or given["dry_run"] or reads_stdin or given["no_ignores"]),
        "--write-baseline only looks at files: not with --interactive, --answers, --dry-run, - or "
        "--no-ignores",
    )
    _refuse(
        ctx,
        writes_baseline and "revert" in given["policy"].given,
        "--write-baseline is about what is to be fixed, and --revert takes fixes back",
    )
    _refuse(
        ctx,
        given["no_ignores"] and given["interactive"],
        "--no-ignores is for audits; a session writes such comments",
    )


def _refuse(ctx: click.Context, is_wrong: bool, problem: str) -> None:
    if is_wrong:
        raise click.UsageError(problem, ctx)
