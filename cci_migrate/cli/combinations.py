"""Which options of the main command do not go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cci_migrate.policy.model import CredentialStore

#: The path that stands for standard input.
STDIN = "-"


def refuse_combinations(ctx: click.Context, given: Mapping[str, Any]) -> None:
    """Raise UsageError for the first of ``given``'s options that do not go together."""
    names: tuple[str, ...] = given["paths"]
    reads_stdin = STDIN in names
    _refuse(ctx, given["dry_run"] and given["check"], "--dry-run and --check: choose one")
    _refuse(ctx, given["quiet"] and given["verbose"], "--quiet and --verbose: choose one")
    _refuse(
        ctx,
        given["policy_file"] is not None and given["no_config"],
        "--config and --no-config: choose one",
    )
    _refuse(
        ctx,
        given["context"] is not None and given["credentials"] is CredentialStore.PROJECT,
        "--context names a context, and --credentials project says that there is none",
    )
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
        given["revert"] is not None and given["add_workflow"],
        "--revert takes out what --add-workflow puts in: choose one",
    )
    for option in ("mirror", "upgrade_version"):
        name = option.replace("_", "-")
        _refuse(
            ctx,
            given["revert"] is not None and bool(given[option]),
            f"--revert does not take back what --{name} does: choose one",
        )
    writes_baseline = given["write_baseline"] is not None
    _refuse(
        ctx,
        writes_baseline and (asks or given["dry_run"] or reads_stdin or given["no_ignores"]),
        "--write-baseline only looks at files: not with --interactive, --answers, --dry-run, - or "
        "--no-ignores",
    )
    _refuse(
        ctx,
        writes_baseline and given["revert"] is not None,
        "--write-baseline is about what is to be fixed, and --revert takes fixes back",
    )
    _refuse(
        ctx,
        given["no_ignores"] and given["interactive"],
        "--no-ignores is for audits; a session writes such comments",
    )
    both = ", ".join(sorted(given["select"] & given["ignore"]))
    _refuse(ctx, bool(both), f"--select and --ignore both name {both}")


def _refuse(ctx: click.Context, is_wrong: bool, problem: str) -> None:
    if is_wrong:
        raise click.UsageError(problem, ctx)
