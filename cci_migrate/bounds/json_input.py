"""Reads untrusted JSON as values of a type."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

import msgspec

from cci_migrate.lazy_patterns import lazy_pattern

_Value = TypeVar("_Value")

#: What msgspec writes between what is wrong and where.
_AT = " - at `$"
_UNKNOWN_KEY = lazy_pattern(r"Object contains unknown field `(.*)`", re.DOTALL)
_NAMES = {
    "`str`": "a string",
    "`int`": "a number",
    "`float`": "a number",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "an object",
    "`null`": "null",
}


class JsonInputError(ValueError):
    """A text is not JSON, or not of the expected shape; the message says why.

    ``line`` and ``column`` are those of a syntax error. ``place`` is the path of a value of the
    wrong shape (``findings[0].path``); ``unknown_key`` is the unknown key there.
    """

    def __init__(
        self,
        problem: str,
        *,
        line: int | None = None,
        column: int | None = None,
        place: str = "",
        unknown_key: str = "",
    ) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.line = line
        self.column = column
        self.place = place
        self.unknown_key = unknown_key


def parsed_json(text: str) -> Any:
    """The plain data of the JSON ``text``. Raises JsonInputError.

    Uses Python's own parser: msgspec's rejects names of files that are not Unicode.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise JsonInputError(
            f"is not JSON: {error.msg}", line=error.lineno, column=error.colno
        ) from None
    except RecursionError:
        raise JsonInputError("can't be read: it is nested too deeply") from None
    except ValueError:  # of a number with thousands of digits
        raise JsonInputError("can't be read: a number in it is too long") from None


class _Versioned(msgspec.Struct):
    version: object = None


def check_version(data: object, version: int) -> None:
    """Raise JsonInputError unless the document ``data`` is of version ``version``."""
    written = typed(data, _Versioned).version
    if written != version or isinstance(written, bool):
        raise JsonInputError(f"unsupported version {json.dumps(written)}, expected {version}")


def typed(data: object, kind: type[_Value]) -> _Value:
    """``data``, a result of `parsed_json`, converted to a ``kind``. Raises JsonInputError."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise _wrong_shape(str(error)) from None


def _wrong_shape(text: str) -> JsonInputError:
    problem, at, place = text.rpartition(_AT)
    problem, place = (problem, place.removesuffix("`").removeprefix(".")) if at else (text, "")
    unknown = _UNKNOWN_KEY.fullmatch(problem)
    if unknown is not None:
        return JsonInputError(f"unknown key {unknown[1]}", place=place, unknown_key=unknown[1])
    for name, name_for_people in _NAMES.items():
        problem = problem.replace(name, name_for_people)
    problem = problem[:1].lower() + problem[1:]
    problem = problem.replace("object missing required field", "missing key")
    return JsonInputError(problem, place=place)
