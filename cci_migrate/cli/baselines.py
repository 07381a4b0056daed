"""Baselines as files: those that a run applies, and the one that it writes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from cci_migrate.bounds.bounded_file import UnreadableFileError, read_bounded_text
from cci_migrate.bounds.json_input import JsonInputError
from cci_migrate.cli.processing import Task
from cci_migrate.engine.outcomes import Failed, Outcome, Refused
from cci_migrate.files.output_files import write_atomically
from cci_migrate.findings import Severity
from cci_migrate.groups import grouped
from cci_migrate.policy.baseline import Baseline, BaselineEntry, baseline_text, parse_baseline
from cci_migrate.policy.file import PolicyError
from cci_migrate.reports.report import Report, Result, resolutions_of

#: Some hundred thousand findings.
MAX_BYTES = 32 * 2**20


class Baselines:
    """The baselines of a run, each file read once."""

    def __init__(self) -> None:
        self._known: dict[Path, Mapping[str, Sequence[BaselineEntry]]] = {}

    def with_baseline(self, task: Task, path: Path) -> Task:
        """``task`` with what the baseline at ``path`` says of its files. Raises PolicyError."""
        if path not in self._known:
            self._known[path] = grouped((entry.path, entry) for entry in _read(path))
        entries = self._known[path]
        root, folder = task.root.resolve(), path.resolve().parent
        baseline = Baseline(
            tuple(
                replace(entry, path=file)
                for file in task.paths
                for entry in entries.get(_named(root, file, folder), ())
            )
        )
        return replace(task, policy=replace(task.policy, baseline=baseline))


def _read(path: Path) -> list[BaselineEntry]:
    try:
        baseline = parse_baseline(read_bounded_text(path, MAX_BYTES))
    except UnreadableFileError as error:
        raise PolicyError(f"{path}: can't read the baseline: {error}") from None
    except JsonInputError as error:
        where = path if error.line is None else f"{path}:{error.line}"
        raise PolicyError(f"{where}: {error}") from None
    # What a hand or a merge wrote in another way is the same file.
    folder = path.resolve().parent
    return [replace(entry, path=_named(folder, entry.path, folder)) for entry in baseline.entries]


def _named(root: Path, file: str, folder: Path) -> str:
    """The path of ``file`` in ``root`` from ``folder``, by the shortest way; both are resolved."""
    target = root / file
    if target.anchor != folder.anchor:  # another drive of Windows, which no relative path leads to
        return target.as_posix()
    return Path(os.path.relpath(target, folder)).as_posix()


def write_baseline(report: Report, path: Path) -> int:
    """Write the findings of ``report`` that are to be fixed as a baseline; how many there are.

    A file that is not edited counts as one, whatever is found in it.

    What a baseline at ``path`` has for files that this run did not read stays, if they are there.

    Raises OSError.
    """
    folder = path.resolve().parent
    accepted = [
        replace(entry, path=_named(_root_of(result), entry.path, folder))
        for result in report.results
        for entry in _accepted(result.outcome)
    ]
    accepted += _of_other_files(report, path)
    write_atomically(path, baseline_text(accepted).encode())
    return len(accepted)


def _root_of(result: Result) -> Path:
    return Path(result.prefix or ".").resolve()


def _accepted(outcome: Outcome) -> Iterator[BaselineEntry]:
    for resolution in resolutions_of(outcome):
        finding = resolution.finding
        if not resolution.state.is_ignored and finding.severity is not Severity.NOTE:
            yield finding.baseline_entry
    if isinstance(outcome, Refused) and outcome.baseline_entry is not None:
        yield outcome.baseline_entry


def _of_other_files(report: Report, path: Path) -> list[BaselineEntry]:
    """The entries of the baseline at ``path`` for files that are there and were not read."""
    try:
        earlier = _read(path) if path.is_file() else []
    except PolicyError:
        # It is written anew, and there is nothing to take from it.
        return []
    folder = path.resolve().parent
    read = {
        _named(_root_of(result), file, folder)
        for result in report.results
        if not isinstance(result.outcome, Failed)
        for file in result.outcome.paths
    }
    return [
        entry for entry in earlier if entry.path not in read and (folder / entry.path).is_file()
    ]
