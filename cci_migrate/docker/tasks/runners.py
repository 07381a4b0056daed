"""Reads what programs that run tasks of the repository run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cci_migrate.docker.tasks.downloads import (
    DOWNLOADED_SCRIPT,
    is_download_without_docker,
    is_program_without_docker,
)
from cci_migrate.docker.tasks.justfile import just_script, just_title
from cci_migrate.docker.tasks.makefile import make_command, make_script
from cci_migrate.docker.tasks.package_scripts import package_script, package_title
from cci_migrate.docker.tasks.programs import (
    JUST,
    LAUNCHERS,
    MAKE,
    PACKAGE_MANAGERS,
    SHELL_COMMAND,
    TASK,
    TASK_RUNNERS,
    is_interpreter,
)
from cci_migrate.docker.tasks.task_script import UNKNOWN_FOLDER, NotFollowed, Read, TaskScript
from cci_migrate.docker.tasks.taskfile import taskfile_script, taskfile_title

#: A file that an interpreter runs.
_FILE = re.compile(r"[\w./-]*(?:/[\w.-]+|\.(?:py|rb|js|mjs|cjs|ts|php|pl))")
_INLINE = ("-m", "-c", "-e", "-r", "-p")


_Reader = Callable[[Sequence[str], str, Read, Mapping[str, str]], "TaskScript | NotFollowed"]


def task_title(program: str, words: Sequence[str]) -> str:
    """The name of a task's call for people, without any values."""
    if program in MAKE:
        return make_command(words).title
    if program in TASK:
        return taskfile_title(words)
    if program == JUST:
        return just_title(words)
    if program in PACKAGE_MANAGERS:
        return package_title(program, words)
    if program == DOWNLOADED_SCRIPT:
        return program
    plain = [word for word in words if "=" not in word and not word.startswith("-")]
    return " ".join((program, *plain[: 2 if program in LAUNCHERS else 1]))


def task_script(
    program: str, words: Sequence[str], directory: str, read: Read, environment: Mapping[str, str]
) -> TaskScript | NotFollowed:
    """The script that ``program`` runs with ``words`` in ``directory``, or why it is unknown."""
    following = list(words)
    while program in LAUNCHERS:
        while following and (following[0].startswith("-") or following[0] in LAUNCHERS[program]):
            following.pop(0)
        if not following:
            break
        program = following.pop(0).rpartition("/")[2]
    script = _reader_of(program)
    if script is not None:
        if directory.startswith(UNKNOWN_FOLDER):
            return NotFollowed("where it runs can't be determined")
        return script(following, directory, read, environment)
    if program == SHELL_COMMAND:
        return NotFollowed("its script isn't written there")
    if program == DOWNLOADED_SCRIPT:
        may_pull = not all(map(is_download_without_docker, following))
        return NotFollowed("the script is downloaded", may_be_ours=may_pull)
    is_ours = program in TASK_RUNNERS or (is_interpreter(program) and _runs_file(following))
    return NotFollowed(f"what {program} runs isn't followed", may_be_ours=is_ours)


def _reader_of(program: str) -> _Reader | None:
    """What reads the tasks of ``program``; None if nothing does."""
    if program in MAKE:
        return make_script
    if program in PACKAGE_MANAGERS:
        return partial(package_script, program)
    if program in TASK:
        return taskfile_script
    return just_script if program == JUST else None


def _runs_file(words: Sequence[str]) -> bool:
    first = next((word for word in words if not word.startswith("-")), "")
    is_inline = bool(words) and words[0] in _INLINE
    is_elsewhere = first.startswith(("/", "~", "$")) or is_program_without_docker(first)
    return not is_inline and not is_elsewhere and _FILE.fullmatch(first) is not None
