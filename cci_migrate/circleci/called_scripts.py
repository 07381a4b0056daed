"""The shell text that a command of a step's script runs: another script, a task, a function."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from cci_migrate.circleci.checked_out_files import CheckedOutFiles
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.step_scripts import facts
from cci_migrate.docker.shell.client_config import DOCKER_CONFIG, HOME
from cci_migrate.docker.shell.dialects import Dialect
from cci_migrate.docker.shell.facts import (
    Fact,
    FunctionCall,
    Script,
    ScriptCall,
    TaskCall,
    joined_path,
)
from cci_migrate.docker.shell.own_folder import with_own_folder
from cci_migrate.docker.shell.script_files import dialect_of_file
from cci_migrate.docker.tasks.downloads import is_download_without_docker, is_program_without_docker
from cci_migrate.docker.tasks.runners import task_script
from cci_migrate.docker.tasks.task_script import UNKNOWN_FOLDER, NotFollowed
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.groups import grouped

#: Returns the file and line of an offset in a text; None if unknown.
PlaceOf = Callable[[int], "str | None"]

_NO_REPOSITORY = "the config's repository isn't available"
#: Folders of third-party programs.
_THIRD_PARTY_FOLDERS = re.compile(r"(?:^|/)(?:node_modules|vendor|\.?venv|env/bin|target|dist)/")


class CalledText(Struct, frozen=True):
    """The text that a call runs, in ``directory`` with the variables ``environment``.

    ``unread`` is why some of what runs is not in it.
    """

    text: str
    directory: str | None
    environment: Mapping[str, str]
    place_of: PlaceOf
    unread: str | None = None
    dialect: Dialect = Dialect.POSIX

    __repr__ = repr_without("text", "environment")


def called_script(
    call: ScriptCall, directory: str | None, files: CheckedOutFiles
) -> CalledText | NotFollowed:
    """The script that ``call``, in a script that runs in ``directory``, runs."""
    inside = files.path(directory, call.directory)
    path = files.path(inside, call.path)
    text = None if path is None else files.text(path)
    if text is not None and path is not None:
        folder = joined_path(files.folder.root, posixpath.dirname(path))
        return CalledText(
            with_own_folder(text, folder),
            inside,
            dict(call.client_environment),
            lambda offset: f"{path}:{text.count(chr(10), 0, offset) + 1}",
            dialect=dialect_of_file(call.path),
        )
    address = files.downloaded.address_of(call.path)
    reason = "which script it is can't be determined"
    if address is not None:
        reason = "it is downloaded"
    elif files.read is None:
        reason = _NO_REPOSITORY
    elif path is not None and "$" not in path and not has_expression(path):
        reason = f"no {path} found"
    is_known = is_program_without_docker(call.path) or (
        address is not None and is_download_without_docker(address)
    )
    is_elsewhere = path is None or path.startswith(("/", "~", "$"))
    is_ours = not call.sourced and _is_own_script(call.path if is_elsewhere else path or "")
    return NotFollowed(reason, may_be_ours=is_ours and not is_known)


def called_task(
    call: TaskCall, directory: str | None, files: CheckedOutFiles, environment: Mapping[str, str]
) -> CalledText | NotFollowed:
    """The script of the task that ``call`` runs.

    ``directory`` is where the script with the call runs, ``environment`` are its variables.
    """
    where = files.path(directory, call.directory) or UNKNOWN_FOLDER
    variables = {**environment, **dict(call.environment)}
    arguments = [
        (files.folder.inside(word) if word.startswith(("/", "~")) else None) or word
        for word in call.arguments
    ]
    task = task_script(call.program, arguments, where, files.text, variables)
    if isinstance(task, NotFollowed):
        reason = _NO_REPOSITORY if files.read is None else task.reason
        return NotFollowed(reason, task.may_be_ours)
    client = dict(call.client_environment)
    inherited = {
        name: value for name, value in environment.items() if name not in (HOME, DOCKER_CONFIG)
    }
    return CalledText(
        task.text, task.directory, {**inherited, **client}, task.place_of, task.unread
    )


def called_function(
    call: FunctionCall, sourced: Iterable[str]
) -> tuple[Script, Sequence[Fact]] | None:
    """The facts of the function of a sourced script that ``call`` runs, in a script of their own.

    ``sourced`` are the texts of these scripts, the last first. None if none defines it.
    """
    for text in sourced:
        if not _defines(text, call.name):
            continue
        environment = dict(call.client_environment)
        script = facts(f"{text}\n{call.text}\n", Dialect.POSIX, environment)
        by_slot = _by_slot(script)
        last = max(by_slot, default=0)
        is_of_call = last not in _by_slot(facts(text, Dialect.POSIX, environment))
        return (script, by_slot.get(last, [])) if is_of_call else None
    return None


def _by_slot(script: Script) -> Mapping[int, list[Fact]]:
    """The facts of ``script`` by the number of the outermost command that they are in."""
    return grouped((fact.place[0].slot, fact) for fact in script.facts if fact.place)


def _is_own_script(path: str) -> bool:
    """Whether ``path``, as a command names it, is likely one of the repository's own scripts."""
    if path.startswith(("$", "~", "`")):
        return path.endswith((".sh", ".bash")) and not path.startswith(("~", "$HOME", "${HOME}"))
    return _THIRD_PARTY_FOLDERS.search(path) is None


def _defines(text: str, name: str) -> bool:
    """Whether the script ``text`` may define a function ``name``."""
    return f"{name}()" in text or f"{name} ()" in text or f"function {name}" in text
