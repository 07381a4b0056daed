"""Keeping credentials out of everything that is shown, logged or stored."""

from __future__ import annotations

import re

HIDDEN = "[hidden]"

#: User info in a URL, and the tokens of the hosts by their published prefixes
#: (https://github.blog/engineering/behind-githubs-new-authentication-token-formats/,
#: https://docs.gitlab.com/security/tokens/#token-prefixes).
_PATTERNS = (
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{HIDDEN}@"),
    (re.compile(r"\b(gh[pousr]_|github_pat_|glpat-|gloas-|glrt-|ATCTT|ATBB)[\w\-=]{8,}"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic|token) +[\w\-.~+/]{8,}=*"), rf"\1 {HIDDEN}"),
)


class Secret(str):
    """A credential: a string whose repr does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Never the value."""
        return f"Secret({HIDDEN})"


_known: set[str] = set()


def remember(value: str) -> Secret:
    """Have `redact` hide ``value`` from now on, wherever it turns up."""
    if len(value) >= 4:  # a shorter one would blot out ordinary words
        _known.add(value)
    return Secret(value)


def redact(text: str) -> str:
    """``text`` without credentials."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text
