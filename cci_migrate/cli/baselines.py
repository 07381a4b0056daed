"""Baselines as files: those that a run applies, and the one that it writes."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import replace

from cci_migrate.bounds.bounded_file import UnreadableFileError, read_bounded_text
from cci_migrate.bounds.json_input import JsonInputError
from cci_migrate.cli.processing import Task
from cci_migrate.engine.outcomes import Failed, Refused
from cci_migrate.files.atomic_write import write_atomically
from cci_migrate.findings import Severity
from cci_migrate.policy.baseline import Baseline, BaselineEntry, baseline_text, parse_baseline
from cci_migrate.policy.file import PolicyError
from cci_migrate.reports.report import Report, resolutions_of

#: Some hundred thousand findings.
MAX_BYTES = 32 * 2**20


class Baselines:
    """The baselines of a run, each file read once."""

    def __init__(self) -> None:
        self._known: dict[Path, Baseline] = {}

    def with_baseline(self, task: Task, path: Path | None) -> Task:
        """``task`` with what the baseline at ``path`` says of its files. Raises PolicyError."""
        if path is None:
            return task
        if path not in self._known:
            self._known[path] = _read(path)
        names = {_named(task.root, file, path): file for file in task.paths}
        baseline = self._known[path].of(names)
        return replace(task, policy=replace(task.policy, baseline=baseline))


def _read(path: Path) -> Baseline:
    try:
        baseline = parse_baseline(read_bounded_text(path, MAX_BYTES))
    except UnreadableFileError as error:
        raise PolicyError(f"{path}: can't read the baseline: {error}") from None
    except JsonInputError as error:
        where = path if error.line is None else f"{path}:{error.line}"
        raise PolicyError(f"{where}: {error}") from None
    # What a hand or a merge wrote in another way is the same file.
    folder = path.resolve().parent
    return Baseline(
        tuple(replace(entry, path=_named(folder, entry.path, path)) for entry in baseline.entries)
    )


def _named(root: Path, file: str, baseline: Path) -> str:
    """The path of ``file`` in ``root`` from the folder of ``baseline``, by the shortest way."""
    folder = baseline.resolve().parent
    target = root.resolve() / file
    if target.anchor != folder.anchor:  # another drive of Windows, which no relative path leads to
        return target.as_posix()
    return Path(os.path.relpath(target, folder)).as_posix()


def write_baseline(report: Report, path: Path) -> int:
    """Write the findings of ``report`` that are to be fixed as a baseline; how many there are.

    A file that is not edited counts as one, whatever is found in it.

    What a baseline at ``path`` has for files that this run did not read stays, if they are there.

    Raises OSError.
    """
    accepted = [
        replace(
            resolution.finding.baseline_entry, path=_named(Path(result.prefix or "."), file, path)
        )
        for result in report.results
        for resolution in resolutions_of(result.outcome)
        if not resolution.state.is_ignored and resolution.finding.severity is not Severity.NOTE
        for file in (resolution.finding.place.source.path,)
    ]
    accepted += [
        replace(whole, path=_named(Path(result.prefix or "."), whole.path, path))
        for result in report.results
        if isinstance(result.outcome, Refused)
        and (whole := result.outcome.baseline_entry) is not None
    ]
    accepted += _of_other_files(report, path)
    write_atomically(path, baseline_text(accepted).encode())
    return len(accepted)


def _of_other_files(report: Report, path: Path) -> list[BaselineEntry]:
    """The entries of the baseline at ``path`` for files that are there and were not read."""
    try:
        earlier = _read(path).entries if path.is_file() else ()
    except PolicyError:
        # It is written anew, and there is nothing to take from it.
        return []
    read = {
        _named(Path(result.prefix or "."), file, path)
        for result in report.results
        if not isinstance(result.outcome, Failed)
        for file in result.outcome.paths
    }
    folder = path.resolve().parent
    return [
        entry for entry in earlier if entry.path not in read and (folder / entry.path).is_file()
    ]
