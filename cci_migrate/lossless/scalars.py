"""How a string is written as a YAML scalar, and what a plain scalar means in YAML 1.1."""

from __future__ import annotations

import re

#: Plain scalars that YAML reads as something other than a string: null, booleans, numbers
#: (binary, octal, sexagesimal too) and timestamps (https://yaml.org/type/). Numbers of YAML 1.2
#: are among them: a string that we write must be a string to every parser.
_NOT_A_STRING = re.compile(
    r"""
      ~|null|Null|NULL|
    | yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF
    | [-+]?0b[0-1_]+|[-+]?0x[0-9a-fA-F_]+|0o[0-7]+|[-+]?[0-9][0-9_]*
    | [-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?
    | [-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    | [-+]?[0-9][0-9_]*(?:[eE][-+]?[0-9]+)
    | \.[0-9_]+(?:[eE][-+]?[0-9]+)?
    | [-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?
    | =|<<
    """,
    re.VERBOSE,
)

#: The first characters of such scalars: a quick test that rules out most others.
_NOT_A_STRING_STARTS = frozenset("~=<+-.0123456789nNyYtTfFoO")

_PLAIN_FIRST = re.compile(r"""[^\s\-?:,\[\]{}#&*!|>'"%@`]|[-?:](?=[^\s,\[\]{}])""")


def is_string(plain: str) -> bool:
    """Whether the plain scalar ``plain`` is a string, not a number, a boolean or null."""
    return plain[:1] not in _NOT_A_STRING_STARTS or _NOT_A_STRING.fullmatch(plain) is None


def can_be_plain(value: str, *, in_flow: bool) -> bool:
    """Whether ``value`` written without quotes is still that string.

    ``in_flow``: in a flow collection, where more characters need quotes.
    """
    if not value or value != value.strip() or not is_string(value):
        return False
    if value.startswith(("---", "...")):
        return False
    if not _PLAIN_FIRST.match(value) or ": " in value or " #" in value or value.endswith(":"):
        return False
    if not value.isprintable():
        return False
    # Older parsers accept no colon at all in a plain scalar of a flow collection.
    return not (in_flow and re.search(r"[,\[\]{}:?]", value))


def quoted(value: str, quote: str) -> str:
    """``value`` in quotes and escaped.

    ``quote`` is ``'`` or ``"``; the latter is used anyway if ``value`` has unprintable characters.
    """
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    escaped = "".join(_escape(char) for char in value)
    return f'"{escaped}"'


def _escape(char: str) -> str:
    named = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if char in named:
        return named[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\U{code:08x}"


def scalar_text(value: str, *, in_flow: bool, quote: str = "") -> str:
    """``value`` as a scalar on one line: plain if possible, unless a ``quote`` is given."""
    if not quote and can_be_plain(value, in_flow=in_flow):
        return value
    return quoted(value, quote or '"')
