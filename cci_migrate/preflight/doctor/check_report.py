"""The results of checks as text for people and as JSON for programs."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from cci_migrate.escaping.json_text import json_text
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.preflight.doctor.check_results import CheckResult, Status, exit_code
from cci_migrate.reports.terminal_page import Page
from cci_migrate.transport.known_secrets import redact
from cci_migrate.wording import counted

VERSION = 1
#: The number of jobs or projects that a line of text names; JSON has all.
_NAMED = 5
_LABELS = {
    Status.FINE: ("ok", "green"),
    Status.PROBLEM: ("problem", "red"),
    Status.NOTE: ("note", "yellow"),
    Status.UNKNOWN: ("unknown", "cyan"),
    Status.NOT_ASKED: ("not asked", "red"),
}
_INDENT = " " * 13


def as_text(answers: Sequence[CheckResult], width: int | None, page: Page) -> Iterator[str]:
    """The lines of the text: a line for each result, what to do below it, and the sum.

    ``width`` None: lines are not wrapped. ``page`` colours the results.
    """
    subject = ""
    for answer in answers:
        if answer.subject != subject:
            subject = answer.subject
            yield f"{_shown(subject)}\n"
        label, colour = _LABELS[answer.status]
        lines = _folded(_shown(answer.text), width)
        yield f"  {page.styled(f'{label:<9}', colour)}  {lines}\n"
        if len(answer.projects) > 1:
            yield _beneath(f"projects: {_some(answer.projects)}", width)
        if answer.jobs and answer.status is not Status.FINE:
            yield _beneath(f"jobs: {_some(answer.jobs)}", width)
        if answer.next and answer.status is not Status.FINE:
            yield _beneath(f"next: {answer.next}", None if answer.command else width)
    yield f"{_sum(answers)}\n"


def as_json(answers: Sequence[CheckResult]) -> str:
    """All results as one JSON object; docs/doctor.md describes its keys."""
    counts = Counter(answer.status for answer in answers)
    body = {
        "version": VERSION,
        "exit_code": exit_code(answers),
        "counts": {status.value: counts[status] for status in Status},
        "answers": [
            {
                "subject": answer.subject,
                "status": answer.status,
                "text": answer.text,
                "next": answer.next,
                "jobs": answer.jobs,
                "projects": answer.projects,
            }
            for answer in answers
        ],
    }
    return redact(json_text(body, indent=2)) + "\n"


def _sum(answers: Sequence[CheckResult]) -> str:
    counts = Counter(answer.status for answer in answers)
    parts = [f"{counts[Status.FINE]} ok"]
    for status, name, names in (
        (Status.PROBLEM, "problem", "problems"),
        (Status.NOT_ASKED, "not asked", "not asked"),
        (Status.UNKNOWN, "unknown", "unknown"),
        (Status.NOTE, "note", "notes"),
    ):
        if counts[status]:
            parts.append(counted(counts[status], name, names))
    is_done = not (counts[Status.PROBLEM] or counts[Status.NOT_ASKED])
    return f"{', '.join(parts)}.{' Nothing to do.' if is_done else ''}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    if more < 2:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {more} others"


def _beneath(text: str, width: int | None) -> str:
    return f"{_INDENT}{_folded(_shown(text), width)}\n"


def _shown(text: str) -> str:
    return printable(redact(text))


def _folded(text: str, width: int | None) -> str:
    if width is None:
        return text
    room = max(width - len(_INDENT), 40)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return f"\n{_INDENT}".join(lines)
