"""The exit codes of all commands, and that of a run over configs."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from cci_migrate.engine.outcomes import Examined, Failed, Outcome, Refused
from cci_migrate.findings import FindingState, Severity


class ExitCode(Enum):
    """The exit codes of the process."""

    DONE = 0
    LEFT = 1
    USAGE = 2
    FAILED = 3
    INTERRUPTED = 130


def exit_code(outcomes: Iterable[Outcome], *, written: bool) -> ExitCode:
    """The exit code of a run over ``outcomes``; ``written`` is false for --check and --dry-run.

    Notes are about what this tool does not change: they leave nothing to do.
    """
    left = False
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            return ExitCode.FAILED
        if isinstance(outcome, Refused):
            left = left or not outcome.in_baseline
        elif isinstance(outcome, Examined):
            left = left or any(
                resolution.state is FindingState.LEFT
                and resolution.finding.severity is not Severity.NOTE
                for resolution in outcome.resolutions
            )
            left = left or (
                not written
                and any(
                    resolution.state is FindingState.FIXED for resolution in outcome.resolutions
                )
            )
    return ExitCode.LEFT if left else ExitCode.DONE
