"""What a run came to, as the values that every report format is made from."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from cci_migrate.engine.outcomes import Examined, ExitCode, Failed, Outcome, Refused, exit_code
from cci_migrate.engine.suppressions import UnusedSuppression
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.findings import FindingState, Settled, Severity


class Mode(Enum):
    """What was to be done with the changes."""

    WRITE = "write"
    CHECK = "check"
    DRY_RUN = "dry-run"


class Result(Struct, frozen=True):
    """What became of one config.

    ``prefix`` goes before the outcome's paths, which begin at the repository's root, to make them
    paths as the user sees them: empty, ``services/``, or a whole path that ends in ``/``.
    """

    prefix: str
    outcome: Outcome

    def shown(self, path: str) -> str:
        """``path`` as the user sees it."""
        return printable(self.prefix + path)


class Counts(Struct, frozen=True):
    """The sums of a run."""

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
    """All results of one run, in the order in which they are told.

    ``is_one_repository`` tells whether the outcomes' paths are free of doubt without a prefix.
    """

    mode: Mode
    results: tuple[Result, ...]
    is_one_repository: bool = True
    show_secrets: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """What the process ends with."""
        outcomes = (result.outcome for result in self.results)
        return exit_code(outcomes, written=self.mode is Mode.WRITE)

    @property
    def todos(self) -> tuple[str, ...]:
        """What is left to do outside the files, each thing once."""
        return tuple(
            dict.fromkeys(
                todo.text
                for result in self.results
                if isinstance(result.outcome, Examined)
                for todo in result.outcome.todos
            )
        )

    @property
    def counts(self) -> Counts:
        """The sums over all results."""
        outcomes = [result.outcome for result in self.results]
        examined = [outcome for outcome in outcomes if isinstance(outcome, Examined)]
        settled = [one for outcome in outcomes for one in settled_of(outcome)]
        left = [one for one in settled if one.state is FindingState.LEFT]
        noted = sum(one.finding.severity is Severity.NOTE for one in left)
        return Counts(
            files=sum(len(outcome.paths) for outcome in outcomes),
            configs=sum(isinstance(outcome, Examined | Refused) for outcome in outcomes),
            images=sum(outcome.images for outcome in examined),
            authenticated=sum(outcome.authenticated for outcome in examined),
            unprovided=sum(outcome.unprovided for outcome in examined),
            changed=sum(
                len(outcome.change.files) for outcome in examined if outcome.change is not None
            ),
            findings=len(settled),
            fixed=sum(one.state is FindingState.FIXED for one in settled),
            left=len(left) - noted,
            noted=noted,
            suppressed=sum(one.state is FindingState.SUPPRESSED for one in settled),
            baseline=sum(one.state is FindingState.BASELINE for one in settled),
            refused=sum(
                isinstance(outcome, Refused) and not outcome.in_baseline for outcome in outcomes
            ),
            refused_in_baseline=sum(
                isinstance(outcome, Refused) and outcome.in_baseline for outcome in outcomes
            ),
            failed=sum(isinstance(outcome, Failed) for outcome in outcomes),
        )

    def open_findings(self) -> Iterator[tuple[Result, Settled]]:
        """The findings that are there once the run is over, with those that are suppressed.

        What --check and --dry-run could fix is still there.
        """
        for result in self.results:
            for one in settled_of(result.outcome):
                if self.is_open(one):
                    yield result, one

    def is_open(self, one: Settled) -> bool:
        """Whether the finding ``one`` is there once the run is over."""
        return one.state is not FindingState.FIXED or self.mode is not Mode.WRITE

    @property
    def unused(self) -> tuple[tuple[Result, UnusedSuppression], ...]:
        """What was meant to be ignored and is not found any more."""
        return tuple(
            (result, one)
            for result in self.results
            if isinstance(result.outcome, Examined)
            for one in result.outcome.unused
        )


def settled_of(outcome: Outcome) -> tuple[Settled, ...]:
    """The findings of ``outcome``, by their place."""
    if not isinstance(outcome, Examined | Refused):
        return ()
    return tuple(sorted(outcome.settled, key=_by_place))


def _by_place(one: Settled) -> tuple[str, int]:
    place = one.finding.place
    return place.source.path, place.span.start
