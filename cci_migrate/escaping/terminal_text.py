r"""Escapes text for a terminal or a log: control characters become ``\x1b`` and the like.

The name of a job or a folder, or a server's answer, is written by somebody else. In it a control
sequence (ECMA-48) could hide or forge lines, a direction mark (UAX #9) reorder them, a line break
start a new one, and a CI service could take a line for a command.
"""

from __future__ import annotations

import re
from functools import cache

from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.project import DOCUMENTATION

#: Invisible, though Unicode counts them as letters and marks (UTS #39, default ignorable).
_BLANKS = lazy_pattern("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")

#: How a line commands a CI service: "::error::" after blanks (workflow commands of
#: GitHub, https://docs.github.com/actions/reference/workflow-commands-for-github-actions),
#: "##[error]" and "##vso[" anywhere (the older form, and Azure Pipelines:
#: https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands), "##teamcity[".
_COMMAND = lazy_pattern(r"(?<!\S):(?=:\S)|#(?=#[a-z]*\[)")
_LONE_SURROGATES = lazy_pattern("[\ud800-\udfff]")

#: The colours that this program itself writes, and its links to its own pages.
_COLOUR = r"\x1b\[[0-9;]*m"
_LINK = r"\x1b\]8;;(?:{documentation}[!-~]*)?\x1b\\"


def printable(text: str) -> str:
    """``text`` on one line, safe for terminals and CI services."""
    if not is_visible(text):
        text = "".join(char if is_visible(char) else _escape(char) for char in text)
    return _COMMAND.sub(lambda match: _escape(match[0]), text)


def is_visible(text: str) -> bool:
    """Whether every character of ``text`` is visible and has no other effect."""
    return text.isprintable() and not _BLANKS.search(text)


def printable_lines(text: str) -> str:
    """The lines of ``text``, each made `printable`."""
    return "\n".join(map(printable, text.split("\n")))


def without_controls(text: str, *, in_colour: bool) -> str:
    """``text``, whose parts are `printable`, with the remaining control characters escaped.

    Line breaks and tabs are kept, and if ``in_colour`` colours and links to this project's pages.
    """
    parts = _own_sequences().split(text) if in_colour else [text]
    return "".join(
        part if index % 2 else _without_controls(part) for index, part in enumerate(parts)
    )


@cache
def _own_sequences() -> re.Pattern[str]:
    links = [_LINK.format(documentation=re.escape(DOCUMENTATION))] if DOCUMENTATION else []
    return re.compile(f"({'|'.join([_COLOUR, *links])})")


def hyperlink(text: str, address: str) -> str:
    """``text``, which is `printable`, as a link to ``address`` (OSC 8)."""
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"


def printable_file(data: bytes) -> str:
    """The content of a file, for display on a terminal and not for further processing."""
    text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    return printable_lines(text.replace("\t", "    "))


def without_lone_surrogates(text: str) -> str:
    r"""``text`` that any encoding accepts: the byte 0xFF of a file's name becomes ``\xff``."""
    return _LONE_SURROGATES.sub(lambda match: _escape(match[0]), text)


def _without_controls(text: str) -> str:
    if is_visible(text.replace("\n", "")):
        return text
    return "".join(char if is_visible(char) or char in "\n\t" else _escape(char) for char in text)


def _escape(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is not UTF-8, as Python reads names of files
        number -= 0xDC00
    if number <= 0xFF:
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
