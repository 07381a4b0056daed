"""What CircleCI's compiler says of the configs, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.engine.outcomes import Cause, Failed, Refused
from cci_migrate.escaping.json_text import json_text
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.exit_codes import ExitCode
from cci_migrate.findings import Resolution
from cci_migrate.reports.terminal_page import Page
from cci_migrate.verification.verdicts import CompiledPull, Verdict, VerdictStatus
from cci_migrate.wording import counted

VERSION = 1
_NOT_CONFIRMED = "not confirmed by CircleCI's compiler"
_INDENT = " " * 4
#: So many pulls or problems of a config are shown in text; JSON has all.
_SHOWN = 10


class VerdictReport(Struct, frozen=True):
    """All verdicts of a run, each with what goes before its paths (see `report.Result`)."""

    verdicts: tuple[tuple[str, Verdict], ...]

    @property
    def exit_code(self) -> ExitCode:
        """What the process ends with."""
        codes = [verdict.exit_code for _, verdict in self.verdicts]
        return max(codes, default=ExitCode.DONE)


def as_text(report: VerdictReport, page: Page) -> Iterator[str]:
    """A paragraph for each config, and the sum."""
    for prefix, verdict in report.verdicts:
        shown = ", ".join(prefix + path for path in verdict.paths)
        lines = [printable(shown), *_lines(prefix, verdict, page)]
        yield "\n".join(lines) + "\n"
    confirmed = sum(verdict.status is VerdictStatus.CONFIRMED for _, verdict in report.verdicts)
    anonymous = sum(len(verdict.pulls) for _, verdict in report.verdicts)
    parts = [counted(len(report.verdicts), "config"), f"{confirmed} confirmed"]
    if confirmed < len(report.verdicts):
        parts.append(f"{len(report.verdicts) - confirmed} not")
    if anonymous:
        parts.append(f"{counted(anonymous, 'pull')} without credentials")
    yield ", ".join(parts) + ".\n"


def _lines(prefix: str, verdict: Verdict, page: Page) -> Iterator[str]:
    title, colour = _title(verdict)
    yield f"{_INDENT}{page.styled(title, colour)}"
    yield from _some(verdict.problems)
    if verdict.instead:
        yield f"{_INDENT}next: {printable(verdict.instead)}"
    for place in verdict.unseen:
        yield f"{_INDENT}not compiled, because nothing runs it: {printable(place)}"
    if verdict.pulls:
        count = counted(len(verdict.pulls), "pull")
        yield f"{_INDENT}{page.styled(f'{count} without credentials', 'yellow')}"
        yield from _some(tuple(_pull(prefix, pull) for pull in verdict.pulls))


def _title(verdict: Verdict) -> tuple[str, str]:
    match verdict.status:
        case VerdictStatus.CONFIRMED:
            return confirmation(verdict), "green"
        case VerdictStatus.DIFFERS if verdict.has_change:
            return "the change compiles to something different from the plan", "red"
        case VerdictStatus.DIFFERS:
            return "compiles to something different from what the config says", "red"
        case VerdictStatus.BROKEN_BY_CHANGE:
            return "does not compile with the change", "red"
        case VerdictStatus.DOES_NOT_COMPILE:
            return "does not compile even without the change", "red"
        case VerdictStatus.NOT_SENT:
            return "not compiled", "yellow"
        case VerdictStatus.NO_ANSWER:
            return "not compiled: no answer from the compiler", "red"
        case _:
            assert_never(verdict.status)


def confirmation(verdict: Verdict) -> str:
    """In one sentence what the compiler confirms, or the first reason why it does not."""
    if verdict.status is not VerdictStatus.CONFIRMED:
        title, _ = _title(verdict)
        first = verdict.problems[0] if verdict.problems else ""
        return f"{title}: {first}" if first else title
    runs = f"{counted(verdict.jobs, 'job')} with {counted(verdict.images, 'image')}"
    if not verdict.has_change:
        return f"compiles: {runs}; there is nothing to fix"
    gains = verdict.gains
    counts = (
        (gains.images, "image", "with credentials"),
        (gains.logins, "job", "with a login"),
        (gains.contexts, "workflow job", "with other contexts"),
    )
    more = [f"{counted(count, noun)} {what}" for count, noun, what in counts if count]
    new = f"; new: {', '.join(more)}" if more else ""
    return f"CircleCI's compiler confirms the change: {runs}{new}"


def unconfirmed(
    verdict: Verdict, resolutions: tuple[Resolution, ...] = ()
) -> Refused | Failed | None:
    """What becomes of a config whose change ``verdict`` does not confirm; None if it does.

    ``resolutions`` are those of its findings.
    """
    match verdict.status:
        case VerdictStatus.CONFIRMED:
            return None
        case (
            VerdictStatus.DIFFERS | VerdictStatus.BROKEN_BY_CHANGE | VerdictStatus.DOES_NOT_COMPILE
        ):
            unmade = tuple(resolution.unmade(_NOT_CONFIRMED) for resolution in resolutions)
            reason = f"{_NOT_CONFIRMED}: {confirmation(verdict)}"
            return Refused(verdict.paths, Cause.NOT_CONFIRMED, reason, verdict.instead, unmade)
        case VerdictStatus.NOT_SENT | VerdictStatus.NO_ANSWER:
            problem = f"not compiled by CircleCI: {confirmation(verdict)}"
            return Failed(verdict.paths, problem, verdict.instead, is_transient=True)
        case _:
            assert_never(verdict.status)


def pull_notes(verdict: Verdict) -> Iterator[str]:
    """What is pulled without credentials and only the compiled config shows."""
    for pull in verdict.pulls:
        if not pull.is_reported:
            yield f"without credentials, as compiled by CircleCI: {_title_of(pull, '')}"


def _pull(prefix: str, pull: CompiledPull) -> str:
    text = _title_of(pull, prefix)
    return text if pull.is_reported else f"{text}; --check does not show it"


def _title_of(pull: CompiledPull, prefix: str) -> str:
    verb = "pulls" if pull.in_steps else "runs on"
    text = f"job {pull.job} {verb} {pull.image}"
    if pull.orb:
        text += f", by orb {pull.orb}"
    return f"{text} ({prefix}{pull.place})" if pull.place else text


def _some(texts: tuple[str, ...]) -> Iterator[str]:
    for text in texts[:_SHOWN]:
        yield f"{_INDENT}- {printable(text)}"
    if len(texts) > _SHOWN:
        yield f"{_INDENT}- and {len(texts) - _SHOWN} more"


def as_json(report: VerdictReport) -> str:
    """All verdicts as one JSON object; docs/verify.md describes its keys."""
    body = {
        "version": VERSION,
        "exit_code": report.exit_code,
        "configs": [_object(prefix, verdict) for prefix, verdict in report.verdicts],
    }
    return json_text(body, indent=2) + "\n"


def _object(prefix: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "paths": [prefix + path for path in verdict.paths],
        "status": verdict.status,
        "has_change": verdict.has_change,
        "problems": verdict.problems,
        "next": verdict.instead,
        "gains": verdict.gains,
        "not_compiled": verdict.unseen,
        "jobs": verdict.jobs,
        "images": verdict.images,
        "pulls": verdict.pulls,
    }
