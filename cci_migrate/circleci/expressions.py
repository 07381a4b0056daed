"""``<< ... >>`` in a string, which CircleCI's compiler replaces before it reads the value.

The white space inside is optional, a reference may be part of a string, and ``\\<<`` is a literal
``<<`` (https://circleci.com/docs/reference/configuration-reference/,
https://circleci.com/docs/guides/orchestrate/pipeline-variables/).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache

from msgspec import Struct

from cci_migrate.lazy_patterns import lazy_pattern

#: An unclosed one extends to the end, so that the rest is searched only once.
_EXPRESSION = lazy_pattern(r"(?<!\\)<<(?!<)(.*?)(?:(>>)|\Z)", re.DOTALL)
_REFERENCE = lazy_pattern(r"\s*(pipeline\.parameters|parameters|matrix|pipeline)\.([\w.-]+)\s*")


class Scope(Enum):
    """The source of a reference's value."""

    PARAMETER = "parameters"
    PIPELINE_PARAMETER = "pipeline.parameters"
    PIPELINE_VALUE = "pipeline"
    MATRIX = "matrix"
    EXPRESSION = "expression"


class Reference(Struct, frozen=True):
    """One ``<< ... >>`` at ``start``..``end`` of a string.

    ``name`` is what follows the scope, or the whole text if that isn't a plain name.
    """

    scope: Scope
    name: str
    start: int
    end: int


def has_expression(text: str) -> bool:
    """Whether CircleCI's compiler replaces part of ``text``."""
    return bool(references(text))


def references(text: str) -> tuple[Reference, ...]:
    """Every ``<< ... >>`` of ``text``, from left to right."""
    return _references(text) if "<<" in text else ()


@lru_cache(maxsize=1024)
def _references(text: str) -> tuple[Reference, ...]:
    return tuple(_reference(match) for match in _EXPRESSION.finditer(text) if match.group(2))


def _reference(match: re.Match[str]) -> Reference:
    inner = match.group(1)
    plain = _REFERENCE.fullmatch(inner)
    if plain is None:
        return Reference(Scope.EXPRESSION, inner.strip(), match.start(), match.end())
    return Reference(Scope(plain.group(1)), plain.group(2), match.start(), match.end())


def sole_reference(text: str) -> Reference | None:
    """The reference that ``text`` consists of; None if there is anything else in it."""
    if "<<" not in text:
        return None
    expressions = references(text.strip())
    if len(expressions) == 1 and expressions[0].end - expressions[0].start == len(text.strip()):
        return expressions[0]
    return None


def substitute(text: str, value_of: Callable[[Reference], str | None]) -> str:
    """``text`` with each reference replaced by its ``value_of``; kept if that is None."""
    parts: list[str] = []
    done = 0
    for reference in references(text):
        value = value_of(reference)
        if value is not None:
            parts += (text[done : reference.start], value)
            done = reference.end
    parts.append(text[done:])
    return "".join(parts)
