"""The results of a run, from which every report format is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum

from msgspec import Struct, field
from typing_extensions import assert_never

from cci_migrate.engine.outcomes import Examined, Failed, NotAConfig, Outcome, Refused
from cci_migrate.engine.suppressions import UnusedSuppression
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.exit_codes import ExitCode
from cci_migrate.findings import FindingState, Resolution, Severity
from cci_migrate.groups import grouped
from cci_migrate.lossless.source import Position


class Mode(Enum):
    """What the run does with changes."""

    WRITE = "write"
    CHECK = "check"
    DRY_RUN = "dry-run"


class Result(Struct, frozen=True, eq=False):
    """The outcome of one config.

    ``prefix`` makes the outcome's paths, which begin at the repository's root, paths from the
    user's folder: it is empty, ``services/``, or a whole path that ends in ``/``. ``names`` are the
    paths as the user wrote them, for people to read; without one, ``prefix`` makes that too.
    """

    prefix: str
    outcome: Outcome
    names: Mapping[str, str] = field(default_factory=dict)

    def display_path(self, path: str) -> str:
        """``path`` of the outcome as the user sees it, with control characters escaped."""
        return printable(self.names.get(path, self.prefix + path))

    @property
    def display_paths(self) -> str:
        """All paths of the outcome, as `display_path` has them."""
        return ", ".join(map(self.display_path, self.outcome.paths))

    def display_place(self, path: str, position: Position | None) -> str:
        """``path:line:column`` as the user sees it; without a position, the path."""
        at = "" if position is None else f":{position.line}:{position.column}"
        return self.display_path(path) + at


class Counts(Struct, frozen=True):
    """The totals of a run, by their keys in a JSON report."""

    files: int = 0
    configs: int = 0
    images: int = 0
    authenticated: int = 0
    unprovided: int = 0
    changed: int = 0
    findings: int = 0
    fixed: int = 0
    left: int = 0
    noted: int = 0
    suppressed: int = 0
    baseline: int = 0
    refused: int = 0
    refused_in_baseline: int = 0
    failed: int = 0


class Report(Struct, frozen=True):
    """All results of one run, in the order in which they are reported.

    ``is_one_repository``: the outcomes' paths are unambiguous without a prefix.
    """

    mode: Mode
    results: tuple[Result, ...]
    is_one_repository: bool = True
    show_secrets: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process."""
        is_written = self.mode is Mode.WRITE
        codes = (_exit_code(result.outcome, is_written=is_written) for result in self.results)
        return max(codes, default=ExitCode.DONE)

    @property
    def todos(self) -> dict[str, list[str]]:
        """What is left to do outside the files, each thing with the configs that it is for."""
        return self.by_text(lambda outcome: outcome.todos)

    @property
    def counts(self) -> Counts:
        """The totals over all results."""
        outcomes = [result.outcome for result in self.results]
        examined = [outcome for outcome in outcomes if isinstance(outcome, Examined)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        configs: list[Examined | Refused] = [*examined, *refused]
        resolutions = [resolution for outcome in outcomes for resolution in resolutions_of(outcome)]
        states = Counter(resolution.state for resolution in resolutions)
        noted = sum(
            resolution.state is FindingState.LEFT and resolution.finding.severity is Severity.NOTE
            for resolution in resolutions
        )
        in_baseline = sum(outcome.in_baseline for outcome in refused)
        return Counts(
            files=sum(len(outcome.paths) for outcome in outcomes),
            configs=len(configs),
            images=sum(outcome.images for outcome in configs),
            authenticated=sum(outcome.authenticated for outcome in configs),
            unprovided=sum(outcome.unprovided for outcome in examined),
            changed=sum(
                len(outcome.change.files) for outcome in examined if outcome.change is not None
            ),
            findings=len(resolutions),
            fixed=states[FindingState.FIXED],
            left=states[FindingState.LEFT] - noted,
            noted=noted,
            suppressed=states[FindingState.SUPPRESSED],
            baseline=states[FindingState.BASELINE],
            refused=len(refused) - in_baseline,
            refused_in_baseline=in_baseline,
            failed=sum(isinstance(outcome, Failed) for outcome in outcomes),
        )

    def open_findings(self) -> Iterator[tuple[Result, Resolution]]:
        """The findings that exist after the run, including ignored ones.

        With --check and --dry-run those that could be fixed still exist.
        """
        for result in self.results:
            for resolution in resolutions_of(result.outcome):
                if self.is_open(resolution):
                    yield result, resolution

    def is_open(self, resolution: Resolution) -> bool:
        """Whether the finding of ``resolution`` exists after the run."""
        return resolution.state is not FindingState.FIXED or self.mode is not Mode.WRITE

    def by_text(self, texts_of: Callable[[Examined], Iterable[str]]) -> dict[str, list[str]]:
        """Each text about examined configs once, with the configs that it is about."""
        return grouped(
            (text, result.display_path(result.outcome.paths[0]))
            for result in self.results
            if isinstance(result.outcome, Examined)
            for text in texts_of(result.outcome)
        )

    @property
    def unused(self) -> tuple[tuple[Result, UnusedSuppression], ...]:
        """Ignore comments and baseline entries that match no finding."""
        return tuple(
            (result, suppression)
            for result in self.results
            if isinstance(result.outcome, Examined)
            for suppression in result.outcome.unused
        )


def _exit_code(outcome: Outcome, *, is_written: bool) -> ExitCode:
    match outcome:
        case Failed():
            return ExitCode.FAILED
        case Refused(in_baseline=in_baseline):
            return ExitCode.DONE if in_baseline else ExitCode.LEFT
        case Examined(resolutions=resolutions):
            is_left = any(
                resolution.is_left or (resolution.state is FindingState.FIXED and not is_written)
                for resolution in resolutions
            )
            return ExitCode.LEFT if is_left else ExitCode.DONE
        case NotAConfig():
            return ExitCode.DONE
        case _:
            assert_never(outcome)


def resolutions_of(outcome: Outcome) -> tuple[Resolution, ...]:
    """The resolutions of ``outcome``, sorted by their places in the files."""
    if not isinstance(outcome, Examined | Refused):
        return ()
    return tuple(sorted(outcome.resolutions, key=_by_place))


def _by_place(resolution: Resolution) -> tuple[str, int]:
    place = resolution.finding.place
    return place.source.path, place.span.start
