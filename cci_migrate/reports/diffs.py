"""The diffs of a run, but for those that would show a secret."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cci_migrate.lossless.unified_diff import unified_diff
from cci_migrate.outcomes import Examined
from cci_migrate.reports.report import Report, Result


@dataclass(frozen=True, slots=True)
class FileDiff:
    """The diff of one file. ``data`` is None where the file has a secret written out."""

    path: str
    data: bytes | None = field(repr=False)


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
        if file.secrets and not report.show_secrets:
            yield FileDiff(file.path, None)
        else:
            yield FileDiff(file.path, unified_diff(prefix + file.path, file.before, file.after))
