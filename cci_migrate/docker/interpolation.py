"""Interpolates ``$NAME`` and ``${NAME:-word}`` in Dockerfiles and Compose files.

https://docs.docker.com/reference/dockerfile/#environment-replacement,
https://docs.docker.com/reference/compose-file/interpolation/
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from enum import Enum

#: The greatest depth of braces in a word; a variable with deeper ones is kept as written.
_DEEPEST = 3
#: The longest expanded text. An image's name has at most about 400 characters; a longer text is
#: kept as written. (Arguments that contain each other twice soon have gigabytes.)
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
    """How a format escapes a dollar sign."""

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
    """``text`` with its variables replaced by ``values``; None means unset.

    ``undecided`` are variables that may or may not be set. These, and unset variables without a
    default, are kept as written.
    """

    def value(match: re.Match[str]) -> str:
        if match["escaped"] is not None:
            return match["escaped"]
        name = match["bare"] or match["name"]
        if name in undecided:
            return match[0]
        current = values.get(name)
        is_set = bool(current) if match["colon"] else current is not None
        sign, operand = match["sign"], match["word"]
        if sign == "-" and not is_set:
            return interpolated(operand, values, escaping, undecided=undecided)
        if sign == "+":
            return interpolated(operand, values, escaping, undecided=undecided) if is_set else ""
        return match[0] if current is None else current

    expanded = _PATTERNS[escaping].sub(value, text)
    return expanded if len(expanded) <= max(_MOST_EXPANDED, len(text)) else text
