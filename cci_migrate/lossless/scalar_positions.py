"""Maps the characters of a scalar's value to their offsets in the text of its file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from cci_migrate.lossless.edits import Edit, replacement
from cci_migrate.lossless.nodes import Alias, Node, Scalar
from cci_migrate.lossless.scalars import can_be_plain
from cci_migrate.lossless.source import LINE_BREAK, Span

_PROPERTIES = re.compile(r"(?:[&!]\S*(?:[ \t\r\n]+(?:#[^\r\n]*[\r\n\t ]+)*|$))*")
#: https://yaml.org/spec/1.1/#id872840, those that no number follows.
_ONE_CHARACTER_ESCAPES = frozenset('0abt\tnvfre "/\\N_LP')
#: Two characters that mean one in quotes: a quote, a backslash.
_DOUBLED = {"'": ("''",), '"': ('\\"', "\\\\")}
#: The characters that end a plain scalar in a flow collection for some parsers.
_FLOW = frozenset(",[]{}:?")
_HEADER = re.compile(r"[|>]([-+0-9]*)[ \t]*(?:#[^\n\r]*)?(?:\r\n|[\n\r])")


def content_start(node: Node) -> int:
    """The offset where ``node`` itself starts, after its anchor and its tag."""
    if isinstance(node, Alias) or (node.anchor is None and node.tag is None):
        return node.start
    properties = _PROPERTIES.match(node.source.text, node.start, node.end)
    return properties.end() if properties else node.start


@lru_cache(maxsize=16)
def source_offsets(scalar: Scalar) -> Sequence[int] | None:
    """The offset in the file's text of each character of ``scalar.value``, and of its end.

    None if there is no such mapping: the text has numeric escapes, say.
    """
    text = scalar.source.text
    start = content_start(scalar)
    if scalar.style == "|":
        return _literal_offsets(scalar, start)
    if scalar.style == ">":
        header = _HEADER.match(text, start)
        return None if header is None else _folded_offsets(scalar, header.end())
    if scalar.style:
        return _quoted_offsets(scalar, start + 1) or _folded_offsets(scalar, start + 1)
    if text[start : start + len(scalar.value)] != scalar.value or LINE_BREAK.search(scalar.value):
        return _folded_offsets(scalar, start)
    return list(range(start, start + len(scalar.value) + 1))


def span_in(scalar: Scalar, start: int, end: int) -> Span | None:
    """Where characters ``start``..``end`` of the value of ``scalar`` are in the text of its file.

    None if there is no such mapping.
    """
    offsets = source_offsets(scalar)
    return None if offsets is None else Span(offsets[start], offsets[end])


def _folded_offsets(scalar: Scalar, start: int) -> list[int] | None:
    """The offsets of a ``scalar`` whose lines are folded.

    Exact for every character but white space, which the text may have more or less of.
    """
    text = scalar.source.text
    end = scalar.end - 1 if scalar.style in ("'", '"') else scalar.end
    offsets: list[int] = []
    at = start
    for char in scalar.value:
        if char in " \t\n":
            offsets.append(at)
            at += text[at : at + 1] == char
            continue
        while at < end and text[at] in " \t\r\n":
            at += 1
        width = 2 if text[at : at + 2] in _DOUBLED.get(scalar.style, ()) else 1
        if (
            at >= end
            or text[at + width - 1] != char
            or (scalar.style == '"' and text[at] == "\\" and width == 1)
        ):
            return None
        offsets.append(at)
        at += width
    return [*offsets, at]


def _quoted_offsets(scalar: Scalar, start: int) -> list[int] | None:
    """The offsets of a quoted ``scalar`` on one line; a doubled or escaped quote counts as one."""
    text = scalar.source.text
    end = scalar.end - 1
    if LINE_BREAK.search(text, start, end):
        return None
    offsets: list[int] = []
    at = start
    while at < end:
        offsets.append(at)
        if scalar.style == '"' and text[at] == "\\":
            if text[at + 1] not in _ONE_CHARACTER_ESCAPES:
                return None
            at += 1
        elif scalar.style == "'" and text[at] == "'":
            at += 1
        at += 1
    offsets.append(end)
    return offsets if len(offsets) == len(scalar.value) + 1 else None


def _literal_offsets(scalar: Scalar, start: int) -> list[int] | None:
    source = scalar.source
    header = _HEADER.match(source.text, start)
    indent = _literal_indent(scalar, start)
    if header is None or indent is None:
        return None
    at = header.end()
    offsets: list[int] = []
    lines = scalar.value.split("\n")
    for number, line in enumerate(lines):
        if number == len(lines) - 1 and not line:
            # After the last line break: the start of the next line, whatever it contains.
            offsets.append(at)
            break
        begin = min(at + indent, source.line_end(at))
        if source.text[begin : begin + len(line)] != line:
            return None
        offsets.extend(range(begin, begin + len(line) + 1))
        at = source.next_line(at)
    return offsets


def _literal_indent(scalar: Scalar, start: int) -> int | None:
    """The indent of the lines of the literal ``scalar``; None if it has no text."""
    source = scalar.source
    at = source.next_line(start)
    for line in scalar.value.split("\n"):
        written = source.text[at : source.line_end(at)]
        if line.strip(" "):
            indent = len(written) - len(line)
            return indent if indent >= 0 else None
        at = source.next_line(at)
    return None


def replaced_text(
    scalar: Scalar, start: int, end: int, text: str, *, in_flow: bool = False
) -> Edit | None:
    """The edit that replaces characters ``start``..``end`` of the value of ``scalar`` by ``text``.

    None if their offsets can't be determined, or if ``text`` would mean something else there.
    ``in_flow``: the scalar is in a flow collection.
    """
    offsets = source_offsets(scalar)
    if offsets is None:
        return None
    value = scalar.value[:start] + text + scalar.value[end:]
    begin, finish = offsets[start], offsets[end]
    if LINE_BREAK.search(scalar.source.text, begin, finish) and scalar.style != "|":
        return None
    match scalar.style:
        case "|":
            new = _literal_text(scalar, value, end, text, offsets[start])
        case "'":
            new = text.replace("'", "''") if _is_printable(value, text) else None
        case '"':
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            new = escaped if _is_printable(value, text) else None
        case ">":
            stays = text.isprintable() and not text[:1].isspace() and scalar.value[:start].strip()
            new = text if stays or (text and text == text.strip()) else None
        case _:
            one_line = " ".join(value.split("\n"))
            special = in_flow and any(char in text and char not in scalar.value for char in _FLOW)
            can_be = text.isprintable() and can_be_plain(one_line, in_flow=False)
            new = text if can_be and not special else None
    if new is None:
        return None
    return replacement(scalar.source.text, begin, finish, new)


def _is_printable(value: str, text: str) -> bool:
    """Whether ``value`` can be quoted on one line now that it contains ``text``."""
    return text.isprintable() and value.replace("\n", "").replace("\t", "").isprintable()


def _literal_text(scalar: Scalar, value: str, end: int, text: str, at: int) -> str | None:
    """``text`` as written at ``at`` in the literal ``scalar``, whose value becomes ``value``."""
    old, new = scalar.value, value
    if len(old) - end < len(old) - len(old.rstrip("\n")) or not new.strip():
        # The header determines the line breaks after the last line.
        return None
    first_old, first_new = old.lstrip("\n"), new.lstrip("\n")
    if (first_new[:1] in (" ", "\t")) != (first_old[:1] in (" ", "\t")):
        return None
    if new.rstrip("\n")[-1:] in (" ", "\t") or LINE_BREAK.search(text.replace("\n", "")):
        return None
    if not text.replace("\n", "").replace("\t", "").isprintable():
        return None
    indent = " " * (_literal_indent(scalar, content_start(scalar)) or 0)
    line_break = scalar.source.line_break_near(scalar.source.next_line(scalar.start))
    first, *following = text.split("\n")
    if first and at == scalar.source.line_start(at):
        # An empty line has no indent yet.
        first = indent + first
    # The rest of the line follows the last part, which is indented even if it is empty.
    indented = [indent + line if line else "" for line in following[:-1]]
    return line_break.join([first, *indented, *(indent + line for line in following[-1:])])
