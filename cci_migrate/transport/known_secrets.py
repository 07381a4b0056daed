"""Keeping credentials out of everything that is shown, logged or stored."""

from __future__ import annotations

import re

from cci_migrate.redaction.redaction import WITHHELD
from cci_migrate.redaction.secret_text import TOKENS

#: User info in a URL, which is the user's own here whatever it looks like; tokens.
_PATTERNS = (
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{WITHHELD}@"),
    (TOKENS, WITHHELD),
    (re.compile(r"(?i)\b(bearer|basic|token) +[\w\-.~+/]{8,}=*"), rf"\1 {WITHHELD}"),
)


class Secret(str):
    """A credential: a string whose repr does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Never the value."""
        return f"Secret({WITHHELD})"


_known: set[str] = set()


def remember(value: str) -> Secret:
    """Have `redact` hide ``value`` from now on, wherever it turns up."""
    if len(value) >= 4:  # a shorter one would blot out ordinary words
        _known.add(value)
    return Secret(value)


def redact(text: str) -> str:
    """``text`` without credentials."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, WITHHELD)
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text
