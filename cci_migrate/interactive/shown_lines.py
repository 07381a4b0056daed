"""Lines with a meaning, before any terminal.

`screen` gives them their colours and breaks prose to the width of the terminal.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Look(Enum):
    """What a line is."""

    PLAIN = "plain"
    HEADING = "heading"
    QUIET = "quiet"
    ADDED = "added"
    REMOVED = "removed"
    MARKED = "marked"
    WARNING = "warning"
    ERROR = "error"


class Prose(Struct, frozen=True):
    """A paragraph, to be broken at the width of the terminal."""

    text: str
    look: Look = Look.PLAIN
    indent: int = 0


class Code(Struct, frozen=True):
    """A line of a file, which the terminal breaks where it will."""

    text: str
    look: Look = Look.PLAIN


class ManualPage(Struct, frozen=True):
    """A text in Markdown."""

    text: str


Line = Prose | Code | ManualPage
BLANK = Prose("")
