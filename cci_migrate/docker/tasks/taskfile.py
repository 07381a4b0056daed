"""Reads what ``task NAME`` runs from the Taskfiles of a repository.

https://taskfile.dev/docs/reference/schema, version 3: commands, dependencies, includes, variables
and their templates, folders. Whether a task is up to date is not known: one with ``status`` or
``sources`` may not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from shlex import quote
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.docker.mentions import mentions_docker, mentions_script
from cci_migrate.docker.shell.facts import folder_of, joined_path
from cci_migrate.docker.tasks.task_files import (
    EnvironmentDefaults,
    RunnerCommand,
    TaskReader,
    file_in,
    nearest_file,
    path_from,
    taken_option,
)
from cci_migrate.docker.tasks.task_script import (
    Piece,
    Read,
    Surroundings,
    TaskScript,
    UnreadableTask,
    double_quoted,
    script_of,
)
from cci_migrate.docker.tasks.task_templates import expanded, is_conditional
from cci_migrate.docker.word_sets import names
from cci_migrate.docker.yaml_data import NotYaml, as_mapping, text_of_value, yaml_data

#: The files that task tries, in this order, in a folder and in those above.
#: https://taskfile.dev/docs/guide#supported-file-names
DEFAULT_NAMES = tuple(
    f"{name}.{end}"
    for name in ("Taskfile", "taskfile", "Taskfile.dist", "taskfile.dist")
    for end in ("yml", "yaml")
)

_DEEPEST = 20
_SHORT = {"--taskfile": "-t", "--dir": "-d", "--concurrency": "-C", "--output": "-o"}
_VALUED = frozenset(("-I", *_SHORT, *_SHORT.values()))
_RUNS_NOTHING = names(
    "-n -l -a -h --dry --list --list-all --help --init -i --version --status --summary"
)
#: The test for whatever decides whether a task runs.
_PERHAPS = '[ "${TASK_IS_OUT_OF_DATE}" ]'


def task_command(words: Sequence[str]) -> RunnerCommand:
    """Parse ``words``, the arguments of ``task``."""
    names: list[str] = []
    options: dict[str, str] = {}
    variables: dict[str, str] = {}
    runs = True
    following = list(words)
    while following:
        word = following[0]
        if word == "--":
            break
        if not word.startswith("-"):
            name, equals, value = following.pop(0).partition("=")
            if equals:
                variables[name] = value
            else:
                names.append(word)
            continue
        option, value = taken_option(following, _VALUED)
        runs = runs and option not in _RUNS_NOTHING
        options[_SHORT.get(option, option)] = value
    return RunnerCommand(
        tuple(names), options.get("-d"), options.get("-t"), variables, runs, tuple(following[1:])
    )


def taskfile_title(words: Sequence[str]) -> str:
    """The command's name for people, without the values of variables."""
    return " ".join(("task", *task_command(words).names))


def taskfile_script(words: Sequence[str], called: Surroundings) -> TaskScript:
    """The script that ``task`` with ``words`` runs. Raises UnreadableTask."""
    command = task_command(words)
    if not command.runs:
        return TaskScript("", called.directory)
    where = joined_path(called.directory, command.directory or ".")
    if any("$" in text for text in (where, command.file or "", *command.names)):
        raise UnreadableTask("which task it runs can't be determined")
    if command.file is None:
        path = nearest_file(where, DEFAULT_NAMES, called.read)
    else:
        path = _file_at(joined_path(where, command.file), called.read)
    if path is None:
        name = joined_path(called.directory, command.file or DEFAULT_NAMES[0])
        raise UnreadableTask(f"no {name} found")
    root = folder_of(path) if command.directory is None else where
    words = [word if "$" in word else quote(word) for word in command.arguments]
    given = {**command.variables, "CLI_ARGS": " ".join(words)}
    reader = _Reader(root, replace(called, directory=where), given)
    reader.load(path, root, "", {}, 0)
    for name in command.names or ("default",):
        reader.run(name, {}, (), 0)
    return script_of(reader.pieces, root, unread=reader.unread)


def _file_at(path: str, read: Read) -> str | None:
    """``path`` itself if it is a file, else that of the Taskfile in the folder ``path``."""
    if path.endswith((".yml", ".yaml")):
        return path if read(path) is not None else None
    return file_in(path, DEFAULT_NAMES, read)


class _File(Struct, frozen=True):
    """A Taskfile: its ``prefix`` in the names of tasks, and the folder its tasks run in."""

    path: str
    directory: str
    prefix: str
    variables: Mapping[str, str]
    exports: Mapping[str, str]


