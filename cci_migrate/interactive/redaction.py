"""Texts of a config with the secrets that are written out in it made unreadable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cci_migrate.reports.redaction import WITHHELD

#: A shorter secret cannot be taken out of a text without telling where it stood.
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Redaction:
    """Takes the secrets of a config out of what is shown of it.

    ``is_possible`` is False where a secret is short, or is written with escapes or over several
    lines, so that it would not be found: then nothing of the config's text may be shown.
    """

    is_possible: bool = True
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __call__(self, text: str) -> str:
        """``text`` without the secrets."""
        return self.sentence(text) if self.is_possible else WITHHELD

    def sentence(self, text: str) -> str:
        """``text``, a sentence of ours, without the secrets. Rules put none in; this makes sure."""
        for secret in self.secrets:
            if len(secret) >= _SHORTEST:
                text = text.replace(secret, WITHHELD)
        return text


def redaction_of(texts: Iterable[str], secrets: Iterable[str]) -> Redaction:
    """What to do to show parts of ``texts``, the files of a config with ``secrets`` in it."""
    known = tuple(sorted(secrets, key=lambda secret: (-len(secret), secret)))
    whole = "\0".join(texts)
    is_possible = all(
        len(secret) >= _SHORTEST and len(secret.splitlines()) == 1 and secret in whole
        for secret in known
    )
    return Redaction(is_possible, known)
