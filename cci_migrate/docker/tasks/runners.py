"""Reads what programs that run tasks of the repository run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from cci_migrate.docker.container_tools import DOCKER_PROGRAMS
from cci_migrate.docker.shell.wrappers import docker_command_in
from cci_migrate.docker.tasks.downloads import (
    DOWNLOADED_SCRIPT,
    is_download_without_docker,
    is_program_without_docker,
)
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
from cci_migrate.docker.tasks.task_script import (
    UNKNOWN_FOLDER,
    NotFollowed,
    Read,
    Surroundings,
    TaskScript,
    UnreadableTask,
)

#: A file that an interpreter runs.
_FILE = re.compile(r"[\w./-]*(?:/[\w.-]+|\.(?:py|rb|js|mjs|cjs|ts|php|pl))")
_INLINE = ("-m", "-c", "-e", "-r", "-p")


class _Reader(Struct, frozen=True):
    """How the command lines of a task runner are read: their names for people, what they run."""

    title: Callable[[Sequence[str]], str]
    script: Callable[[Sequence[str], Surroundings], TaskScript]


def task_title(program: str, words: Sequence[str]) -> str:
    """The name of a task's call for people, without any values."""
    reader = _reader_of(program)
    if reader is not None:
        return reader.title(words)
    if program in (DOWNLOADED_SCRIPT, SHELL_COMMAND):
        return program
    commands = [docker_command_in(word) or word for word in words]
    plain = [word for word in commands if "=" not in word and not word.startswith("-")]
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
    reader = _reader_of(program)
    if reader is not None:
        if directory.startswith(UNKNOWN_FOLDER):
            return NotFollowed("where it runs can't be determined")
        try:
            return reader.script(following, Surroundings(directory, read, environment))
        except UnreadableTask as problem:
            return NotFollowed(str(problem), problem.may_be_ours)
    if program == SHELL_COMMAND and following:
        return TaskScript(following[0], directory)
    if program == SHELL_COMMAND:
        return NotFollowed("its script isn't in the config")
    if program in DOCKER_PROGRAMS:
        return NotFollowed("its command isn't in the config")
    if program == DOWNLOADED_SCRIPT:
        may_pull = not all(map(is_download_without_docker, following))
        return NotFollowed("the script is downloaded", may_be_ours=may_pull)
    is_ours = (
        program in TASK_RUNNERS
        or (is_interpreter(program) and _runs_file(following))
        or any(map(docker_command_in, following))
    )
    return NotFollowed(f"cci-migrate doesn't follow what {program} runs", may_be_ours=is_ours)


def _reader_of(program: str) -> _Reader | None:
    """What reads the tasks of ``program``; None if nothing does. Each is imported when needed."""
    if program in MAKE:
        from cci_migrate.docker.tasks.makefile import make_script, make_title

        return _Reader(make_title, make_script)
    if program in PACKAGE_MANAGERS:
        from cci_migrate.docker.tasks.package_scripts import package_script, package_title

        return _Reader(partial(package_title, program), partial(package_script, program))
    if program in TASK:
        from cci_migrate.docker.tasks.taskfile import taskfile_script, taskfile_title

        return _Reader(taskfile_title, taskfile_script)
    if program == JUST:
        from cci_migrate.docker.tasks.justfile import just_script, just_title

        return _Reader(just_title, just_script)
    return None


def _runs_file(words: Sequence[str]) -> bool:
    first = next((word for word in words if not word.startswith("-")), "")
    is_inline = bool(words) and words[0] in _INLINE
    is_elsewhere = first.startswith(("/", "~", "$")) or is_program_without_docker(first)
    return not is_inline and not is_elsewhere and _FILE.fullmatch(first) is not None
