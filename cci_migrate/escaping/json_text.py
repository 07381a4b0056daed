"""JSON that any reader takes and that does nothing to a terminal it is shown on."""

from __future__ import annotations

import json
import re

from msgspec import to_builtins

from cci_migrate.escaping.terminal_text import is_visible, without_lone_surrogates

#: In a log this would be a command (see `terminal`); elsewhere in JSON it cannot stand.
_COMMAND = re.compile(r"#(?=#[a-z]*\[)")


def json_text(document: object, *, indent: int | None = None) -> str:
    r"""``document``, a struct too, as JSON; a byte of a name that is not UTF-8 is ``\xff``."""
    # Python's own escape of such a byte, a lone surrogate, is refused by other readers.
    return _escaped(json.dumps(_valid(to_builtins(document)), indent=indent, ensure_ascii=False))


def json_to_read_back(document: object, *, indent: int | None = None) -> str:
    """``document`` as JSON from which `json.loads` makes the same, names of files included."""
    return _escaped(json.dumps(to_builtins(document), indent=indent, ensure_ascii=False))


def _valid(value: object) -> object:
    match value:
        case str():
            return without_lone_surrogates(value)
        case dict():
            return {_valid(key): _valid(one) for key, one in value.items()}
        case list():
            return [_valid(one) for one in value]
        case _:
            return value


def _escaped(text: str) -> str:
    """``text``, which is JSON, with what is not printable written as JSON's own escapes."""
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
