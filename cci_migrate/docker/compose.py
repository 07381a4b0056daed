"""Reads the images of the services in Compose files.

The format: https://docs.docker.com/reference/compose-file/. An unknown variable has the default in
the file, as it does in CI; without a default it is kept as written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from cci_migrate.docker.image_reference import has_placeholder
from cci_migrate.docker.interpolation import Escaping, interpolated
from cci_migrate.docker.shell.command_line import named_values
from cci_migrate.docker.shell.facts import folder_of, joined_path
from cci_migrate.docker.yaml_data import NotYaml, as_mapping, text_of_value, yaml_data
from cci_migrate.escaping.hidden_fields import repr_without

#: The files that ``docker compose`` tries without ``-f``, in this order; the override of the same
#: stem is merged into the first that exists.
#: https://docs.docker.com/compose/intro/compose-application-model/#the-compose-file
DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)

#: Returns the text of the file at a path; None if there is no such file.
Read = Callable[[str], "str | None"]

#: The greatest depth of ``include`` and ``extends``.
_MAX_DEPTH = 10


class ServiceImage(Struct, frozen=True):
    """A service that runs ``image``, in which unknown values are placeholders."""

    service: str
    image: str


class ServiceBuild(Struct, frozen=True):
    """A service that is built. ``image`` is the name of the built image, if it gets one.

    ``context`` is as written, relative to ``directory``; ``dockerfile`` is relative to the context.
    ``dockerfile_text`` is a ``dockerfile_inline``.
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
        """The Dockerfile's path; None for an inline Dockerfile and for a remote context."""
        if self.dockerfile_text is not None or "://" in self.context or "git@" in self.context:
            return None
        context = joined_path(self.directory, self.context)
        return joined_path(context, self.dockerfile or "Dockerfile")


class ComposeProblem(Struct, frozen=True):
    """Why a file can't be read in full: ``path`` and ``reason``, for people to read."""

    path: str
    reason: str


class ComposeServices(Struct, frozen=True):
    """The selected services, in the order of the files, and what could not be read."""

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
    """The services that a command on the Compose files ``paths``, merged in that order, uses.

    ``services`` selects by name; if it is empty or contains a placeholder, all that ``profiles``
    enable are selected. ``environment`` has the known variables; a ``.env`` in the project
    directory counts too. Invalid files raise nothing: see `ComposeServices.problems`.
    """
    project = _Project(read, environment or {})
    directory = project_directory
    if directory is None:
        directory = folder_of(paths[0]) if paths else "."
    project.load(paths, directory, 0)
    selected = project.selected_names(services, profiles, with_dependencies)
    sources = list(map(project.image_source, selected))
    return ComposeServices(
        tuple(source for source in sources if isinstance(source, ServiceImage)),
        tuple(source for source in sources if isinstance(source, ServiceBuild)),
        tuple(project.problems),
    )


