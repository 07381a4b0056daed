"""The comments ``# cci-migrate: ignore[rule] reason``, by which users ignore findings.

A comment is about what is on its line. On a line of its own it is about what comes next: further
comments, empty lines, and the dash of an item that begins below may be between the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from cci_migrate.findings import Place
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.source import SourceText

_COMMENT = lazy_pattern(r"#[ \t]*cci-migrate:[ \t]*ignore(?:\[([^\]\r\n]*)\])?[ \t]*([^\r\n]*)")
#: Anything that is addressed to this tool, and the word behind.
_ADDRESSED = lazy_pattern(
    r"#[ \t]*cci[-_]migrate(?:[ \t]*:)?[ \t]*([A-Za-z-]+)(\[)?", re.IGNORECASE
)
#: What this comment is called here, or in other tools.
_WORDS = ("ignore", "disable", "skip", "noqa", "allow", "suppress")


class IgnoreComment(Struct, frozen=True):
    """One comment. ``rules`` is empty where it names none: all are meant.

    ``start`` is its offset in its file.
    """

    rules: frozenset[str]
    reason: str
    start: int = 0

    def covers(self, rule: str) -> bool:
        """Whether findings of ``rule`` are meant."""
        return not self.rules or rule in self.rules


def comment_text(rule: str, reason: str) -> str:
    """The text of a comment that ignores ``rule``, without its ``#``."""
    one_line = " ".join(reason.split())
    return f"cci-migrate: ignore[{rule}] {one_line}".rstrip()


def ignored_by(place: Place, rule: str) -> IgnoreComment | None:
    """The comment by which ``rule`` is ignored at ``place``."""
    source = place.source
    if not _has_any(source):
        return None
    # A comment is outside of a script, also where the finding is about a word in it.
    start = source.line_start(place.node.start)
    comment = _on_line(source, start, rule)
    indent = _indent(source.text[start : source.line_end(start)])
    while comment is None and start > 0:
        start = source.line_start(start - 1)
        if not _has_comment_at_most(source.text[start : source.line_end(start)], indent):
            return None
        comment = _on_line(source, start, rule)
    return comment


def _has_comment_at_most(line: str, indent: int) -> bool:
    """Whether ``line`` has no more than a comment, or the dash of an item and a comment.

    ``indent`` is that of the item's content, which begins on a line below.
    """
    content = line.strip(" \t")
    if content.startswith("-") and _indent(line) < indent:
        content = content[1:].lstrip(" \t")
    return not content or content.startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


@lru_cache(maxsize=16)
def _has_any(source: SourceText) -> bool:
    return "cci-migrate:" in source.text


def _on_line(source: SourceText, start: int, rule: str) -> IgnoreComment | None:
    match = _COMMENT.search(source.text, start, source.line_end(start))
    comment = None if match is None else _comment(match)
    return comment if comment is not None and comment.covers(rule) else None


def ignore_comments(source: SourceText) -> Iterator[IgnoreComment]:
    """All such comments of a file."""
    if _has_any(source):
        yield from map(_comment, _COMMENT.finditer(source.text))


def misspelt_comments(source: SourceText) -> Iterator[int]:
    """The offsets of misspelt comments: they are meant to ignore something, and do not."""
    for match in _ADDRESSED.finditer(source.text) if "igrate" in source.text else ():
        if (match[2] or _is_like_ignore(match[1])) and not _COMMENT.match(
            source.text, match.start()
        ):
            yield match.start()


def _is_like_ignore(word: str) -> bool:
    from difflib import get_close_matches  # only a comment for this program needs it

    return bool(get_close_matches(word.lower(), _WORDS, n=1, cutoff=0.75))


def _comment(match: re.Match[str]) -> IgnoreComment:
    names = (match.group(1) or "").split(",")
    rules = frozenset(name.strip() for name in names if name.strip())
    return IgnoreComment(rules, match.group(2).strip(), match.start())
