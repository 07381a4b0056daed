"""The diffs of a run, with the secrets in them withheld."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cci_migrate.engine.outcomes import Examined
from cci_migrate.engine.proof import FileChange
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lossless.unified_diff import unified_diff
from cci_migrate.redaction.redaction import redaction_of
from cci_migrate.reports.report import Report, Result


class FileDiff(Struct, frozen=True):
    """The diff of one file.

    ``withheld`` counts the lines in which a secret is withheld: with any, git refuses to apply it.
    ``data`` is None where git would take it all the same, and write what stands for the secret.
    """

    path: str
    data: bytes | None
    withheld: int = 0

    __repr__ = repr_without("data")


def diffs_of(report: Report) -> Iterator[FileDiff]:
    """The diffs of all changes, in the order of the report.

    They apply at the root of the repository; where there are several, in the user's folder.
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
            yield FileDiff(file.path, unified_diff(prefix + file.path, file.before, file.after))
        else:
            yield redacted_diff(file, prefix)


def redacted_diff(file: FileChange, prefix: str = "") -> FileDiff:
    """The diff of ``file``, whose path has ``prefix`` before it, with its secrets withheld."""
    redaction = redaction_of(file.secrets)

    def shown(line: bytes) -> bytes:
        text = line.decode()
        body = text.rstrip("\r\n")
        return (redaction.line(body) + text[len(body) :]).encode()

    data = unified_diff(prefix + file.path, file.before, file.after, shown=shown)
    plain = unified_diff(prefix + file.path, file.before, file.after)
    written = set(plain.split(b"\n"))
    withheld = [line for line in data.split(b"\n")[3:] if line[:2] != b"@@" and line not in written]
    is_refused = any(line[:1] in (b" ", b"-") for line in withheld)
    if withheld and not is_refused:
        return FileDiff(file.path, None, len(withheld))
    return FileDiff(file.path, data, len(withheld))
