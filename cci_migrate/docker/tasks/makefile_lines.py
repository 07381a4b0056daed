"""Splits a Makefile into logical lines: continuations joined, recipes marked.

https://www.gnu.org/software/make/manual/html_node/Makefile-Contents.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from cci_migrate.escaping.hidden_fields import repr_without

_COMMENT = re.compile(r"(?<!\\)#.*", re.DOTALL)
_BRACKETS = ("(", ")", "{", "}")
_BRACKET_OR_OPERATOR = re.compile(r"\$?[({]|[)}]|:::=|::=|:=|\?=|\+=|!=|=|&?::?")


class LineKind(Enum):
    """The kind of a logical line, by its form."""

    RECIPE = "recipe"
    DEFINE = "define"
    OTHER = "other"


class Line(Struct, frozen=True):
    """A logical line. ``number`` counts from 1. A recipe's keeps its continuations."""

    kind: LineKind
    text: str
    number: int

    __repr__ = repr_without("text")


def logical_lines(text: str) -> Iterator[Line]:
    """The lines of a Makefile, without comments and blank ones.

    A ``define`` is one line: its first, then those of its body.
    """
    physical = enumerate(text.splitlines(), start=1)
    for number, first in physical:
        parts = [first]
        while _continues(parts[-1]) and (following := next(physical, None)) is not None:
            parts.append(following[1])
        if first.startswith("\t"):
            # make removes the tab from continuation lines too.
            body = "\n".join(part.removeprefix("\t") for part in parts)
            yield Line(LineKind.RECIPE, body, number)
            continue
        pieces = [part[:-1] for part in parts[:-1]] + parts[-1:]
        joined = _COMMENT.sub("", " ".join(piece.strip() for piece in pieces)).strip()
        if re.match(r"(?:override\s+|export\s+)*define\b", joined):
            depth, body_lines = 1, [joined]
            for _, line in physical:
                stripped = line.strip()
                depth += stripped.startswith("define ") - bool(re.match(r"endef\b", stripped))
                if depth == 0:
                    break
                body_lines.append(line)
            yield Line(LineKind.DEFINE, "\n".join(body_lines), number)
        elif joined:
            yield Line(LineKind.OTHER, joined, number)


def _continues(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


class Statement(Struct, frozen=True):
    """What is to the ``left`` and to the ``right`` of the first operator outside of ``$(...)``."""

    left: str
    operator: str
    right: str

    @property
    def is_rule(self) -> bool:
        """Whether it is a rule's first line rather than an assignment."""
        return not self.operator.endswith("=")


def statement_of(text: str) -> Statement | None:
    """``text`` as an assignment or a rule; None if it is neither."""
    depth = 0
    for match in _BRACKET_OR_OPERATOR.finditer(text):
        sign = match[0]
        if sign[0] == "$" or (depth and sign in ("(", "{")):
            depth += 1
        elif depth and sign in (")", "}"):
            depth -= 1
        elif not depth and sign not in _BRACKETS and not _is_in_path(text, match.start(), sign):
            return Statement(
                text[: match.start()].strip(), sign.lstrip("&"), text[match.end() :].strip()
            )
    return None


def _is_in_path(text: str, index: int, operator: str) -> bool:
    """Whether a colon is part of a path such as ``C:/x``."""
    return operator == ":" and re.match(r"[A-Za-z]:[/\\]", text[max(0, index - 1) :]) is not None
