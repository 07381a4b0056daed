"""How ``cd``, ``pushd`` and ``popd`` change the folder in which the commands of a script run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from cci_migrate.docker.shell.facts import Word, joined_path
from cci_migrate.docker.word_sets import names

#: The commands that change it.
FOLDER_COMMANDS = names("cd pushd popd")
_OPTIONS = names("-P -L --")
WORKING_DIRECTORY = re.compile(
    r"\$(?:CIRCLE_WORKING_DIRECTORY|\{CIRCLE_WORKING_DIRECTORY\})(?=/|$)"
)


class WorkingFolder:
    """Where the current command runs: ``path``, from the script's first folder; None if unknown."""

    def __init__(self) -> None:
        self.path: str | None = "."
        self._stack: list[str | None] = []

    def follow(self, command: str, arguments: Sequence[Word]) -> None:
        """Follow one of `FOLDER_COMMANDS` with its ``arguments``."""
        if command == "popd":
            self.path = self._stack.pop() if self._stack else None
            return
        if command == "pushd":
            self._stack.append(self.path)
        target = next((word.value for word in arguments if word.value not in _OPTIONS), None)
        if target is None or target == "-":
            self.path = None
            return
        target = from_first_folder(target)
        if target.startswith(("/", "~", "$")) or self.path is not None:
            self.path = joined_path(self.path or ".", target)

    @contextmanager
    def one_of(self, ends: set[str | None], *, goes_on: bool) -> Iterator[None]:
        """Within one of several alternatives, the next of which begins in the same folder.

        Where it ends is added to ``ends`` if control ``goes_on`` after it.
        """
        before = self.path
        yield
        if goes_on:
            ends.add(self.path)
        self.path = before

    def be_one_of(self, ends: Collection[str | None]) -> None:
        """Go on after alternatives that end in ``ends``: unknown if these differ."""
        if ends:
            self.path = next(iter(ends)) if len(ends) == 1 else None

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """Within what may not run."""
        before = self.path
        yield
        self.be_one_of({before, self.path})

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Within a subshell, which leaves the folder as it is."""
        path, stack = self.path, list(self._stack)
        yield
        self.path, self._stack = path, stack


def from_first_folder(path: str) -> str:
    """``path`` with the job's working directory, where scripts of steps begin, as ``.``."""
    return WORKING_DIRECTORY.sub(".", path)
