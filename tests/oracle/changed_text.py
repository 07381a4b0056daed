"""What a fix did to the text of a file: which lines it added, altered or lost.

Written from the promise ("every other byte as it was"), not from how the project edits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from enum import Enum

from msgspec import Struct

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_WORD = re.compile(r"[\w.$-]+|\S")
BOM = b"\xef\xbb\xbf"
#: An altered line may become at most this many lines (a string context becomes a list).
MOST_LINES = 8


class AlterationKind(Enum):
    """How much of an altered line is still there."""

    EXTENDED = "extended"  # all of its characters, in order, with others between them
    REPLACED = "replaced"  # its first word only: another value, or gone in part
    LOST = "lost"


class Alteration(Struct, frozen=True):
    """A line of the original that is not there as it was. ``line`` counts from 1."""

    line: int
    before: str
    after: str
    kind: AlterationKind


class TextChange(Struct, frozen=True):
    """All that happened to the lines of one file."""

    added: int
    alterations: tuple[Alteration, ...]


def lines_of(text: str) -> list[str]:
    """The lines of ``text`` with their breaks; ``str.splitlines`` breaks at more than YAML does."""
    ends = [match.end() for match in BREAK.finditer(text)]
    lines = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return lines if lines[-1] else lines[:-1]


def compare_text(before: str, after: str) -> TextChange:
    """Match the lines of ``before``, in order, with those of ``after``."""
    # A byte order mark is part of no line: `broken_frame` looks at it.
    old, new = lines_of(before.removeprefix("\ufeff")), lines_of(after.removeprefix("\ufeff"))
    if _are_all_there(old, new):
        return TextChange(len(new) - len(old), ())
    alterations: list[Alteration] = []
    added = 0
    for kind, start, end, at, to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            change = _compare_lines(old[start:end], new[at:to], start + 1)
            alterations += change.alterations
            added += change.added
    return TextChange(added, tuple(alterations))


def _are_all_there(old: list[str], new: list[str]) -> bool:
    rest = iter(new)
    return all(any(_matches(line, other) for other in rest) for line in old)


def _compare_lines(old: list[str], new: list[str], first: int) -> TextChange:
    """Match ``old`` with ``new``, between two lines that are the same; ``first`` is its number."""
    alterations: list[Alteration] = []
    added = position = 0
    for number, line in enumerate(old, start=first):
        start = position
        while position < len(new) and not _matches(line, new[position]):
            altered = _altered(line, new, position)
            if altered is not None:
                text, used, kind = altered
                alterations.append(Alteration(number, line, text, kind))
                added += used - 1
                position += used
                break
            added += 1
            position += 1
        else:
            if position == len(new):
                alterations.append(Alteration(number, line, "", AlterationKind.LOST))
                added -= position - start
                position = start
            else:
                position += 1
    return TextChange(added + len(new) - position, tuple(alterations))


def _matches(old: str, new: str) -> bool:
    # A last line without a break gets one when lines are added below it.
    return old == new or (not BREAK.search(old) and BREAK.split(new)[0] == old)


def _altered(old: str, new: list[str], position: int) -> tuple[str, int, AlterationKind] | None:
    """What ``old`` became at ``position``, and in how many lines; None if that is another line."""
    if not _begins_alike(old, new[position]):
        return None
    # Whole words first: the letters of one may be found in those of another.
    for parts in (_WORD.findall, str.strip):
        joined = ""
        for used, line in enumerate(new[position : position + MOST_LINES], start=1):
            joined += line
            if is_subsequence(parts(old), parts(joined)):
                return joined, used, AlterationKind.EXTENDED
    return new[position], 1, AlterationKind.REPLACED


def _begins_alike(old: str, new: str) -> bool:
    def first_word(line: str) -> str:
        match = re.match(r"([ \t]*(?:-[ \t]+)*)([\w.\"'{\[*&/<-]+)", line)
        return match.group(2).rstrip("-") if match else ""

    word = first_word(old)
    return (
        bool(word)
        and len(old) - len(old.lstrip()) == len(new) - len(new.lstrip())
        and (first_word(new) == word or word in new)
    )


def is_subsequence(part: Iterable[str], whole: Iterable[str]) -> bool:
    """Whether all characters or words of ``part`` stand in ``whole``, in that order."""
    rest = iter(whole)
    return all(any(line == other for other in rest) for line in part)


def broken_frame(before: bytes, after: bytes, lines_moved: int = 0) -> Iterator[str]:
    """What is not as before of the byte order mark, the line breaks and the file's end.

    ``lines_moved`` may be gone: what they said is now in a line that is there.
    """
    if before.startswith(BOM) != after.startswith(BOM):
        yield "the byte order mark changed"
    old, new = before.decode("utf-8"), after.decode("utf-8")
    breaks_before, breaks_after = Counter(BREAK.findall(old)), Counter(BREAK.findall(new))
    if breaks_before and set(breaks_after) - set(breaks_before):
        yield "a kind of line break appeared that the file does not use"
    if any(breaks_after[kind] < count - lines_moved for kind, count in breaks_before.items()):
        yield "a line break is lost"
    if _final_break(old) != _final_break(new):
        yield "the end of the file changed"


def _final_break(text: str) -> str:
    # Blank lines at the end belong to the frame as well.
    return text[len(text.rstrip("\r\n")) :]
