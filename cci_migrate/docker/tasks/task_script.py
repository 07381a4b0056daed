"""What a task runner runs, as one shell script that has the same effect on Docker."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby

from msgspec import Struct

from cci_migrate.escaping.hidden_fields import repr_without

#: Gives a file's text by its path from the repository's root; None where there is no such file.
Read = Callable[[str], "str | None"]

#: A file that tasks are declared in is not read beyond this size, and what a call comes to neither.
MOST_TEXT = 1_000_000
#: The folder of a call, where that isn't known.
UNKNOWN_FOLDER = "$FOLDER"


class UnreadableTask(Exception):
    """What a task runs can't be read; the text says why. ``may_be_ours`` as in `NotFollowed`."""

    def __init__(self, reason: str, *, may_be_ours: bool = True) -> None:
        super().__init__(reason)
        self.may_be_ours = may_be_ours


class NotFollowed(Struct, frozen=True):
    """Why it can't be said what a task runs.

    ``may_be_ours``: it is a task of the repository, not a program that came from elsewhere.
    """

    reason: str
    may_be_ours: bool = True


class Surroundings(Struct, frozen=True):
    """Where a task runner is called: in ``directory`` of the repository with the files of ``read``.

    ``environment`` has the known variables of the step.
    """

    directory: str
    read: Read
    environment: Mapping[str, str]

    __repr__ = repr_without("environment")


class TaskScript(Struct, frozen=True):
    """The script ``text``, run in ``directory`` (from the repository's root).

    ``lines`` say of each piece where it begins in the text, and its file and line. ``unread`` is
    why some of what runs is not in it.
    """

    text: str
    directory: str
    lines: tuple[tuple[int, str, int], ...] = ()
    unread: str | None = None

    __repr__ = repr_without("text")

    def place_of(self, offset: int) -> str | None:
        """The file and line that the text at ``offset`` comes from: ``ci/Makefile:3``."""
        index = bisect_right(self.lines, offset, key=lambda line: line[0]) - 1
        if index < 0:
            return None
        start, path, line = self.lines[index]
        return f"{path}:{line + self.text.count(chr(10), start, offset)}"


class Piece(Struct, frozen=True):
    """A command line of a task: each runs in a shell of its own.

    ``guards`` are shell tests that must all hold for it to run.
    """

    text: str
    path: str
    line: int
    guards: tuple[str, ...] = ()

    __repr__ = repr_without("text")


def exports_of(values: Iterable[tuple[str, str]]) -> str:
    """The commands that set variables to ``values``, shell code, for all that runs; of one line."""
    return "".join(
        f"export {name}={double_quoted(value)}\n" for name, value in values if "\n" not in value
    )


def double_quoted(code: str) -> str:
    """The word of a shell that is what ``code``, a text with variables and commands, expands to."""
    return '"' + code.replace('"', '\\"') + '"'


def script_of(
    pieces: list[Piece], directory: str, setup: str = "", unread: str | None = None
) -> TaskScript:
    """One script that runs ``pieces`` one after the other, each apart from the others."""
    parts: list[str] = [setup]
    length = len(setup)
    lines: list[tuple[int, str, int]] = []

    def add(text: str) -> None:
        nonlocal length
        parts.append(text)
        length += len(text)

    for guards, group in groupby(pieces, key=lambda piece: piece.guards):
        if guards:
            add(f"if {' && '.join(guards)}; then\n")
        for piece in group:
            add("(\n")
            lines.append((length, piece.path, piece.line))
            add(f"{piece.text}\n)\n")
        if guards:
            add("fi\n")
    return TaskScript("".join(parts), directory, tuple(lines), unread)
