"""Standard output and standard error, with colour if wanted and control characters escaped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cci_migrate.cli.options import Colour
from cci_migrate.error_kinds import OutsideError
from cci_migrate.escaping.terminal_text import printable, printable_file, without_controls

_USUAL_WIDTH = 100


class OutputError(OutsideError):
    """Standard output or a file cannot be written, on a full disk say; the text says why."""


def wants_colour(stream: TextIO | None, colour: Colour, environment: Mapping[str, str]) -> bool:
    """Whether to write colours to ``stream``.

    https://no-color.org, https://force-color.org: either counts if it is not empty, NO_COLOR more.
    """
    if colour is not Colour.AUTO:
        return colour is Colour.ALWAYS
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    if stream is None or environment.get("TERM") == "dumb":
        return False
    return stream.isatty()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """While it lasts, ``path`` is written: an error of that becomes an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


class Terminal:
    """Where the program writes to."""

    def __init__(self, colour: Colour = Colour.AUTO) -> None:
        if sys.platform == "win32":
            from colorama import just_fix_windows_console  # click depends on it there

            just_fix_windows_console()
        self.out_in_colour = wants_colour(sys.stdout, colour, os.environ)
        self.err_in_colour = wants_colour(sys.stderr, colour, os.environ)

    @property
    def width(self) -> int:
        """How many columns there are to write in."""
        columns = os.environ.get("COLUMNS", "")
        if columns.isdecimal() and int(columns):
            return int(columns)
        try:
            return os.get_terminal_size().columns or _USUAL_WIDTH
        except OSError:
            return _USUAL_WIDTH

    def out(self, text: str | bytes) -> None:
        """Write text or bytes to standard output; on a terminal control characters are escaped.

        Raises OutputError. Whoever reads it and goes away (``| head``) is no error.
        """
        try:
            _write(sys.stdout, text, in_colour=self.out_in_colour)
        except BrokenPipeError:
            write_into_the_void(sys.stdout)
        except OSError as error:
            write_into_the_void(sys.stdout)
            raise OutputError(f"standard output: {error.strerror}") from None

    def err(self, text: str) -> None:
        """Write to standard error; an error of that is ignored."""
        try:
            _write(sys.stderr, text, in_colour=self.err_in_colour)
        except OSError:
            write_into_the_void(sys.stderr)

    def say(self, line: str) -> None:
        """Write a line to standard output. Raises OutputError."""
        self.out(f"{printable(line)}\n")

    def note(self, text: str, kind: str = "note") -> None:
        """Write a note, or another ``kind`` of remark, to standard error."""
        self.err(f"{kind}: {printable(text)}\n")

    def error(self, problem: str, *more: str) -> None:
        """Write an error to standard error: one line, and a line for each of ``more``."""
        lines = (f"error: {printable(problem)}", *(f"  {printable(line)}" for line in more))
        self.err("".join(f"{line}\n" for line in lines))

    def interrupted(self, effects: str) -> None:
        """Write to standard error that the user interrupted, and what is done until then."""
        self.err(f"cci-migrate: interrupted; {effects}\n")


def _write(stream: TextIO | None, text: str | bytes, *, in_colour: bool) -> None:
    if stream is None:  # started with the stream closed
        return
    if isinstance(text, bytes) and stream.isatty():
        text = printable_file(text)
    if isinstance(text, str):
        # A name that the terminal cannot show must not end the program.
        shown = without_controls(text, in_colour=in_colour)
        data = shown.encode(stream.encoding or "utf-8", "backslashreplace")
    else:
        data = text
    stream.flush()
    stream.buffer.write(data)
    stream.buffer.flush()


def write_into_the_void(stream: TextIO | None) -> None:
    """Have everything that is still written to ``stream`` disappear, at the very end too."""
    if stream is None:
        return
    void = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(void, stream.fileno())
    finally:
        os.close(void)
