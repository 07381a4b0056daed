"""The programs that use registries: those that take Docker's commands, and others.

Whatever looks for such programs in scripts, tasks and texts follows from these tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum

from msgspec import Struct

from cci_migrate.lazy_patterns import lazy_pattern


class Tool(Enum):
    """A program that takes Docker's commands; the value is its name."""

    DOCKER = "docker"
    NERDCTL = "nerdctl"
    PODMAN = "podman"
    BUILDAH = "buildah"

    @property
    def shares_logins(self) -> bool:
        """Whether it keeps logins where Docker does, under the same keys, and reads no others.

        https://github.com/containerd/nerdctl/blob/main/docs/registry.md
        """
        return self in (Tool.DOCKER, Tool.NERDCTL)


def tool_serving(tools: Collection[Tool], first: Tool) -> Tool:
    """One of ``tools`` whose login all read, ``first`` if none keeps it where Docker does."""
    return next((tool for tool in Tool if tool.shares_logins and tool in tools), first)


#: A pattern of their names.
ANY_TOOL = "|".join(tool.value for tool in Tool)
#: A variable that is named for holding Docker's program.
DOCKER_VARIABLE = r"\$\{?(DOCKER(?:_COMPOSE)?)(?:_(?:CMD|BIN|COMMAND|EXE))?\b\}?"
_TOOL_AS_WORD = lazy_pattern(rf"(?:^|(?<=[\s\"'/\\]))(?:{ANY_TOOL})(?![\w./:])|{DOCKER_VARIABLE}")
#: What is looked for first, as it is faster.
_MARKS = (*(tool.value for tool in Tool), "DOCKER")
#: The programs that take the commands of ``docker compose``, for these tools.
COMPOSE_PROGRAMS = {f"{tool.value}-compose": tool for tool in Tool}
#: All that take Docker's commands.
DOCKER_PROGRAMS = frozenset(tool.value for tool in Tool) | COMPOSE_PROGRAMS.keys()


def has_tool(command: str) -> bool:
    """Whether one of these is among the words of the ``command`` line, perhaps by its path."""
    for mark in _MARKS:
        if mark in command:
            return _TOOL_AS_WORD.search(command) is not None
    return False


class ImageProgram(Struct, frozen=True):
    """A program whose ``command`` has Docker pull the image that one of its ``options`` names.

    ``default`` is the image without the option; empty if it is not known.
    """

    command: tuple[str, ...]
    options: tuple[str, ...]
    default: str = ""


#: The details are in `image_programs`.
IMAGE_PROGRAMS: Mapping[str, ImageProgram] = {
    "kind": ImageProgram(("create", "cluster"), ("--image",), "kindest/node"),
    "pack": ImageProgram(("build",), ("-B", "--builder")),
}


class Purpose(Enum):
    """What another program than Docker does at a registry."""

    LOGIN = "login"
    PULL = "pull"
    PUSH = "push"


class RegistryClient(Struct, frozen=True):
    """The command line of a program.

    ``login`` is its login command. ``transfers`` maps each command that transfers images to the
    purpose of each argument, None if that is no image. An image begins with ``scheme``.
    """

    login: tuple[str, ...] = ("login",)
    transfers: Mapping[str, tuple[Purpose | None, ...]] = {}
    scheme: str = ""


_PULL, _PUSH = Purpose.PULL, Purpose.PUSH
_COPY = (_PULL, _PUSH)
_CRANE = RegistryClient(
    ("auth", "login"), {"copy": _COPY, "cp": _COPY, "pull": (_PULL,), "push": (None, _PUSH)}
)
#: The other programs that use registries. They keep logins in files of their own, or under keys
#: that Docker doesn't read: `registry_clients` has the details.
CLIENTS: Mapping[str, RegistryClient] = {
    "skopeo": RegistryClient(
        transfers={"copy": _COPY, "inspect": (_PULL,), "list-tags": (_PULL,)}, scheme="docker://"
    ),
    "crane": _CRANE,
    "gcrane": _CRANE,
    "oras": RegistryClient(
        transfers={"pull": (_PULL,), "push": (_PUSH,), "cp": _COPY, "copy": _COPY}
    ),
    "helm": RegistryClient(
        ("registry", "login"), {"pull": (_PULL,), "push": (None, _PUSH)}, scheme="oci://"
    ),
    "regctl": RegistryClient(("registry", "login")),
    "cosign": RegistryClient(),
    "ko": RegistryClient(),
}
