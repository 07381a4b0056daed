"""What was asked, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from cci_migrate.engine.outcomes import ExitCode


class Status(Enum):
    """What came of a question; the values are stable, reports show them."""

    FINE = "ok"
    PROBLEM = "problem"
    NOTE = "note"
    #: It cannot be found out, whoever asks.
    UNKNOWN = "unknown"
    #: It could not be asked now: no answer, or a refusal.
    NOT_ASKED = "not-asked"


class CheckResult(Struct, frozen=True):
    """The answer to one question about ``subject`` (``organisation gh/acme``).

    ``instead`` is what to do next, in words; ``command`` is it where a command does it, to be
    copied whole. ``jobs`` are the workflow jobs that it concerns. ``projects``
    are those of which it is said, where several have the same answer.
    """

    subject: str
    status: Status
    text: str
    instead: str = ""
    jobs: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    command: str = ""

    @property
    def next(self) -> str:
        """What to do next; empty for nothing."""
        return self.command or self.instead


def exit_code(answers: Iterable[CheckResult]) -> ExitCode:
    """0 where nothing is to be done, 3 where something could not be asked, else 1."""
    found = {answer.status for answer in answers}
    if Status.NOT_ASKED in found:
        return ExitCode.FAILED
    return ExitCode.LEFT if Status.PROBLEM in found else ExitCode.DONE