def default_paths(directory: str, read: Read) -> tuple[str, ...]:
    """The files that Compose uses in ``directory`` without ``-f``; empty if there are none."""
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
    """A service under construction; ``directory`` is what its paths are relative to."""

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
                earlier = self._services.get(name)
                if earlier is None:
                    self._services[name] = _Service(extended, directory, variables)
                else:
                    earlier.data = _merged(earlier.data, extended)

    def _file(self, path: str) -> dict[str, Any] | None:
        if path == "-":
            reason = "it comes from a pipe"
        elif (text := self._read(path)) is None:
            reason = "file not found"
        elif isinstance(data := yaml_data(text), NotYaml):
            reason = data.reason
        elif not isinstance(data, dict):
            reason = "it has no services"
        else:
            return data
        self.problems.append(ComposeProblem(path, reason))
        return None

    def _dotenv(self, directory: str) -> dict[str, str]:
        text = self._read(joined_path(directory, ".env"))
        return {} if text is None else dict(_ENV_LINE.findall(text))

    def _include(self, include: Any, directory: str, depth: int) -> None:
        for entry in include if isinstance(include, list) else ():
            declared = as_mapping(entry, "path")
            paths = [joined_path(directory, path) for path in _texts(declared.get("path"))]
            if paths and self._included.isdisjoint(paths) and depth < _MAX_DEPTH:
                self._included.update(paths)
                project = declared.get("project_directory")
                is_named = isinstance(project, str)
                inner = joined_path(directory, project) if is_named else folder_of(paths[0])
                self.load(paths, inner, depth + 1)

    def _extended(
        self, service: dict[str, Any], path: str, data: dict[str, Any], depth: int
    ) -> dict[str, Any]:
        extends = service.get("extends")
        if not isinstance(extends, str | dict):
            return service
        if depth >= _MAX_DEPTH:
            problem = f"services extend each other more than {_MAX_DEPTH} deep"
            self.problems.append(ComposeProblem(path, problem))
            return service
        extends = as_mapping(extends, "service")
        base_path, base_data = path, data
        if isinstance(extends.get("file"), str):
            base_path = joined_path(folder_of(path), extends["file"])
            loaded = self._file(base_path)
            if loaded is None:
                return service
            base_data = loaded
        base = _services(base_data).get(str(extends.get("service")))
        if base is None:
            problem = f"a service extends {extends.get('service')!r}, which doesn't exist"
            self.problems.append(ComposeProblem(base_path, problem))
            return service
        base = self._extended(base, base_path, base_data, depth + 1)
        base = _moved(base, folder_of(base_path), folder_of(path))
        return _merged(base, {key: value for key, value in service.items() if key != "extends"})

    def selected_names(
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
        selected: set[str] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            service = self._services.get(name)
            if service is None or name in selected:
                continue
            selected.add(name)
            if with_dependencies:
                pending.extend(_dependencies(service.data))
        return [name for name in self._services if name in selected]

    def image_source(self, name: str) -> ServiceImage | ServiceBuild | None:
        """The image or the build of the service ``name``; None if it pulls nothing."""
        service = self._services[name]
        data, variables = service.data, service.variables
        image = data.get("image")
        image_text = _interpolated(image, variables) if isinstance(image, str) else None
        build = _build_of(data)
        if build is None:
            if image_text is None or data.get("pull_policy") == "never":
                return None
            return ServiceImage(name, image_text)
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


_ENV_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(\w+)=[ \t]*[\"']?([^\"'#\r\n]*?)[\"']?[ \t]*(?:#.*)?$", re.MULTILINE
)


def _interpolated(text: str, variables: Mapping[str, str]) -> str:
    return interpolated(text, variables, Escaping.DOLLAR)


def _services(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services of one file. The first version of the format has them at the top level."""
    services = data.get("services")
    if isinstance(services, dict):
        return {
            str(name): service if isinstance(service, dict) else {}
            for name, service in services.items()
        }
    if "services" in data or "version" in data or "include" in data:
        return {}
    return {
        str(name): service
        for name, service in data.items()
        if isinstance(service, dict) and ("image" in service or "build" in service)
    }


def _build_of(service: dict[str, Any]) -> dict[str, Any] | None:
    build = service.get("build")
    return as_mapping(build, "context") if isinstance(build, str | dict) else None


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """A service, overridden by a later file or by the service that extends it."""
    result = {**base, **over}
    base_build, over_build = _build_of(base), _build_of(over)
    if base_build is not None and over_build is not None:
        args = [*_pairs(base_build.get("args"), {}), *_pairs(over_build.get("args"), {})]
        result["build"] = {**base_build, **over_build, "args": dict(args)}
    links = _texts(base.get("depends_on")) + _texts(over.get("depends_on"))
    if links:
        result["depends_on"] = links
    return result


def _moved(service: dict[str, Any], folder: str, to: str) -> dict[str, Any]:
    """A service of a file in ``folder``, rewritten as if the file were in ``to``."""
    build = _build_of(service)
    if build is None or folder == to:
        return service
    context = build.get("context", ".")
    if not isinstance(context, str) or "://" in context:
        return service
    inner = joined_path(folder, context)
    # Paths of the project start at its own folder; from there, go up to where both start.
    depth = 0 if to == "." or inner.startswith("/") else len(to.split("/"))
    return {**service, "build": {**build, "context": "../" * depth + inner}}


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
    """Arguments given as a mapping or as a list of ``NAME=VALUE``."""
    pairs: Iterable[tuple[str, str | None]] = named_values(_texts(value))
    if isinstance(value, dict):
        pairs = (
            (str(name), None if argument is None else text_of_value(argument))
            for name, argument in value.items()
        )
    return tuple(
        (name, None if argument is None else _interpolated(argument, variables))
        for name, argument in pairs
    )
