"""What commands of task runners run, as lines for tables."""

from __future__ import annotations

from collections.abc import Mapping

from cci_migrate.docker.tasks.runners import task_script
from cci_migrate.docker.tasks.task_script import NotFollowed, TaskScript


def followed(
    command: str, files: Mapping[str, str], directory: str = ".", **environment: str
) -> TaskScript:
    """The script that ``command`` runs with ``files`` in the repository."""
    script = _script(command, files, directory, environment)
    assert isinstance(script, TaskScript)
    return script


def lines_run_by(
    command: str, files: Mapping[str, str], directory: str = ".", **environment: str
) -> list[str]:
    """Its lines, without what holds them together, and why some or all are not known."""
    script = _script(command, files, directory, environment)
    if isinstance(script, NotFollowed):
        return [f"not followed: {script.reason}"]
    unread = [] if script.unread is None else [f"unread: {script.unread}"]
    return [line for line in script.text.splitlines() if line not in ("(", ")")] + unread


def _script(
    command: str, files: Mapping[str, str], directory: str, environment: Mapping[str, str]
) -> TaskScript | NotFollowed:
    program, *words = command.split()
    return task_script(program, words, directory, files.get, environment)
