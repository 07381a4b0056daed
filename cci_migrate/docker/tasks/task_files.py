"""What task runners have in common: their options, and files that they look for upwards."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence

from cci_migrate.docker.shell.facts import joined_path
from cci_migrate.docker.tasks.task_script import Read


class UnreadableTask(Exception):
    """What a task runs can't be read; the text says why."""


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
        directory = posixpath.dirname(directory) or "."


def path_from(directory: str, path: str) -> str:
    """``path`` as a command in ``directory`` names it."""
    is_plain = not any(text.startswith(("~", "$")) for text in (directory, path))
    return posixpath.relpath(path, directory) if is_plain else path


def file_in(directory: str, names: Sequence[str], read: Read) -> str | None:
    """The path of the first of ``names`` that is in ``directory``."""
    paths = (joined_path(directory, name) for name in names)
    return next((path for path in paths if read(path) is not None), None)
