"""Combinations of the main command's options that are refused, except those of its policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from cci_migrate.cli.options import Format

#: The path that means standard input.
STDIN = "-"


def refuse_combinations(options: Mapping[str, Any]) -> None:
    """Raise UsageError for the first of ``options`` that cannot be combined."""
    for is_wrong, problem in _combinations(options):
        if is_wrong:
            raise click.UsageError(problem)


def _combinations(options: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Whether the options are combined in a way that is refused, and what to say of that."""
    paths: tuple[str, ...] = options["paths"]
    reads_stdin = STDIN in paths
    is_for_people = options["report_format"] in (Format.TEXT, Format.CONCISE)
    replays = options["answers"] is not None
    asks = options["interactive"] or replays
    writes_baseline = options["write_baseline"] is not None
    compiler = options["compiler"]
    yield options["dry_run"] and options["check"], "--dry-run and --check: choose one"
    yield options["quiet"] and options["verbose"], "--quiet and --verbose: choose one"
    yield (
        options["statistics"] and not is_for_people,
        f"--statistics requires --format {Format.TEXT.value} or {Format.CONCISE.value}",
    )
    yield options["interactive"] and replays, "--interactive and --answers: choose one"
    yield (
        asks and options["check"],
        "--interactive and --answers can't be combined with --check; use --dry-run",
    )
    yield (
        asks and reads_stdin,
        "- can't be combined with --interactive and --answers; name the file",
    )
    yield (
        options["save_answers"] is not None and not options["interactive"],
        "--save-answers requires --interactive",
    )
    yield reads_stdin and len(paths) > 1, "- can't be combined with other paths"
    yield (
        options["stdin_filename"] is not None and not reads_stdin,
        "--stdin-filename requires the path -",
    )
    yield (
        compiler is not None and compiler.confirms and (options["check"] or writes_baseline),
        "--verify can't be combined with --check or --write-baseline, which change nothing; "
        "use cci-migrate verify",
    )
    yield (
        writes_baseline and (asks or options["dry_run"] or reads_stdin or options["no_ignores"]),
        "--write-baseline can't be combined with --interactive, --answers, --dry-run, - or "
        "--no-ignores",
    )
    yield (
        writes_baseline and "revert" in options["policy"].options,
        "--write-baseline can't be combined with --revert",
    )
    yield (
        options["no_ignores"] and options["interactive"],
        "--no-ignores can't be combined with --interactive, which writes ignore comments",
    )
