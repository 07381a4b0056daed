"""Lines for a terminal: wrapped, in colour, with links and lines of source, and always escaped."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from unicodedata import combining, east_asian_width

import click
from msgspec import Struct

from cci_migrate.escaping.terminal_text import hyperlink, printable
from cci_migrate.redaction.excerpts import Excerpt

#: The widest that prose is to read well, and the narrowest.
WIDEST = 100
NARROWEST = 20


class Page(Struct, frozen=True):
    """A terminal of ``width`` columns to write for. ``has_links``: it may show links (OSC 8)."""

    width: int = WIDEST
    in_colour: bool = False
    has_links: bool = False

    @property
    def _columns(self) -> int:
        return min(max(self.width, NARROWEST), WIDEST)

    def styled(self, text: str, colour: str | None = None, *, bold: bool = False) -> str:
        """``text``, which is `printable`, in ``colour``."""
        return click.style(text, fg=colour, bold=bold or None) if self.in_colour else text

    def linked(self, text: str, address: str | None) -> str:
        """``text``, which is `printable`, as a link to ``address``."""
        return hyperlink(text, address) if self.has_links and address else text

    def prose(self, text: str, first: str = "", others: str | None = None) -> str:
        """``text`` wrapped at the words, with ``first`` before the first line.

        A text with control characters stays on one line: what is in it must not begin one.
        """
        shown = printable(text)
        if shown != text:
            return first + shown
        return fill(
            text,
            self._columns,
            initial_indent=first,
            subsequent_indent=" " * len(first) if others is None else others,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def items(self, heading: str, items: list[str]) -> Iterator[str]:
        """A paragraph with a list, if it has items."""
        if items:
            lines = [self.styled(heading, bold=True), *(self.prose(item, "  - ") for item in items)]
            yield "\n".join(lines) + "\n\n"

    def source(self, excerpt: Excerpt, label: str = "") -> Iterator[str]:
        """A line of source with a caret under the place in it, and ``label`` beside that."""
        before = _shown(excerpt.text[: excerpt.start])
        marked = _shown(excerpt.text[excerpt.start : excerpt.end])
        after = _shown(excerpt.text[excerpt.end :].rstrip())
        gutter = str(excerpt.line)
        room = max(self.width - len(gutter) - 4, NARROWEST)
        # The caret has to fit; of a line that is too long only its surroundings are shown.
        if columns_of(before) > room // 2 and columns_of(before + marked + after) > room:
            before = "…" + before[-(room // 3) :]
        line = cut(before + marked + after, room)
        carets = "^" * max(1, min(columns_of(marked), room - columns_of(before)))
        margin = " " * len(gutter)
        text = printable(label)
        if len(gutter) + 4 + columns_of(before) + len(carets) + len(text) > self.width:
            text = ""
        yield f"{self.styled(f'{gutter} |', 'cyan')} {line}".rstrip()
        pointer = self.styled(f"{carets} {text}".rstrip(), "red", bold=True)
        yield f"{self.styled(f'{margin} |', 'cyan')} {' ' * columns_of(before)}{pointer}"


def _shown(text: str) -> str:
    return printable(text.replace("\t", "    ")) if text.strip() else text.replace("\t", "    ")


def columns_of(text: str) -> int:
    """The number of columns that a terminal needs for ``text``, which is `printable`."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def cut(text: str, room: int) -> str:
    """As much of ``text`` as has room."""
    if columns_of(text) <= room:
        return text
    while text and columns_of(text) > room - 1:
        text = text[:-1]
    return text + "…"
