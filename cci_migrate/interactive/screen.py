"""The terminal that a user sits at: whether there is one, its width and its colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from io import StringIO
from typing import TextIO

from typing_extensions import assert_never

from cci_migrate.escaping.terminal_text import printable
from cci_migrate.interactive.prompter import KeyPrompter, LinePrompter, Prompter, write
from cci_migrate.interactive.session_errors import CannotAskError
from cci_migrate.interactive.shown_lines import Code, Line, Look, ManualPage, Prose
from cci_migrate.reports.terminal_page import NARROWEST, WIDEST, columns_of

_USUAL_SIZE = os.terminal_size((80, 24))

_STYLES = {
    Look.PLAIN: "",
    Look.HEADING: "bold",
    Look.QUIET: "dim",
    Look.ADDED: "green",
    Look.REMOVED: "red",
    Look.MARKED: "bold",
    Look.WARNING: "yellow",
    Look.ERROR: "red",
}


class Screen:
    """A terminal to show things on and to ask at.

    Raises CannotAskError where standard input, or both standard output and standard error, are no
    terminal. With standard output going elsewhere everything is shown on standard error.
    """

    def __init__(self, *, in_colour: bool) -> None:
        if sys.stdin is None or not sys.stdin.isatty():
            raise CannotAskError("standard input is not a terminal")
        streams = [
            stream for stream in (sys.stdout, sys.stderr) if stream is not None and stream.isatty()
        ]
        if not streams:
            raise CannotAskError("neither standard output nor standard error is a terminal")
        self._stream: TextIO = streams[0]
        self._in_colour = in_colour and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """How many columns there are just now."""
        return max(self._size.columns or _USUAL_SIZE.columns, NARROWEST)

    @property
    def rows(self) -> int:
        """How many rows there are just now."""
        return self._size.lines or _USUAL_SIZE.lines

    @property
    def _size(self) -> os.terminal_size:
        try:
            return os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return _USUAL_SIZE

    def height(self, line: Line) -> int:
        """How many rows ``line`` takes just now."""
        if isinstance(line, Code):
            return max(1, -(-columns_of(printable(line.text)) // self.width))
        return rendered([line], self.width, in_colour=False).count("\n")

    def prompter(self) -> Prompter:
        """Who asks here."""
        if os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
            return LinePrompter(sys.stdin, self._stream, width=lambda: self.width)
        return KeyPrompter(self._stream, in_colour=self._in_colour, width=lambda: self.width)

    def show(self, lines: Iterable[Line]) -> None:
        """Write ``lines``."""
        write(self._stream, rendered(lines, self.width, in_colour=self._in_colour))


def rendered(lines: Iterable[Line], width: int, *, in_colour: bool) -> str:
    """``lines`` as text for a terminal of ``width`` columns."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    buffer = StringIO()
    console = Console(
        file=buffer,
        width=width,
        force_terminal=in_colour,
        no_color=not in_colour,
        color_system="standard" if in_colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for line in lines:
        match line:
            case Prose(text, look, indent):
                room = min(width, WIDEST)
                padded = Padding(
                    Text(printable(text), _STYLES[look]), (0, 0, 0, indent), expand=False
                )
                console.print(padded if text else "", width=room, overflow="fold")
            case Code(text, look):
                console.print(Text(printable(text), _STYLES[look]), soft_wrap=True)
            case ManualPage(text):
                from rich.markdown import Markdown

                console.print(Markdown(text), width=min(width, WIDEST))
            case _:
                assert_never(line)
    return "\n".join(part.rstrip(" ") for part in buffer.getvalue().split("\n"))
