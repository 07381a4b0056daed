"""Printing the report of a run: where to, and in which format."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from typing_extensions import assert_never

from cci_migrate.cli.options import Format, Options
from cci_migrate.cli.terminal import Terminal, writing
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.reports.closing_lines import closing_text
from cci_migrate.reports.report import Mode, Report
from cci_migrate.reports.terminal_page import Page
from cci_migrate.reports.text_report import Detail, failure_lines, text_report
from cci_migrate.wording import counted


def print_report(report: Report, options: Options, terminal: Terminal) -> None:
    """Print ``report`` to standard output, or to standard error beside a diff or a config.

    In a format for programs the report of a dry run contains the diffs, and goes to standard
    output. Raises OutputError.
    """
    prints_diff = options.mode is Mode.DRY_RUN and options.format in (Format.TEXT, Format.CONCISE)
    prints_config = options.mode is Mode.WRITE and options.reads_stdin
    if prints_diff:
        for data in _diffs(report, terminal):
            terminal.out(data)
    to_err = prints_diff or prints_config
    if options.output is not None:
        _put(_parts(report, options, Page()), options.output)
        if options.verbosity >= 0:
            where = printable(str(options.output))
            terminal.err(f"{closing_text(report)} The report is in {where}.\n")
    else:
        in_colour = terminal.err_in_colour if to_err else terminal.out_in_colour
        has_links = in_colour and (sys.stderr if to_err else sys.stdout).isatty()
        write = terminal.err if to_err else terminal.out
        for part in _parts(report, options, Page(terminal.width, in_colour, has_links)):
            write(part)
    print_failures(report, terminal)


def print_failures(report: Report, terminal: Terminal) -> None:
    """Print what could not be read or processed as errors, which no format leaves out."""
    for result in report.results:
        lines = failure_lines(result)
        if lines:
            terminal.error(*lines)


def _put(parts: Iterable[str], path: Path) -> None:
    from cci_migrate.files.output_files import write_atomically

    with writing(path):
        write_atomically(path, (part.encode("utf-8", "backslashreplace") for part in parts))


def _parts(report: Report, options: Options, page: Page) -> Iterator[str]:
    detail = Detail(options.verbosity, options.show_source)
    match options.format:
        case Format.TEXT | Format.CONCISE if options.statistics:
            from cci_migrate.reports.statistics_report import statistics_report

            return statistics_report(report, detail, page)
        case Format.TEXT:
            return text_report(report, detail, page)
        case Format.CONCISE:
            from cci_migrate.reports.concise_report import concise_report

            return concise_report(report, detail)
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


def _diffs(report: Report, terminal: Terminal) -> Iterator[str | bytes]:
    from cci_migrate.reports.diffs import coloured_diff, diffs_of

    for diff in diffs_of(report):
        if diff.data is None:
            terminal.err(
                f"{printable(diff.path)}: the diff is withheld, because it writes a secret; "
                "--show-secrets shows it\n"
            )
            continue
        if diff.withheld:
            lines = counted(diff.withheld, "line")
            terminal.err(
                f"{printable(diff.path)}: a secret is withheld in {lines} of the diff, so git "
                "apply refuses it; --show-secrets shows all\n"
            )
        if terminal.out_in_colour:
            yield coloured_diff(diff.data.decode("utf-8", "replace"))
        else:
            yield diff.data
