"""Where the characters of a scalar's value stand in the text of its file."""

from __future__ import annotations

import re

from cci_migrate.lossless.edits import Edit
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.lossless.source import LINE_BREAK, Span

_PROPERTIES = re.compile(r"(?:[&!][^\s]*[ \t]+)*")
_HEADER = re.compile(r"[|>]([-+0-9]*)[ \t]*(?:#[^\n\r]*)?(?:\r\n|[\n\r])")


def source_offsets(scalar: Scalar) -> list[int] | None:
    """For each character of ``scalar.value``, and for its end, its offset in the file's text.

    None where the value is not a copy of the text: escapes, folded lines, quotes doubled.
    """
    text = scalar.source.text
    properties = _PROPERTIES.match(text, scalar.start)
    start = properties.end() if properties else scalar.start
    if scalar.style == "|":
        return _literal_offsets(scalar, start)
    if scalar.style == ">":
        return None
    if scalar.style:
        start += 1
    if text[start : start + len(scalar.value)] != scalar.value:
        return None
    if LINE_BREAK.search(scalar.value):
        return None
    return list(range(start, start + len(scalar.value) + 1))


def _literal_offsets(scalar: Scalar, start: int) -> list[int] | None:
    text = scalar.source.text
    header = _HEADER.match(text, start)
    if header is None:
        return None
    at = header.end()
    # The indent is that of the text's first line in the file less its own leading spaces.
    lines = scalar.value.split("\n")
    indent = None
    probe = at
    for line in lines:
        stripped = text[probe : scalar.source.line_end(probe)]
        if stripped.strip(" "):
            indent = len(stripped) - len(line)
            break
        probe = scalar.source.next_line(probe)
    if indent is None or indent < 0:
        return None
    offsets: list[int] = []
    for number, line in enumerate(lines):
        line_end = scalar.source.line_end(at)
        begin = min(at + indent, line_end)
        if text[begin : begin + len(line)] != line:
            if number == len(lines) - 1 and not line:
                begin = at
            else:
                return None
        offsets.extend(range(begin, begin + len(line) + 1))
        at = scalar.source.next_line(at)
    return offsets


def replaced_text(scalar: Scalar, start: int, end: int, text: str) -> Edit | None:
    """The edit that replaces characters ``start``..``end`` of the value of ``scalar``.

    None where their place cannot be told, or where ``text`` would mean something else there.
    """
    offsets = source_offsets(scalar)
    if offsets is None or (scalar.style != "|" and "\n" in text):
        return None
    if scalar.style == "'" and "'" in text:
        text = text.replace("'", "''")
    if scalar.style == '"' and re.search(r'["\\]', text):
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    begin, finish = offsets[start], offsets[end]
    return Edit(Span(begin, finish), scalar.source.text[begin:finish], text)
