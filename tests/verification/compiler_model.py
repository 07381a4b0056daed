"""A small compiler of configs, after CircleCI's pages: orbs, executors, commands, parameters.

https://circleci.com/docs/reference/reusing-config/,
https://circleci.com/docs/guides/toolkit/how-to-use-the-circleci-local-cli/. It shares no code with
the product. `ORBS` are what it finds in its registry, `PRIVATE` what only a token sees.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from io import StringIO
from itertools import product
from typing import Any

from ruamel.yaml import YAML

_DOCKER = """
commands:
  check:
    parameters:
      registry: {type: string, default: docker.io}
      docker_username: {type: env_var_name, default: DOCKER_LOGIN}
      docker_password: {type: env_var_name, default: DOCKER_PASSWORD}
    steps:
      - run:
          name: Docker Login
          environment:
            PARAM_REGISTRY: << parameters.registry >>
            PARAM_USERNAME: << parameters.docker_username >>
            PARAM_PASSWORD: << parameters.docker_password >>
          command: |
            echo "${!PARAM_PASSWORD}" | docker login \
              -u "${!PARAM_USERNAME}" --password-stdin "$PARAM_REGISTRY"
"""
_LINTER = """
executors:
  default:
    parameters: {tag: {default: "3"}}
    docker: [{image: "acme/linter:<< parameters.tag >>"}]
jobs:
  lint: {executor: {name: default}, steps: [checkout, {run: make lint}]}
"""
_PUSHER = """
commands:
  fetch: {steps: [{run: docker pull busybox}]}
jobs:
  push:
    machine: {image: ubuntu-2404:current}
    parameters: {hub_login: {type: boolean, default: false}}
    steps:
      - checkout
      - when:
          condition: << parameters.hub_login >>
          steps: [{run: "echo $P | docker login -u $U --password-stdin"}]
      - run: docker build .
