"""Keeps credentials out of everything that is printed, logged or stored."""

from __future__ import annotations

import re

from cci_migrate.redaction.line_secrets import TOKENS
from cci_migrate.redaction.redaction import WITHHELD

#: User info in a URL, whatever it looks like, since these URLs are the user's own; tokens.
_PATTERNS = (
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{WITHHELD}@"),
    (TOKENS, WITHHELD),
    (re.compile(r"(?i)\b(bearer|basic|token) +[\w\-.~+/]{8,}=*"), rf"\1 {WITHHELD}"),
)


class Secret(str):
    """A credential: a string with its value hidden in the repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        """A constant, never the value."""
        return f"Secret({WITHHELD})"


_secrets: set[str] = set()


def remember(value: str) -> Secret:
    """Make `redact` withhold ``value`` from now on; return it as a `Secret`."""
    if len(value) >= 4:  # a shorter one would blot out ordinary words
        _secrets.add(value)
    return Secret(value)


def redact(text: str) -> str:
    """``text`` without remembered credentials, tokens, and user info in URLs."""
    for value in sorted(_secrets, key=len, reverse=True):
        text = text.replace(value, WITHHELD)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
