"""Keeps secrets that stand in a config out of what is told about it.

Rules do not put secrets into their messages, and a diff that would show one is withheld. This is
the second line: what is told about a config whose secrets are known goes through here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from typing_extensions import assert_never

from cci_migrate.findings import Choice, Finding, Fix, NoFix, Question, Remedy
from cci_migrate.outcomes import Examined, Outcome, ToDo

WITHHELD = "[withheld]"

_Clean = Callable[[str], str]


def without_secrets(outcome: Outcome) -> Outcome:
    """``outcome`` with the secrets of its files gone from its texts; its change stays as it is."""
    if not isinstance(outcome, Examined) or outcome.change is None:
        return outcome
    secrets = {secret for file in outcome.change.files for secret in file.secrets if secret}
    if not secrets:
        return outcome
    # One secret may begin with another: the longer one first. A secret that is a word of its own
    # is replaced as a word, or "a" would make nonsense of every sentence.
    ordered = sorted(secrets, key=lambda secret: (-len(secret), secret))
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(re.escape(one) for one in ordered) + r")(?!\w)")

    def clean(text: str) -> str:
        return pattern.sub(WITHHELD, text)

    return replace(
        outcome,
        settled=tuple(
            replace(one, finding=_finding(one.finding, clean), reason=clean(one.reason))
            for one in outcome.settled
        ),
        todos=tuple(ToDo(clean(todo.text)) for todo in outcome.todos),
        notes=tuple(clean(note) for note in outcome.notes),
    )


def _finding(finding: Finding, clean: _Clean) -> Finding:
    return replace(
        finding,
        message=clean(finding.message),
        subject=clean(finding.subject),
        owner=clean(finding.owner),
        because=clean(finding.because),
        remedy=_remedy(finding.remedy, clean),
    )


def _remedy(remedy: Remedy, clean: _Clean) -> Remedy:
    match remedy:
        case Fix() | NoFix():
            return _fix_or_not(remedy, clean)
        case Question():
            choices = tuple(
                Choice(
                    choice.key,
                    clean(choice.label),
                    clean(choice.consequence),
                    _fix_or_not(choice.remedy, clean),
                )
                for choice in remedy.choices
            )
            return Question(clean(remedy.text), choices)
        case _:
            assert_never(remedy)


def _fix_or_not(remedy: Fix | NoFix, clean: _Clean) -> Fix | NoFix:
    if isinstance(remedy, Fix):
        return replace(remedy, title=clean(remedy.title))
    return NoFix(clean(remedy.reason), clean(remedy.instead))
