"""The results of the checks of ``cci-migrate doctor``, and its exit code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.exit_codes import ExitCode


class Status(Enum):
    """The status of a check; the values are stable, reports show them."""

    FINE = "ok"
    PROBLEM = "problem"
    NOTE = "note"
    #: It cannot be found out, whatever the token.
    UNKNOWN = "unknown"
    #: It could not be asked now: no answer, or a refusal.
    NOT_ASKED = "not-asked"


class CheckResult(Struct, frozen=True):
    """The result of one check.

    ``instead`` is what to do next, in words; ``command`` is a command that does it, to be copied
    whole. ``jobs`` are the workflow jobs concerned, ``projects`` the projects, if several have the
    same result. ``subject`` is what it is about: ``organisation gh/acme``.
    """

    status: Status
    text: str
    instead: str = ""
    jobs: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    command: str = ""
    subject: str = ""

    @property
    def next(self) -> str:
        """What to do next; empty if there is nothing to do."""
        return self.command or self.instead


fine = partial(CheckResult, Status.FINE)
problem = partial(CheckResult, Status.PROBLEM)
note = partial(CheckResult, Status.NOTE)
unknown = partial(CheckResult, Status.UNKNOWN)
not_asked = partial(CheckResult, Status.NOT_ASKED)


def about(subject: str, results: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """``results``, about ``subject`` if they don't name another."""
    for result in results:
        yield result if result.subject else replace(result, subject=subject)


def exit_code(answers: Iterable[CheckResult]) -> ExitCode:
    """3 if a check could not be made, 1 if there is a problem, else 0."""
    statuses = {answer.status for answer in answers}
    if Status.NOT_ASKED in statuses:
        return ExitCode.FAILED
    return ExitCode.LEFT if Status.PROBLEM in statuses else ExitCode.DONE