class _Task(Struct, frozen=True):
    """A task, as written, with the file that declares it."""

    name: str
    data: Mapping[str, Any]
    file: _File
    line: int


class _Call(Struct, frozen=True):
    """One run of a task with its variables; ``guards`` decide whether it happens."""

    task: _Task
    variables: Mapping[str, str]
    prefix: str
    guards: tuple[str, ...]
    depth: int


class _Reader(TaskReader):
    """``given`` are the variables of the command line, which go before all others."""

    title = "Taskfile"

    def __init__(self, root: str, called: Surroundings, given: Mapping[str, str]) -> None:
        super().__init__(root, called)
        self.given = given
        self.tasks: dict[str, _Task] = {}
        self.unread: str | None = None
        self.defaults = EnvironmentDefaults()

    def load(
        self, path: str, directory: str, prefix: str, included: Mapping[str, str], depth: int
    ) -> None:
        """Read the Taskfile at ``path``, whose tasks run in ``directory``, and its includes."""
        text = self.text_of(path)
        data = yaml_data(text)
        if isinstance(data, NotYaml):
            raise UnreadableTask(f"{path}: {data.reason}")
        if not isinstance(data, dict) or not isinstance(data.get("tasks", {}), dict):
            raise UnreadableTask(f"{path} can't be read")
        variables: dict[str, str] = {
            **self._called.environment,
            **(self.given if depth else {}),
            "ROOT_DIR": path_from(directory, self._root),
            "TASKFILE_DIR": path_from(directory, folder_of(path)),
            "USER_WORKING_DIR": path_from(directory, self._called.directory),
        }
        exports = self.values(data.get("env"), variables)
        variables |= exports | self.values(data.get("vars"), {**variables, **exports})
        known = {**variables, **included, **self.given}
        file = _File(path, directory, prefix, known, exports)
        lines = _lines_of_tasks(text)
        for name, task in (data.get("tasks") or {}).items():
            self._declare(str(name), task, file, lines.get(str(name), 1))
        for name, include in _mapping(data.get("includes")).items():
            self._include(str(name), include, file, depth)

    def _declare(self, name: str, task: Any, file: _File, line: int) -> None:
        data = as_mapping(task, "cmds")
        for alias in (name, *map(str, _list(data.get("aliases")))):
            self.tasks[file.prefix + alias] = _Task(name, data, file, line)

    def _include(self, name: str, include: Any, outer: _File, depth: int) -> None:
        data = as_mapping(include, "taskfile")
        written = self.expanded(str(data.get("taskfile")), outer.variables)
        if "$" in written or "://" in written or written.startswith("git@"):
            raise UnreadableTask(f"it includes {written}, which isn't followed")
        folder = folder_of(outer.path)
        path = _file_at(joined_path(folder, written), self._read)
        if path is None:
            if data.get("optional") is True:
                return
            raise UnreadableTask(f"no {joined_path(folder, written)} found")
        directory = outer.directory
        if data.get("dir") is not None:
            directory = joined_path(folder, self.expanded(str(data["dir"]), outer.variables))
        variables = {**outer.variables, **self.values(data.get("vars"), outer.variables)}
        for alias in (name, *map(str, _list(data.get("aliases")))):
            prefix = outer.prefix if data.get("flatten") is True else f"{outer.prefix}{alias}:"
            self.load(path, directory, prefix, variables, depth + 1)

    def run(
        self, name: str, variables: Mapping[str, str], guards: tuple[str, ...], depth: int
    ) -> None:
        """Add what the task ``name`` (as its Taskfile's user calls it) runs."""
        task = self._task(name)
        if task is None:
            raise UnreadableTask(f"its Taskfile has no task {name}")
        if depth > _DEEPEST:
            raise UnreadableTask("its tasks are too large to follow")
        data = task.data
        known = {**task.file.variables, **variables, "TASK": name}
        known |= {f"MATCH {n}": text for n, text in enumerate(_matched(task.name, name))}
        known |= self.values(data.get("vars"), known)
        own = self.values(data.get("env"), known)
        exports = {**task.file.exports, **own}
        prefix = "".join(f"export {name}={_quoted(value)}; " for name, value in exports.items())
        directory = task.file.directory
        if data.get("dir") is not None:
            directory = joined_path(directory, self.expanded(text_of_value(data["dir"]), known))
        if directory != self._root:
            prefix += f"cd {_quoted(path_from(self._root, directory))} && "
        if any(key in data for key in ("status", "sources", "if", "platforms")):
            guards = (*guards, _PERHAPS)
        call = _Call(task, {**known, **own}, prefix, tuple(dict.fromkeys(guards)), depth)
        for dependency in _list(data.get("deps")):
            self._entry(as_mapping(dependency, "task"), call)
        deferred: list[Any] = []
        for entry in _list(data.get("cmds", data.get("cmd"))):
            if "defer" in _mapping(entry):
                deferred.append(entry["defer"])
            else:
                self._entry(entry, call)
        for entry in reversed(deferred):
            self._entry(entry, call)

    def _task(self, name: str) -> _Task | None:
        name = name.removeprefix(":")
        for candidate in (name, f"{name}:default"):
            if candidate in self.tasks:
                return self.tasks[candidate]
        patterns = (pattern for pattern in self.tasks if "*" in pattern)
        matching = (self.tasks[pattern] for pattern in patterns if fnmatchcase(name, pattern))
        return next(matching, None)

    def _entry(self, entry: Any, call: _Call) -> None:
        """Add a command or a call of another task, with all its repetitions."""
        data = as_mapping(entry, "cmd")
        for variables in self.repetitions(data.get("for"), call.variables):
            repeated = replace(call, variables=variables)
            if "if" in data or "platforms" in data:
                repeated = replace(repeated, guards=(*call.guards, _PERHAPS))
            if "task" in data:
                self._call_task(data, repeated)
            elif data.get("cmd") is not None:
                self._command(text_of_value(data["cmd"]), repeated)

    def _call_task(self, data: Mapping[str, Any], call: _Call) -> None:
        name = self.expanded(str(data["task"]), call.variables)
        if "$" in name:
            raise UnreadableTask("which task it runs can't be determined")
        full = name if name.startswith(":") else call.task.file.prefix + name
        if self._task(full) is None:
            full = name
        self.run(full, self.values(data.get("vars"), call.variables), call.guards, call.depth + 1)

    def _command(self, text: str, call: _Call) -> None:
        if is_conditional(text):
            if mentions_docker(text) or mentions_script(text):
                self.unread = "not all of its templates are evaluated"
            return
        command = self.defaults.applied(self.expanded(text.strip(), call.variables))
        if command:
            path, line = call.task.file.path, call.task.line
            self.add(Piece(call.prefix + command, path, line, call.guards))

    def expanded(self, text: str, variables: Mapping[str, str]) -> str:
        """``text`` with its templates replaced by their values."""
        return expanded(text, variables, self.defaults)

    def repetitions(self, loop: Any, variables: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
        """The variables in each turn of the loop ``for: …``; what it goes over may be unknown."""
        if loop is None:
            yield variables
        elif isinstance(loop, list):
            for item in loop[:100]:
                yield {**variables, "ITEM": self.expanded(text_of_value(item), variables)}
        else:
            settings = _mapping(loop)
            name = str(settings.get("as", "ITEM"))
            listed = variables.get(str(settings["var"])) if "var" in settings else None
            separator = settings.get("split")
            if listed is None or "$" in listed or not isinstance(separator, str | None):
                yield {**variables, name: f"${{{name}}}"}
                return
            for item in listed.split(separator or None)[:100]:
                yield {**variables, name: item}

    def values(self, declared: Any, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables that ``vars`` or ``env`` sets, each with those before it."""
        values: dict[str, str] = {}
        for name, value in _mapping(declared).items():
            known = {**variables, **values}
            if isinstance(value, dict) and isinstance(value.get("sh"), str):
                values[str(name)] = f"$({self.expanded(value['sh'], known)})"
            elif isinstance(value, list):
                values[str(name)] = " ".join(text_of_value(item) for item in value)
            elif not isinstance(value, dict) and value is not None:
                text = text_of_value(value)
                values[str(name)] = (
                    f"${{{name}}}" if is_conditional(text) else self.expanded(text, known)
                )
        return values


def _matched(pattern: str, name: str) -> Sequence[str]:
    """What the asterisk of ``pattern``, the name of a task, matches in ``name``."""
    if pattern.count("*") != 1:
        return ()
    before, _, after = pattern.partition("*")
    return (name.rpartition(before)[2].removesuffix(after) if before else name.removesuffix(after),)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _quoted(value: str) -> str:
    return double_quoted(value) if "$" in value else quote(value)


def _lines_of_tasks(text: str) -> dict[str, int]:
    """The lines of the keys that may be tasks, by their names."""
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key = re.fullmatch(r" {1,8}[\"']?([\w:.*-]+)[\"']?:(?:[ \t].*)?", line)
        if key is not None:
            lines.setdefault(key[1], number)
    return lines
