"""What published orbs pull, build, log in to and run on, release by release.

The data are in ``orbs/``, one file an orb, made from the orbs' own sources by
``python -m tools.orb_table``; ``source`` in each names the repository. A release is described in
the shape of an orb, with steps that say what happens to Docker:

- ``docker_pull`` an ``image``, ``docker_build`` a ``dockerfile`` (null: the source does not tell);
- ``docker_login`` to ``registries`` (patterns), with variables named ``username`` and ``password``.

``perhaps``: only under a condition that a script of the orb has. So the model of an inline orb
serves for published ones too. Only what is mentioned there is kept: of parameters those that
matter, of jobs and commands all names.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from cci_migrate.circleci.config import Namespace
from cci_migrate.circleci.reading import MountedDocument, read_config
from cci_migrate.lossless.parsing import parse
from cci_migrate.lossless.source import SourceText

PULL = "docker_pull"
BUILD = "docker_build"
LOGIN = "docker_login"

_NAME = re.compile(r"[\w-]+/[\w-]+")
_VERSION = re.compile(r"(\d+)(?:\.(\d+)(?:\.(\d+))?)?")


@dataclass(frozen=True, slots=True, eq=False)
class PublishedOrb:
    """An orb at a version. ``read_to`` is the last release that was read."""

    name: str
    version: str
    read_to: str
    namespace: Namespace


@lru_cache(maxsize=64)
def published_orb(name: str, version: str) -> PublishedOrb | None:
    """The orb ``name`` at ``version`` as a config imports it: ``7``, ``7.1``, ``7.1.0``.

    None where it is not known: an orb or a major version that was not read, ``dev:`` versions, and
    versions that a parameter holds. Of a version between two releases the earlier one counts, as
    far as it is of the same major version.
    """
    data = _data(name)
    release = None if data is None else _release(data, version)
    if data is None or release is None:
        return None
    source = SourceText(f"{name}@{version}", json.dumps(data["releases"][release]))
    config = read_config([MountedDocument(parse(source))], is_orb_source=True)
    return PublishedOrb(name, version, data["read_to"], config.body)


@lru_cache(maxsize=64)
def _data(name: str) -> dict[str, Any] | None:
    if _NAME.fullmatch(name) is None:
        return None
    file = files("cci_migrate.circleci") / "orbs" / f"{name.replace('/', '.')}.json"
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return data


def _release(data: dict[str, Any], version: str) -> int | None:
    """Which of the releases of ``data`` describes ``version``."""
    if version == "volatile":
        return len(data["releases"]) - 1
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    wanted = [int(number) for number in match.groups() if number is not None]
    fitting: int | None = None
    for index, release in enumerate(data["releases"]):
        numbers = [int(number) for number in release["from"].split(".")]
        if numbers[0] != wanted[0]:
            continue
        if fitting is None or numbers[: len(wanted)] <= wanted:
            fitting = index
    return fitting
