"""What one release of an orb pulls, builds, logs in to and runs on, from its source.

The facts have the shape of an orb: its executors, commands and jobs, with the parameters that
matter and with steps that say what happens instead of how:

- ``docker pull: {image}``, ``docker build: {dockerfile}``: null where the source does not tell;
- ``docker login: {registries, username, password}``: patterns of registries, names of variables;
- ``run: << parameters.x >>``: a script that the caller passes;
- ``setup_remote_docker``, ``when``, ``unless``, ``steps`` and calls of commands, as in an orb.

``perhaps: true`` marks what a script does under a condition of its own. No script, description or
other wording of the orb is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from cci_migrate.circleci.config import (
    Command,
    Config,
    Executor,
    ExecutorCall,
    Job,
    Namespace,
    Parameter,
)
from cci_migrate.circleci.expressions import sole_reference
from cci_migrate.circleci.packing import Group, Part, group_by_name
from cci_migrate.docker.mentions import mentions_docker
from cci_migrate.docker.shell.dialects import Dialect, dialect_of
from cci_migrate.docker.shell.facts import (
    BakeBuild,
    Build,
    ComposeCommand,
    CredentialFile,
    Fact,
    ImagePull,
    Login,
    Script,
)
from cci_migrate.docker.shell.script_reading import facts_of, logged_in_at_end
from cci_migrate.engine.loading import load_texts
from cci_migrate.lossless.merging import entries_of, is_null
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, Scalar, resolved
from cci_migrate.lossless.source import SourceText

Facts = dict[str, Any]

_PARTS = ("commands", "executors", "jobs")
_INCLUDE = re.compile(r"<<\s*include\(\s*([^)>\s]+)\s*\)?\s*>>")
#: ``$(eval echo "$X")`` and ``$(circleci env subst "$X")``: X, with its variables put in.
_EXPANDED = re.compile(r"\$\((?:eval echo|circleci env subst) +(\"?)([^()]*?)\1\)")
_KEPT = re.compile(r"^[ \t]*(?:export )?(\w+)=\"*\$\{?\1\}?\"*[ \t]*$", re.MULTILINE)
_FILE_OPTION = re.compile(r"(?:\s-f|--file)[ =]([^\s)]+)")
_VARIABLE = re.compile(r"\$\{?!?(\w+)\}?")
_REFERENCE = re.compile(r"<<\s*parameters\.([\w-]+)\s*>>")


#: All that ``gcloud`` logs in to, where its script does not say to which.
_GOOGLE = ("*gcr.io", "*-docker.pkg.dev")


class UnreadableOrbError(ValueError):
    """The source of an orb is not read as one."""


def facts_of_release(files: Mapping[str, str]) -> Facts:
    """The facts of the release whose source files (paths and texts) are ``files``.

    Calls of other orbs' commands are in it as they stand: see ``tools.orb_table``. Raises
    UnreadableOrbError.
    """
    namespace, folder = _namespace(files)
    scripts = {
        str(PurePosixPath(path).relative_to(folder)): text
        for path, text in files.items()
        if PurePosixPath(path).is_relative_to(folder)
    }
    return _Reducer(namespace, scripts).facts()


def _namespace(files: Mapping[str, str]) -> tuple[Namespace, str]:
    roots = [path for path in files if PurePosixPath(path).stem in ("@orb", "orb")]
    if not roots:
        raise UnreadableOrbError("there is no orb.yml")
    root = min(roots, key=len)
    folder = str(PurePosixPath(root).parent)
    paths = [path for path in files if _is_part(path, folder)]
    packed = (group for group in group_by_name(paths) if group.is_orb)
    group = next(packed, Group((Part(root, ()),), is_orb=True))
    sources = [SourceText(part.path, files[part.path]) for part in group.parts]
    loaded = load_texts(group, sources)
    if not isinstance(loaded, Config):
        raise UnreadableOrbError(str(getattr(loaded, "reason", loaded)))
    return loaded.body, folder


def _is_part(path: str, folder: str) -> bool:
    inside = PurePosixPath(path)
    if inside.suffix not in (".yml", ".yaml") or not inside.is_relative_to(folder):
        return False
    parts = inside.relative_to(folder).parts
    return parts[0] in _PARTS if len(parts) > 1 else inside.stem.startswith("@")


class _Reducer:
    def __init__(self, namespace: Namespace, scripts: Mapping[str, str]) -> None:
        self._namespace = namespace
        self._scripts = scripts
        self._commands: dict[str, Facts] = {}

    def facts(self) -> Facts:
        namespace = self._namespace
        return {
            "orbs": {
                alias: f"{orb.name}@{orb.version}" for alias, orb in namespace.imported.items()
            },
            "executors": {
                name: self._executor(executor) for name, executor in namespace.executors.items()
            },
            "commands": {name: self._command(name) for name in namespace.commands},
            "jobs": {name: self._job(job) for name, job in namespace.jobs.items()},
        }

    def _executor(self, executor: Executor) -> Facts:
        return self._with_parameters(_runs_on(executor), executor.parameters)

    def _job(self, job: Job) -> Facts:
        found = _runs_on(job.runs_on)
        if job.executor is not None:
            found["executor"] = self._executor_call(job.executor)
        steps = [] if job.steps is None else self._steps(plain_data(job.steps))
        if steps:
            found["steps"] = steps
        return self._with_parameters(found, job.parameters)

    def _executor_call(self, call: ExecutorCall) -> str | Facts:
        executor = self._namespace.executors.get(call.name)
        known: Facts = {} if executor is None else self._executor(executor)
        arguments = {
            name: plain_data(value)
            for name, value in call.arguments.items()
            if executor is None or name in known.get("parameters", {})
        }
        return {"name": call.name, **arguments} if arguments else call.name

    def _command(self, name: str) -> Facts:
        if name not in self._commands:
            self._commands[name] = {}
            command: Command = self._namespace.commands[name]
            steps = [] if command.steps is None else self._steps(plain_data(command.steps))
            reduced = {"steps": steps} if steps else {}
            self._commands[name] = self._with_parameters(reduced, command.parameters)
        return self._commands[name]

    def _with_parameters(self, found: Facts, declared: Mapping[str, Parameter]) -> Facts:
        """``found`` with those of its parameters that it mentions."""
        known = {name: self._parameter(parameter) for name, parameter in declared.items()}
        mentioned = parameters_in(found, known)
        return found | ({"parameters": mentioned} if mentioned else {})

    def _parameter(self, parameter: Parameter) -> Facts:
        found: Facts = {"type": parameter.type}
        if parameter.default is not None:
            default = plain_data(parameter.default)
            found["default"] = self._steps(default) if parameter.type == "steps" else default
        return found

    # Steps

    def _steps(self, steps: Any) -> Any:
        if isinstance(steps, str):
            return steps
        return [kept for step in steps or () for kept in self._step(step)]

    def _step(self, step: Any) -> Iterator[Any]:
        if isinstance(step, str):
            step = {step: None}
        if not isinstance(step, dict):
            return
        for name, value in step.items():
            if name in ("when", "unless"):
                inside = value or {}
                steps = self._steps(inside.get("steps"))
                if steps:
                    yield {name: {"condition": inside.get("condition"), "steps": steps}}
            elif name == "steps":
                yield {"steps": self._steps(value)}
            elif name == "setup_remote_docker":
                yield "setup_remote_docker"
            elif name in ("run", "deploy"):
                yield from self._run(value if isinstance(value, dict) else {"command": value})
            elif "/" in name:
                yield {name: self._arguments(value)}
            elif name in self._namespace.commands:
                called = self._command(name)
                if called:
                    parameters = called.get("parameters", {})
                    arguments = self._arguments(value)
                    kept = {key: arguments[key] for key in arguments if key in parameters}
                    yield {name: kept} if kept else name

    def _arguments(self, given: Any) -> Facts:
        """The arguments of a call; lists of steps are all that is a list in them."""
        return {
            name: self._steps(value) if isinstance(value, list) else value
            for name, value in (given or {}).items()
        }

    def _run(self, run: Facts) -> Iterator[Any]:
        command = str(run.get("command") or "")
        if sole_reference(command) is not None and not _INCLUDE.search(command):
            yield {"run": command}
            return
        text = _INCLUDE.sub(lambda match: self._scripts.get(match.group(1), ""), command)
        if not mentions_docker(text):
            return
        shell = run.get("shell")
        dialect = dialect_of(shell) if isinstance(shell, str) else Dialect.POSIX
        environment = {
            name: _INCLUDE.sub("", str(value)) for name, value in _environment(run).items()
        }
        text = _KEPT.sub("", _EXPANDED.sub(r"\1\2\1", text))
        script = facts_of(text, dialect, environment)
        logins = [fact for fact in script.facts if isinstance(fact, Login | CredentialFile)]
        others = [
            said
            for fact in dict.fromkeys((*script.facts, *script.uncalled))
            for said in _said(fact, script, text, environment)
        ]
        if logins:
            # A script that does nothing else has logged in when it is over, whichever way it took.
            is_sure = not others or logged_in_at_end(logins, script)
            yield _login(logins, environment, is_sure=is_sure)
        yield from others


def _environment(run: Facts) -> Facts:
    environment = run.get("environment")
    return environment if isinstance(environment, dict) else {}


def _runs_on(executor: Executor) -> Facts:
    mapping: Facts = plain_data(executor.mapping)
    found: Facts = {}
    if executor.docker is not None:
        found["docker"] = [_some(item, "image", "auth", "aws_auth") for item in mapping["docker"]]
    elif executor.docker_expression is not None:
        found["docker"] = executor.docker_expression
    if executor.machine is not None:
        machine = mapping["machine"]
        is_mapping = isinstance(machine, dict)
        found["machine"] = _some(machine, "image", "shell") or True if is_mapping else machine
    if executor.macos is not None:
        found["macos"] = True
    return found | _some(mapping, "resource_class", "shell", "working_directory")


def _some(mapping: Facts, *keys: str) -> Facts:
    """Those entries of ``mapping`` that have ``keys``."""
    return {key: mapping[key] for key in keys if key in mapping}


def _said(fact: Fact, script: Script, text: str, environment: Mapping[str, str]) -> Iterator[Facts]:
    perhaps = {"perhaps": True} if fact.place or fact in script.uncalled else {}
    match fact:
        case ImagePull(image=image):
            if not fact.is_local:
                name = None if image is None else _resolved(image.value, environment)
                yield {"docker pull": {"image": name, **perhaps}}
        case Build():
            path = fact.dockerfile_path
            known = None if path is None else _resolved(path, environment)
            yield {"docker build": {"dockerfile": known or _file_option(text, environment)}}
        case BakeBuild():
            yield {"docker build": {"dockerfile": None}}
        case ComposeCommand():
            yield {"docker pull": {"image": None, **perhaps}}
        case _:
            pass


def _login(
    facts: list[Login | CredentialFile], environment: Mapping[str, str], *, is_sure: bool
) -> Facts:
    """One login to all the registries that ``facts`` name: which it is depends on the script."""
    registries: dict[str, None] = {}
    halves: dict[str, str] = {}
    for fact in facts:
        if not isinstance(fact, Login):
            continue
        name = None if fact.registry is None else _resolved(fact.registry.value, environment)
        patterns = fact.registries if name is None else (name,)
        if not patterns and fact.by_cloud_cli:
            patterns = _GOOGLE
        registries.update(dict.fromkeys(patterns))
        password = fact.stdin_password if fact.password is None else fact.password.value.value
        username = None if fact.username is None else fact.username.value
        for key, text in (("username", username), ("password", password)):
            variable = _variable_name(text, environment)
            if variable is not None:
                halves[key] = variable
    perhaps = {} if is_sure else {"perhaps": True}
    return {"docker login": {"registries": list(registries), **halves, **perhaps}}


def _variable_name(text: str | None, environment: Mapping[str, str]) -> str | None:
    """The name of the variable that ``text`` reads, which a parameter may hold."""
    if text is None:
        return None
    text = text.strip("\"'")
    if text.startswith("${!"):
        return environment.get(text[3:-1])
    reference = re.fullmatch(r"\$\{?(<<.*>>)\}?", text)
    if reference is not None:
        return reference.group(1)
    match = _VARIABLE.fullmatch(text)
    return None if match is None else match.group(1)


def _resolved(text: str, environment: Mapping[str, str]) -> str | None:
    """``text`` with the variables of the step put in; None where it has others."""
    known = _VARIABLE.sub(lambda match: environment.get(match.group(1), match.group(0)), text)
    return None if "$" in _REFERENCE.sub("", known) else known


def _file_option(text: str, environment: Mapping[str, str]) -> str | None:
    """What ``-f`` or ``--file`` says, where the command gets it through an array."""
    names = {
        _resolved(match.group(1).replace('"', "").replace("'", ""), environment)
        for match in _FILE_OPTION.finditer(text)
    }
    return names.pop() if len(names) == 1 else None


def parameters_in(found: Facts, declared: Mapping[str, Facts]) -> Facts:
    """Those of the ``declared`` parameters that ``found`` mentions, or their defaults do."""
    kept: set[str] = set()
    pending = _REFERENCE.findall(json.dumps(found))
    while pending:
        name = pending.pop()
        if name in declared and name not in kept:
            kept.add(name)
            pending += _REFERENCE.findall(json.dumps(declared[name]))
    return {name: declared[name] for name in declared if name in kept}


def plain_data(node: Node) -> Any:
    """The data of ``node``: scalars as their texts, nulls as None."""
    value = resolved(node)
    if isinstance(value, Scalar):
        return None if is_null(value) else value.value
    if isinstance(value, MappingNode):
        return {name: plain_data(entry.value) for name, entry in entries_of(value).items()}
    return [plain_data(item) for item in value.items]
