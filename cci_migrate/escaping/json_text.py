"""Writes JSON that any parser accepts and that is safe to print on a terminal."""

from __future__ import annotations

import json

from msgspec import to_builtins

from cci_migrate.escaping.terminal_text import is_visible, without_lone_surrogates
from cci_migrate.lazy_patterns import lazy_pattern

#: In a log this would be a command (see `terminal_text`); it only occurs in strings of JSON.
_COMMAND = lazy_pattern(r"#(?=#[a-z]*\[)")


def json_text(document: object, *, indent: int | None = None) -> str:
    r"""``document``, plain data or a struct, as JSON; a byte that isn't UTF-8 becomes ``\xff``."""
    # Python's own escape of such a byte, a lone surrogate, is rejected by other parsers.
    return _escaped(json.dumps(_valid(to_builtins(document)), indent=indent, ensure_ascii=False))


def json_to_read_back(document: object, *, indent: int | None = None) -> str:
    """``document`` as JSON that `json.loads` reads back unchanged, names of files included."""
    return _escaped(json.dumps(to_builtins(document), indent=indent, ensure_ascii=False))


def _valid(value: object) -> object:
    match value:
        case str():
            return without_lone_surrogates(value)
        case dict():
            return {_valid(key): _valid(item) for key, item in value.items()}
        case list() | tuple():
            return [_valid(item) for item in value]
        case _:
            return value


def _escaped(text: str) -> str:
    """The JSON ``text`` with unprintable characters replaced by JSON's own escapes."""
    text = _COMMAND.sub(lambda match: _escape(match[0]), text)
    if is_visible(text.replace("\n", "")):
        return text
    return "".join(char if is_visible(char) or char == "\n" else _escape(char) for char in text)


def _escape(char: str) -> str:
    number = ord(char)
    if number <= 0xFFFF:
        return f"\\u{number:04x}"
    number -= 0x10000
    return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"
