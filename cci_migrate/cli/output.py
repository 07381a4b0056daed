"""Printing the report of a run: where to, and in which format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from typing_extensions import assert_never

from cci_migrate.cli.options import Format, Options
from cci_migrate.cli.terminal import OutputError, Terminal
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.reports.report import Mode, Report

#: The width of prose in a report that is written to a file.
_WIDTH_OF_FILES = 100


def print_report(report: Report, options: Options, terminal: Terminal) -> None:
    """Print ``report`` to standard output, or to standard error beside a diff or a config.

    In a format for programs the report of a dry run contains the diffs, and goes to standard
    output. Raises OutputError.
    """
    prints_diff = options.mode is Mode.DRY_RUN and options.format is Format.TEXT
    prints_config = options.mode is Mode.WRITE and options.reads_stdin
    if prints_diff:
        for data in _diffs(report, terminal):
            terminal.out(data)
    to_err = prints_diff or prints_config
    if options.output is not None:
        _put(_parts(report, options, in_colour=False, width=_WIDTH_OF_FILES), options.output)
        if options.verbosity >= 0:
            terminal.err(f"{_closing(report)} The report is in {printable(str(options.output))}.\n")
        print_failures(report, terminal)
        return
    in_colour = terminal.err_in_colour if to_err else terminal.out_in_colour
    for part in _parts(report, options, in_colour, terminal.width):
        if to_err:
            terminal.err(part)
        else:
            terminal.out(part)
    print_failures(report, terminal)


def print_failures(report: Report, terminal: Terminal) -> None:
    for line in _failures(report):
        terminal.error(line)


def _put(parts: Iterable[str], path: Path) -> None:
    from cci_migrate.files.atomic_write import write_atomically

    try:
        write_atomically(path, (part.encode("utf-8", "backslashreplace") for part in parts))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def _closing(report: Report) -> str:
    from cci_migrate.reports.text_report import closing_line

    return closing_line(report)


def _parts(report: Report, options: Options, in_colour: bool, width: int) -> Iterator[str]:
    match options.format:
        case Format.TEXT:
            from cci_migrate.reports.text_report import text_report

            return text_report(
                report, verbosity=options.verbosity, in_colour=in_colour, width=width
            )
        case Format.JSON:
            from cci_migrate.reports.json_report import json_report

            return json_report(report)
        case Format.SARIF:
            from cci_migrate.reports.sarif_report import sarif_report

            return sarif_report(report)
        case Format.JUNIT:
            from cci_migrate.reports.junit_report import junit_report

            return junit_report(report)
        case Format.GITHUB:
            from cci_migrate.reports.github_report import github_report

            return github_report(report)
        case _:
            assert_never(options.format)


def _failures(report: Report) -> Iterator[str]:
    from cci_migrate.reports.text_report import failure_line

    for result in report.results:
        line = failure_line(result)
        if line is not None:
            yield line


def _diffs(report: Report, terminal: Terminal) -> Iterator[str | bytes]:
    from cci_migrate.reports.diffs import diffs_of

    for diff in diffs_of(report):
        if diff.data is None:
            terminal.err(
                f"{printable(diff.path)}: the diff is withheld, because it writes a secret; "
                "--show-secrets shows it\n"
            )
            continue
        if diff.withheld:
            lines = "1 line" if diff.withheld == 1 else f"{diff.withheld} lines"
            terminal.err(
                f"{printable(diff.path)}: a secret is withheld in {lines} of the diff, so git "
                "apply refuses it; --show-secrets shows all\n"
            )
        yield _coloured(diff.data) if terminal.out_in_colour else diff.data


def _coloured(diff: bytes) -> str:
    from cci_migrate.reports.text_report import coloured_diff

    return coloured_diff(diff.decode("utf-8", "replace"))
