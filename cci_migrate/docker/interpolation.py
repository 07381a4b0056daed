"""``$NAME`` and ``${NAME:-word}`` in Dockerfiles and Compose files, filled in with what is known.

https://docs.docker.com/reference/dockerfile/#environment-replacement,
https://docs.docker.com/reference/compose-file/interpolation/
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from enum import Enum

#: How deep braces may lie in each other in a word; what holds deeper ones stays as it is written.
_DEEPEST = 3
#: What a text may grow to by its variables. An image's name has some 400 characters at most; what
#: would be longer stays as it is written. (Arguments that hold each other twice soon have
#: gigabytes.)
_MOST_EXPANDED = 4096


def _pattern(escape: str, name: str) -> re.Pattern[str]:
    inside = r"[^{}]"
    for _ in range(_DEEPEST):
        inside = rf"(?:[^{{}}]|\{{{inside}*\}})"
    return re.compile(
        rf"{escape}|\$(?:(?P<bare>{name})"
        rf"|\{{(?P<name>{name})(?:(?P<colon>:?)(?P<sign>[-+?])(?P<word>{inside}*))?\}})"
    )


class Escaping(Enum):
    """How a text says that a character is no variable's."""

    BACKSLASH = "backslash"  # `\$`, in a Dockerfile
    DOLLAR = "dollar"  # `$$`, in a Compose file


_PATTERNS = {
    Escaping.BACKSLASH: _pattern(r"\\(?P<escaped>.)", r"\w+"),
    Escaping.DOLLAR: _pattern(r"\$(?P<escaped>\$)", r"[A-Za-z_]\w*"),
}


def interpolated(
    text: str,
    values: Mapping[str, str | None],
    escaping: Escaping,
    *,
    undecided: Container[str] = (),
) -> str:
    """``text`` with the ``values`` of its variables; None stands for one that has none.

    ``undecided`` are variables of which it is not known whether they have a value. What names one
    of them, or a variable without a value and a default, stays as it is written.
    """

    def value(match: re.Match[str]) -> str:
        if match["escaped"] is not None:
            return match["escaped"]
        name = match["bare"] or match["name"]
        if name in undecided:
            return match[0]
        known = values.get(name)
        is_set = bool(known) if match["colon"] else known is not None
        sign, word = match["sign"], match["word"]
        if sign == "-" and not is_set:
            return interpolated(word, values, escaping, undecided=undecided)
        if sign == "+":
            return interpolated(word, values, escaping, undecided=undecided) if is_set else ""
        return match[0] if known is None else known

    expanded = _PATTERNS[escaping].sub(value, text)
    return expanded if len(expanded) <= max(_MOST_EXPANDED, len(text)) else text
