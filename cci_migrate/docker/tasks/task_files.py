"""What task runners have in common: options, defaults, and files that they look for upwards."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from msgspec import Struct

from cci_migrate.docker.shell.facts import folder_of, joined_path
from cci_migrate.docker.tasks.task_script import (
    MOST_TEXT,
    Piece,
    Read,
    Surroundings,
    UnreadableTask,
)

#: The limits of one call.
_MOST_FILES = 50
_MOST_PIECES = 5_000


class RunnerCommand(Struct, frozen=True):
    """A parsed command line: ``names`` are of recipes or tasks, with what just passes to each.

    ``arguments`` are passed to all. ``runs`` is False if it only prints or tests.
    """

    names: tuple[str, ...]
    directory: str | None
    file: str | None
    variables: Mapping[str, str]
    runs: bool
    arguments: tuple[str, ...] = ()


class TaskReader:
    """Reads the files that declare tasks, and collects what runs in ``root``, within limits."""

    #: What such a file is called.
    title: ClassVar[str]

    def __init__(self, root: str, called: Surroundings) -> None:
        self.pieces: list[Piece] = []
        self._root = root
        self._called = called
        self._read = called.read
        self._files = 0

    def text_of(self, path: str) -> str:
        """The text of the file at ``path``. Raises UnreadableTask."""
        text = self._read(path)
        self._files += 1
        if text is None:
            raise UnreadableTask(f"no {path} found")
        if len(text) > MOST_TEXT or self._files > _MOST_FILES:
            raise self._too_large()
        return text

    def add(self, piece: Piece) -> None:
        """Record that ``piece`` runs next. Raises UnreadableTask."""
        self.pieces.append(piece)
        if len(self.pieces) > _MOST_PIECES:
            raise self._too_large()

    def _too_large(self) -> UnreadableTask:
        return UnreadableTask(f"its {self.title} is too large to follow")


class EnvironmentDefaults:
    """The defaults of variables of the environment that were used so far.

    A step's environment that is not seen is taken not to set a variable that has a default, as in
    Compose files; but where something logs in, a name must not be taken for what it may not be.
    """

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def of(self, name: str, default: str) -> str:
        """The value of the variable ``name`` as shell code, for `applied`."""
        code = f"${{{name}:-{default}}}"
        self._values[code] = default
        return code

    def applied(self, text: str) -> str:
        """``text`` with the defaults themselves, if it does not log in."""
        if "login" in text:
            return text
        # A default may contain others, which were used before it.
        for code, default in reversed(self._values.items()):
            text = text.replace(code, default)
        return text


def taken_option(words: list[str], valued: Collection[str]) -> tuple[str, str]:
    """The option at the front of ``words`` and its value; both are taken off.

    Those in ``valued`` may have their value as the next word.
    """
    option, equals, value = words.pop(0).partition("=")
    if option in valued and not equals and words:
        value = words.pop(0)
    return option, value


def nearest_file(directory: str, names: Sequence[str], read: Read) -> str | None:
    """The path of the first of ``names`` in ``directory``, else in a folder above; None if none."""
    while True:
        path = file_in(directory, names, read)
        if path is not None or directory in (".", "/", "~") or directory.startswith(".."):
            return path
        directory = folder_of(directory)


def path_from(directory: str, path: str) -> str:
    """``path`` as a command in ``directory`` names it."""
    is_plain = not any(text.startswith(("~", "$")) for text in (directory, path))
    return posixpath.relpath(path, directory) if is_plain else path


def file_in(directory: str, names: Sequence[str], read: Read) -> str | None:
    """The path of the first of ``names`` that is in ``directory``."""
    paths = (joined_path(directory, name) for name in names)
    return next((path for path in paths if read(path) is not None), None)
