"""Which images the services of Compose files are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class ServiceImage:
    """A service that runs ``image``; what is not known of it stays as a placeholder."""

    service: str
    image: str


@dataclass(frozen=True, slots=True)
class ServiceBuild:
    """A service that is built. ``image`` is the name that the outcome gets, if it gets one.

    ``context`` and ``dockerfile`` (seen from the context) are as the file has them, seen from
    ``directory``, the folder of the file that says so. ``dockerfile_text`` is the inline text.
    """

    service: str
    image: str | None
    directory: str
    context: str
    dockerfile: str | None
    dockerfile_text: str | None = field(repr=False)
    target: str | None
    build_args: tuple[tuple[str, str | None], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ComposeProblem:
    """Why the files' images cannot be told: ``path`` and ``reason``, for people to read."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class ComposeServices:
    """The chosen services, in the order of the files, and what could not be read on the way."""

    images: tuple[ServiceImage, ...]
    builds: tuple[ServiceBuild, ...]
    problems: tuple[ComposeProblem, ...]


def services_of(
    paths: Sequence[str],
    read: Callable[[str], str | None],
    services: Sequence[str] = (),
    *,
    profiles: Sequence[str] = (),
    with_dependencies: bool = True,
    environment: Mapping[str, str] | None = None,
) -> ComposeServices:
    """The services that a command on the Compose files ``paths``, merged in that order, takes in.

    ``read`` gives a file's text, None where there is no such file. ``services`` empty means all
    that ``profiles`` turn on. Nothing is raised for what the files hold: see ``problems``.
    """
    raise NotImplementedError


def default_paths(directory: str, read: Callable[[str], str | None]) -> tuple[str, ...]:
    """The files that Compose takes in ``directory`` when none is named; empty if there is none."""
    raise NotImplementedError
