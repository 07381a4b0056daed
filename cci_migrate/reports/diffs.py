"""The diffs of a run, with the secrets in them withheld."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
from msgspec import Struct

from cci_migrate.engine.outcomes import Examined
from cci_migrate.engine.proof import ProvenFile
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.lossless.source import SourceText
from cci_migrate.lossless.unified_diff import Hunk, hunks, unified_diff
from cci_migrate.reports.report import Report, Result


class FileDiff(Struct, frozen=True):
    """The diff of one file.

    ``withheld`` is the number of lines in which a secret is withheld: git does not apply such a
    diff. ``data`` is None if git would apply it anyway, and write the placeholder of the secret.
    """

    path: str
    data: bytes | None
    withheld: int = 0

    __repr__ = repr_without("data")


def diffs_of(report: Report) -> Iterator[FileDiff]:
    """The diffs of all changes, in the order of the report.

    They apply at the root of the repository; of several repositories, in the user's folder.
    """
    for result in report.results:
        yield from diffs_of_result(result, report)


def diffs_of_result(result: Result, report: Report) -> Iterator[FileDiff]:
    """The diffs of one config's files."""
    if not isinstance(result.outcome, Examined) or result.outcome.change is None:
        return
    prefix = "" if report.is_one_repository else result.prefix.lstrip("/")
    for file in result.outcome.change.files:
        if report.show_secrets:
            source = SourceText.decode(file.path, file.before)
            yield FileDiff(file.path, unified_diff(prefix + file.path, hunks(source, file.edits)))
        else:
            yield redacted_diff(file, prefix)


def redacted_hunks(file: ProvenFile) -> tuple[Hunk, ...]:
    """The hunks of the diff of ``file``, each line also without its secrets."""

    def redact(line: str) -> str:
        body = line.rstrip("\r\n")
        return file.redaction.line(body) + line[len(body) :]

    return tuple(hunks(SourceText.decode(file.path, file.before), file.edits, redact=redact))


def redacted_diff(file: ProvenFile, prefix: str = "") -> FileDiff:
    """The diff of ``file`` with its secrets withheld and its path preceded by ``prefix``."""
    return diff_of_hunks(file.path, redacted_hunks(file), prefix)


def diff_of_hunks(path: str, redacted: Sequence[Hunk], prefix: str = "") -> FileDiff:
    """The diff of the file at ``path`` from its ``redacted`` hunks, with ``prefix`` before it."""
    lines = (line for hunk in redacted for line in hunk.lines)
    withheld = [line.sign for line in lines if line.redacted != line.text]
    # Git finds no place for the diff, unless only added lines have withheld secrets.
    if withheld and set(withheld) == {"+"}:
        return FileDiff(path, None, len(withheld))
    return FileDiff(path, unified_diff(prefix + path, redacted), len(withheld))


def coloured_diff(diff: str) -> str:
    """``diff`` for a terminal: coloured, with control characters escaped."""
    return "\n".join(map(_coloured_line, diff.split("\n")))


def _coloured_line(line: str) -> str:
    shown = printable(line.replace("\t", "    ").removesuffix("\r"))
    if line.startswith(("+++", "---", "diff ")):
        return click.style(shown, bold=True)
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return click.style(shown, fg=colour) if colour else shown
