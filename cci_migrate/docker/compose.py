"""Which images the services of Compose files are made of.

The format: https://docs.docker.com/reference/compose-file/. Variables that are not known take the
default that the file gives them: in CI that is what they have; without one they stay as written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from cci_migrate.docker.image_reference import has_placeholder
from cci_migrate.docker.interpolation import Escaping, interpolated
from cci_migrate.docker.shell.facts import joined_path
from cci_migrate.escaping.hidden_fields import repr_without

#: What ``docker compose`` looks for without ``-f``, in this order; next to the first that is
#: there, the override of the same kind counts too.
#: https://docs.docker.com/compose/intro/compose-application-model/#the-compose-file
DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)

#: Gives a file's text by its path; None where there is no such file.
Read = Callable[[str], "str | None"]

#: How many files and services are followed into each other.
_MAX_DEPTH = 10


class ServiceImage(Struct, frozen=True):
    """A service that runs ``image``; what is not known of it stays as a placeholder."""

    service: str
    image: str


class ServiceBuild(Struct, frozen=True):
    """A service that is built. ``image`` is the name that the outcome gets, if it gets one.

    ``context`` is as the file has it, seen from ``directory``; ``dockerfile`` is seen from the
    context. ``dockerfile_text`` is the text that stands in the file itself.
    """

    service: str
    image: str | None
    directory: str
    context: str
    dockerfile: str | None
    dockerfile_text: str | None
    target: str | None
    build_args: tuple[tuple[str, str | None], ...]
    build_contexts: tuple[tuple[str, str], ...]

    __repr__ = repr_without("dockerfile_text", "build_args", "build_contexts")

    @property
    def dockerfile_path(self) -> str | None:
        """The Dockerfile's path; None for a text in the file itself and for a remote context."""
        if self.dockerfile_text is not None or "://" in self.context or "git@" in self.context:
            return None
        context = joined_path(self.directory, self.context)
        return joined_path(context, self.dockerfile or "Dockerfile")


class ComposeProblem(Struct, frozen=True):
    """Why something cannot be told: ``path`` and ``reason``, for people to read."""

    path: str
    reason: str


class ComposeServices(Struct, frozen=True):
    """The chosen services, in the order of the files, and what could not be read on the way."""

    images: tuple[ServiceImage, ...]
    builds: tuple[ServiceBuild, ...]
    problems: tuple[ComposeProblem, ...]