"""
_ORBS = {"circleci/docker": _DOCKER, "acme/linter": _LINTER, "acme/pusher": _PUSHER}
_PRIVATE = {"acme/hidden": _LINTER}

_PARAMETER = r"<<\s*parameters\.([\w-]+)\s*>>"
_PIPELINE = r"<<\s*pipeline\.([\w.-]+)\s*>>"

Data = dict[str, Any]


class NotCompiledError(Exception):
    """Why the config does not compile; a message in each argument."""


def compiled(text: str, *, sees_private: bool = False) -> str:
    """The config ``text``, unfolded. Raises NotCompiledError."""
    try:
        data = YAML(typ="safe", pure=True).load(text)
    except Exception as error:  # noqa: BLE001 - whatever the parser raises is a message
        raise NotCompiledError("Unable to parse YAML", str(error)) from None
    if not isinstance(data, dict) or str(data.get("version")) not in ("2.1", "2.0", "2"):
        raise NotCompiledError("config must have a version")
    parameters = data.get("parameters") or {}
    values = {f"parameters.{name}": parameter["default"] for name, parameter in parameters.items()}
    data = _put_in(data, {**values, "number": 1, "git.branch": "main"}, _PIPELINE)
    registry = {**_ORBS, **(_PRIVATE if sees_private else {})}
    output = StringIO()
    YAML().dump(_Config(data, registry).compiled(), output)
    original = "".join(f"# {line}\n" for line in text.splitlines())
    return f"{output.getvalue()}\n# Original config.yml file:\n{original}"


class _Config:
    def __init__(self, data: Data, registry: Mapping[str, str]) -> None:
        self._data = data
        self._orbs: dict[str, Data] = {}
        for alias, orb in (data.get("orbs") or {}).items():
            if isinstance(orb, dict):
                self._orbs[alias] = orb
                continue
            name = orb.partition("@")[0]
            if name not in registry:
                raise NotCompiledError(
                    f"Cannot find {orb} in the orb registry. Check that the namespace, orb name "
                    "and version are correct."
                )
            self._orbs[alias] = YAML(typ="safe", pure=True).load(registry[name])

    def compiled(self) -> Data:
        jobs: Data = {}
        workflows: Data = {}
        for name, workflow in self._workflows().items():
            if not workflow.get("when", True):
                continue
            entries = [unfolded for entry in workflow["jobs"] for unfolded in self._unfolded(entry)]
            titles = Counter(title for title, *_ in entries)
            numbers: Counter[str] = Counter()
            listed: list[Any] = []
            for title, called, arguments, kept in entries:
                if kept.get("type") == "approval":
                    listed.append({title: kept})
                    continue
                numbers[title] += 1
                unique = f"{title}-{numbers[title]}" if titles[title] > 1 else title
                jobs[unique] = self._job(called, arguments)
                listed.append({unique: kept} if kept else unique)
            workflows[name] = {"jobs": listed}
        return {"version": 2, "jobs": jobs, "workflows": {**workflows, "version": 2}}

    def _workflows(self) -> Data:
        workflows = self._data.get("workflows") or {"workflow": {"jobs": ["build"]}}
        return {name: body for name, body in workflows.items() if name != "version"}

    def _unfolded(self, entry: Any) -> list[tuple[str, str, Data, Data]]:
        called, given = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
        given = dict(given or {})
        matrix = (given.pop("matrix", None) or {}).get("parameters", {})
        kept = {
            key: given.pop(key)
            for key in ("context", "requires", "filters", "type", "name")
            if key in given
        }
        found = []
        for values in product(*matrix.values()):
            chosen = dict(zip(matrix, values, strict=True))
            title = str(kept.get("name", called))
            title = "-".join([title, *map(str, values)]) if chosen else title
            rest = {key: value for key, value in kept.items() if key != "name"}
            found.append((title, called, {**given, **chosen}, rest))
        return found

    def _home(self, name: str, home: Data) -> tuple[Data, str]:
        alias, slash, rest = name.partition("/")
        return (self._orbs.get(alias, {}), rest) if slash else (home, name)

    def _job(self, called: str, arguments: Data) -> Data:
        home, name = self._home(called, self._data)
        job = (home.get("jobs") or {}).get(name)
        if job is None:
            raise NotCompiledError(f"Cannot find a definition for job named {called}")
        scope = _scope(job, arguments, f"job {called}")
        made = {
            key: _put_in(value, scope)
            for key, value in job.items()
            if key not in ("parameters", "executor", "steps")
        }
        executor = _put_in(job.get("executor"), scope)
        if executor is not None:
            call = {"name": executor} if isinstance(executor, str) else dict(executor)
            where, which = self._home(call.pop("name"), home)
            found = (where.get("executors") or {}).get(which)
            if found is None:
                raise NotCompiledError(f"Cannot find a definition for executor named {which}")
            inner = _scope(found, call, f"executor {which}")
            below = {
                key: _put_in(item, inner) for key, item in found.items() if key != "parameters"
            }
            made = {**below, **made}
        steps = [
            *self._steps(arguments.get("pre-steps") or [], self._data, {}),
            *self._steps(job["steps"], home, scope),
            *self._steps(arguments.get("post-steps") or [], self._data, {}),
        ]
        return {**made, "steps": steps}

    def _steps(self, steps: Any, home: Data, scope: Data) -> list[Any]:
        found: list[Any] = []
        for step in _put_in(steps, scope) if isinstance(steps, str) else steps:
            name: str
            value: Any
            name, value = (step, None) if isinstance(step, str) else next(iter(step.items()))
            if name in ("when", "unless"):
                holds = _put_in(value["condition"], scope) in (True, "true")
                if holds is (name == "when"):
                    found += self._steps(value["steps"], home, scope)
                continue
            where, which = self._home(name, home)
            command = (where.get("commands") or {}).get(which)
            if command is not None:
                inner = _scope(command, _put_in(value or {}, scope), f"command {name}")
                found += self._steps(command["steps"], where, inner)
            elif "/" in name:
                raise NotCompiledError(f"Cannot find a definition for command named {name}")
            elif name == "run" and isinstance(value, str):
                found.append({"run": {"command": _put_in(value, scope)}})
            else:
                found.append(name if value is None else {name: _put_in(value, scope)})
        return found


def _scope(element: Data, arguments: Data, title: str) -> Data:
    declared = element.get("parameters") or {}
    given = {key: item for key, item in arguments.items() if not key.endswith("-steps")}
    strange = sorted(given.keys() - declared.keys())
    if strange:
        raise NotCompiledError(f"Error calling {title}", f"Unexpected argument(s): {strange[0]}")
    found = {}
    for name, parameter in declared.items():
        if name in given:
            found[name] = given[name]
        elif "default" in parameter:
            found[name] = parameter["default"]
        else:
            raise NotCompiledError(f"Error calling {title}", f"Missing required argument: {name}")
    return found


def _put_in(value: Any, scope: Data, reference: str = _PARAMETER) -> Any:
    if isinstance(value, dict):
        return {key: _put_in(item, scope, reference) for key, item in value.items()}
    if isinstance(value, list):
        return [_put_in(item, scope, reference) for item in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(reference, value)
    if whole is not None and whole[1] in scope:
        return scope[whole[1]]
    made = re.sub(rf"(?<!\\){reference}", lambda found: str(scope[found[1]]), value)
    return made.replace("\\<<", "<<") if reference is _PARAMETER else made
