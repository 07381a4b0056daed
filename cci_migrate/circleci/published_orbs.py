"""What published orbs pull, build, log in to and run on, release by release.

The data are in ``orbs/``, one file for each orb, generated from the orbs' sources by
``python -m tools.orb_table``; ``source`` in each is the repository. A release has the shape of an
orb, with steps that say what it does with Docker:

- ``docker pull`` an ``image``, ``docker build`` a ``dockerfile`` (null: unknown);
- ``docker login`` to ``registries`` (patterns), with variables named ``username`` and ``password``.

``perhaps``: only under a condition in a script of the orb. So published orbs are read like inline
ones. Parameters without an effect on this are left out; jobs and commands are all there.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pkgutil import get_data
from typing import Any

from msgspec.structs import replace

from cci_migrate.circleci.config import Command, Executor, Job, Namespace
from cci_migrate.circleci.config_reading import MountedDocument, read_config
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.parsing import parse
from cci_migrate.lossless.source import SourceText

PULL = "docker pull"
BUILD = "docker build"
LOGIN = "docker login"

_NAME = lazy_pattern(r"[\w-]+/[\w-]+")
_VERSION = lazy_pattern(r"(\d+)(?:\.(\d+)(?:\.(\d+))?)?")


@lru_cache(maxsize=64)
def published_orb(name: str, version: str) -> Namespace | None:
    """The orb ``name`` at ``version`` as a config imports it: ``7``, ``7.1``, ``7.1.0``.

    For a version between two known releases of the same major version, the earlier one. None if
    the orb or its major version is unknown, for ``dev:`` versions and for parameters.
    """
    data = _data(name)
    release = None if data is None else _release(data, version)
    if data is None or release is None:
        return None
    source = SourceText(f"{name}@{version}", json.dumps(data["releases"][release]))
    config = read_config([MountedDocument(parse(source))], is_orb_source=True)
    return replace(config.body, is_published=True)


@lru_cache(maxsize=64)
def has_docker_commands(name: str) -> bool:
    """Whether some release of the orb ``name`` has a command that does something with Docker."""
    data = _data(name)
    return data is not None and any(
        "steps" in command
        for release in data["releases"]
        for command in release["commands"].values()
    )


def is_read(name: str) -> bool:
    """Whether some release of the orb ``name`` has been read."""
    return _data(name) is not None


def published_executor(home: Namespace, name: str) -> tuple[Namespace, Executor] | None:
    """The executor ``alias/name`` of an orb that ``home`` imports, and its namespace."""
    orb = _imported(home, name)
    return None if orb is None else orb.executor(name.partition("/")[2])


def published_job(home: Namespace, name: str) -> tuple[Namespace, Job] | None:
    """The job ``alias/name`` of an orb that ``home`` imports, and its namespace."""
    orb = _imported(home, name)
    return None if orb is None else orb.job(name.partition("/")[2])


def published_command(home: Namespace, name: str) -> tuple[Namespace, Command] | None:
    """The command ``alias/name`` of an orb that ``home`` imports, and its namespace.

    For an unknown version, that of the newest release with a command of this name: what a command
    does with Docker doesn't change between versions.
    """
    orb = _imported(home, name)
    alias, _, command = name.partition("/")
    if orb is None and alias in home.imported:
        orb = _newest_with(home.imported[alias].name, command)
    return None if orb is None else orb.command(command)


def _imported(home: Namespace, name: str) -> Namespace | None:
    alias, slash, _ = name.partition("/")
    imported = home.imported.get(alias) if slash else None
    return None if imported is None else published_orb(imported.name, imported.version)


@lru_cache(maxsize=64)
def _newest_with(name: str, command: str) -> Namespace | None:
    data = _data(name)
    for release in reversed(data["releases"] if data is not None else ()):
        if command in release["commands"]:
            return published_orb(name, release["from"])
    return None


@lru_cache(maxsize=64)
def _data(name: str) -> dict[str, Any] | None:
    if _NAME.fullmatch(name) is None:
        return None
    try:
        # `importlib.resources` does the same, and takes as long to import as ten of our modules.
        text = get_data("cci_migrate.circleci", f"orbs/{name.replace('/', '.')}.json")
    except FileNotFoundError:
        return None
    data: dict[str, Any] | None = None if text is None else json.loads(text)
    return data


def _release(data: dict[str, Any], version: str) -> int | None:
    """The index of the release in ``data`` that describes ``version``; None if there is none."""
    if version == "volatile":
        return len(data["releases"]) - 1
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    requested = [int(number) for number in match.groups() if number is not None]
    fitting: int | None = None
    for index, release in enumerate(data["releases"]):
        numbers = [int(number) for number in release["from"].split(".")]
        if numbers[0] != requested[0]:
            continue
        if fitting is None or numbers[: len(requested)] <= requested:
            fitting = index
    return fitting