def services_of(
    paths: Sequence[str],
    read: Read,
    services: Sequence[str] = (),
    *,
    profiles: Sequence[str] = (),
    with_dependencies: bool = True,
    project_directory: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> ComposeServices:
    """The services that a command on the Compose files ``paths``, merged in that order, takes in.

    ``services`` empty, or not told (a placeholder), means all that ``profiles`` turn on.
    ``environment`` are the variables that are known; a ``.env`` beside the first file counts too.
    Nothing is raised for what the files hold: see ``problems``.
    """
    project = _Project(read, environment or {})
    directory = project_directory
    if directory is None:
        directory = paths[0].rpartition("/")[0] or "." if paths else "."
    project.load(paths, directory, 0)
    chosen = project.chosen(services, profiles, with_dependencies)
    images: list[ServiceImage] = []
    builds: list[ServiceBuild] = []
    for name in chosen:
        made = project.made(name)
        if isinstance(made, ServiceBuild):
            builds.append(made)
        elif made is not None:
            images.append(made)
    return ComposeServices(tuple(images), tuple(builds), tuple(project.problems))


def default_paths(directory: str, read: Read) -> tuple[str, ...]:
    """The files that Compose takes in ``directory`` when none is named; empty if there is none."""
    for name in DEFAULT_NAMES:
        path = joined_path(directory, name)
        if read(path) is not None:
            stem = name.rpartition(".")[0]
            overrides = (
                joined_path(directory, override)
                for override in OVERRIDE_NAMES
                if override.startswith(f"{stem}.")
            )
            return (path, *[override for override in overrides if read(override) is not None][:1])
    return ()


class _Service(Struct):
    """A service under construction: the merged mapping, and the folder its paths start in."""

    data: dict[str, Any]
    directory: str
    variables: Mapping[str, str]


class _Project:
    """The services of some files, merged."""

    def __init__(self, read: Read, environment: Mapping[str, str]) -> None:
        self._read = read
        self._environment = environment
        self._services: dict[str, _Service] = {}
        self._included: set[str] = set()
        self.problems: list[ComposeProblem] = []

    def load(self, paths: Sequence[str], directory: str, depth: int) -> None:
        variables = {**self._dotenv(directory), **self._environment}
        for path in paths:
            data = self._file(path)
            if data is None:
                continue
            self._include(data.get("include"), directory, depth)
            for name, service in _services(data).items():
                extended = self._extended(service, path, data, depth)
                known = self._services.get(name)
                if known is None:
                    self._services[name] = _Service(extended, directory, variables)
                else:
                    known.data = _merged(known.data, extended)

    def _file(self, path: str) -> dict[str, Any] | None:
        text = None if path == "-" else self._read(path)
        if text is None:
            reason = "it comes from a pipe" if path == "-" else "the file is not there"
            self.problems.append(ComposeProblem(path, reason))
            return None
        data = _parsed(text)
        if isinstance(data, str):
            self.problems.append(ComposeProblem(path, data))
            return None
        return data

    def _dotenv(self, directory: str) -> dict[str, str]:
        text = self._read(joined_path(directory, ".env"))
        return {} if text is None else dict(_ENV_LINE.findall(text))

    def _include(self, include: Any, directory: str, depth: int) -> None:
        if not isinstance(include, list):
            return
        for entry in include:
            paths = entry.get("path") if isinstance(entry, dict) else entry
            listed = [paths] if isinstance(paths, str) else paths
            if not isinstance(listed, list):
                continue
            inner = [joined_path(directory, part) for part in listed if isinstance(part, str)]
            if inner and self._included.isdisjoint(inner) and depth < _MAX_DEPTH:
                self._included.update(inner)
                given = entry.get("project_directory") if isinstance(entry, dict) else None
                own = inner[0].rpartition("/")[0] or "."
                if isinstance(given, str):
                    own = joined_path(directory, given)
                self.load(inner, own, depth + 1)

    def _extended(
        self, service: dict[str, Any], path: str, data: dict[str, Any], depth: int
    ) -> dict[str, Any]:
        extends = service.get("extends")
        if isinstance(extends, str):
            extends = {"service": extends}
        if not isinstance(extends, dict):
            return service
        if depth >= _MAX_DEPTH:
            problem = f"more than {_MAX_DEPTH} services extend each other"
            self.problems.append(ComposeProblem(path, problem))
            return service
        file = extends.get("file")
        folder = path.rpartition("/")[0] or "."
        base_path, base_data = path, data
        if isinstance(file, str):
            base_path = joined_path(folder, file)
            loaded = self._file(base_path)
            if loaded is None:
                return service
            base_data = loaded
        base = _services(base_data).get(str(extends.get("service")))
        if base is None:
            problem = f"{extends.get('service')!r}, which a service extends, is not there"
            self.problems.append(ComposeProblem(base_path, problem))
            return service
        base = self._extended(base, base_path, base_data, depth + 1)
        if base_path != path:
            base = _moved(base, base_path.rpartition("/")[0] or ".", folder)
        return _merged(base, {key: value for key, value in service.items() if key != "extends"})

    def chosen(
        self, names: Sequence[str], profiles: Sequence[str], with_dependencies: bool
    ) -> list[str]:
        if not names or any(map(has_placeholder, names)):
            return [
                name
                for name, service in self._services.items()
                if "*" in profiles
                or not (own := _texts(service.data.get("profiles")))
                or set(own) & set(profiles)
            ]
        wanted: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            service = self._services.get(name)
            if service is None or name in wanted:
                continue
            wanted.add(name)
            if with_dependencies:
                waiting.extend(_dependencies(service.data))
        return [name for name in self._services if name in wanted]

    def made(self, name: str) -> ServiceImage | ServiceBuild | None:
        """What the service ``name`` is made of; None where nothing is fetched for it."""
        service = self._services[name]
        data, variables = service.data, service.variables
        image = data.get("image")
        image_text = _interpolated(image, variables) if isinstance(image, str) else None
        build = data.get("build")
        if isinstance(build, str):
            build = {"context": build}
        if isinstance(build, dict):
            text = {
                key: _interpolated(value, variables)
                for key, value in build.items()
                if isinstance(value, str)
            }
            contexts = _pairs(build.get("additional_contexts"), variables)
            return ServiceBuild(
                name,
                image_text,
                service.directory,
                text.get("context", "."),
                text.get("dockerfile"),
                text.get("dockerfile_inline"),
                text.get("target"),
                _pairs(build.get("args"), variables),
                tuple((key, value) for key, value in contexts if value is not None),
            )
        if image_text is None or data.get("pull_policy") == "never":
            return None
        return ServiceImage(name, image_text)


_ENV_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(\w+)=[ \t]*[\"']?([^\"'#\r\n]*?)[\"']?[ \t]*(?:#.*)?$", re.MULTILINE
)


def _interpolated(text: str, variables: Mapping[str, str]) -> str:
    return interpolated(text, variables, Escaping.DOLLAR)


def _services(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services of one file. The first format of Compose has them at the top."""
    services = data.get("services")
    if not isinstance(services, dict):
        if "services" in data or "version" in data or "include" in data:
            return {}
        services = data
        return {
            str(name): service
            for name, service in services.items()
            if isinstance(service, dict) and ("image" in service or "build" in service)
        }
    return {
        str(name): service if isinstance(service, dict) else {}
        for name, service in services.items()
    }


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """A service and what a later file, or the service that extends it, says."""
    result = {**base, **over}
    first, second = base.get("build"), over.get("build")
    if first is not None and second is not None:
        one = {"context": first} if isinstance(first, str) else first
        other = {"context": second} if isinstance(second, str) else second
        if isinstance(one, dict) and isinstance(other, dict):
            result["build"] = {**one, **other}
            args = [*_pairs(one.get("args"), {}), *_pairs(other.get("args"), {})]
            if args:
                result["build"]["args"] = dict(args)
    links = _texts(base.get("depends_on")) + _texts(over.get("depends_on"))
    if links:
        result["depends_on"] = links
    return result


def _moved(service: dict[str, Any], folder: str, to: str) -> dict[str, Any]:
    """A service of a file in ``folder``, as if it stood in one of ``to``."""
    build = service.get("build")
    if build is None:
        return service
    data = {"context": build} if isinstance(build, str) else dict(build)
    context = data.get("context", ".")
    if isinstance(context, str) and "://" not in context and folder != to:
        inner = joined_path(folder, context)
        # Paths of the project start at its own folder; from there, go up to where both start.
        depth = 0 if to == "." else len(to.split("/"))
        data["context"] = "../" * depth + inner if not inner.startswith("/") else inner
    return {**service, "build": data}


def _dependencies(service: dict[str, Any]) -> Iterator[str]:
    yield from _texts(service.get("depends_on"))
    for key in ("links", "volumes_from"):
        for text in _texts(service.get(key)):
            yield text.partition(":")[0]
    for key in ("network_mode", "ipc", "pid"):
        mode = service.get(key)
        if isinstance(mode, str) and mode.startswith("service:"):
            yield mode.partition(":")[2]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(entry) for entry in value] if isinstance(value, list | dict) else []


def _pairs(value: Any, variables: Mapping[str, str]) -> tuple[tuple[str, str | None], ...]:
    """Arguments, which may be a mapping or a list of ``NAME=VALUE``."""
    if isinstance(value, dict):
        return tuple(
            (str(name), None if given is None else _interpolated(_plain(given), variables))
            for name, given in value.items()
        )
    pairs: list[tuple[str, str | None]] = []
    for text in _texts(value):
        name, equals, given = text.partition("=")
        pairs.append((name, _interpolated(given, variables) if equals else None))
    return tuple(pairs)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=1)
def _loader() -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor

    class Constructor(SafeConstructor):  # type: ignore[misc,unused-ignore]
        """Knows ``!reset``, which takes a value away; other tags (``!override``) do not matter."""

    def untagged(constructor: Any, suffix: str, node: Any) -> Any:
        kind = node.id
        if suffix == "reset":
            return None
        if kind == "mapping":
            return constructor.construct_mapping(node, deep=True)
        if kind == "sequence":
            return constructor.construct_sequence(node, deep=True)
        return constructor.construct_scalar(node)

    Constructor.add_multi_constructor("!", untagged)
    loader = YAML(typ="safe", pure=True)
    loader.Constructor = Constructor
    loader.allow_duplicate_keys = True
    return loader


@lru_cache(maxsize=64)
def _parsed(text: str) -> dict[str, Any] | str:
    """The data of a Compose file, or why there is none. Not to be changed by who gets it."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        data = _loader().load(text)
    except MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        return f"it is not YAML: {error.problem}{line}"
    except (YAMLError, ValueError, RecursionError, TypeError) as error:
        return f"it is not YAML: {str(error).splitlines()[0] if str(error) else 'nested too deep'}"
    if not isinstance(data, dict):
        return "it holds no services"
    return data
