"""Turns commands of docker, docker-compose, podman and buildah into facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from cci_migrate.docker.shell.build_commands import bake_facts, build_facts
from cci_migrate.docker.shell.client_config import DOCKER_CONFIG, expanded
from cci_migrate.docker.shell.command_line import is_only_placeholder, may_hold_options, parse
from cci_migrate.docker.shell.compose_commands import compose_facts
from cci_migrate.docker.shell.docker_options import COMPOSE_SWITCHES, DOCKER_VALUED
from cci_migrate.docker.shell.facts import (
    Fact,
    Tool,
    Word,
)
from cci_migrate.docker.shell.image_commands import (
    commit_facts,
    create_facts,
    from_facts,
    import_facts,
    inspect_facts,
    load_facts,
    named_images,
    ps_facts,
    pull_facts,
    remove_facts,
    run_facts,
    tag_facts,
)
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.login_commands import login_facts, logout_facts

_Reader = Callable[[Sequence[Word], Tool, Invocation], "list[Fact]"]

_MANAGEMENT = {
    ("image", "pull"): "pull",
    ("image", "build"): "build",
    ("image", "tag"): "tag",
    ("image", "load"): "load",
    ("image", "import"): "import",
    ("image", "inspect"): "image inspect",
    ("image", "save"): "save",
    ("image", "history"): "history",
    ("image", "rm"): "rmi",
    ("image", "remove"): "rmi",
    ("image", "ls"): "images",
    ("image", "list"): "images",
    ("container", "ls"): "ps",
    ("container", "ps"): "ps",
    ("container", "list"): "ps",
    ("builder", "build"): "build",
    ("buildx", "build"): "build",
    ("buildx", "b"): "build",
    ("buildx", "bake"): "bake",
    ("container", "run"): "run",
    ("container", "create"): "create",
    ("container", "commit"): "commit",
}
_COMMANDS: dict[str, _Reader] = {
    "pull": pull_facts,
    "run": run_facts,
    "create": create_facts,
    "build": build_facts,
    "bake": bake_facts,
    "tag": tag_facts,
    "load": load_facts,
    "import": import_facts,
    "commit": commit_facts,
    "inspect": inspect_facts,
    "image inspect": named_images,
    "save": named_images,
    "history": named_images,
    "rmi": remove_facts,
    "images": named_images,
    "ps": ps_facts,
    "login": login_facts,
    "logout": logout_facts,
}
_BUILDAH: dict[str, _Reader] = {
    "from": from_facts,
    "pull": pull_facts,
    "bud": build_facts,
    "build": build_facts,
    "build-using-dockerfile": build_facts,
    "tag": tag_facts,
    "commit": commit_facts,
    "login": login_facts,
    "logout": logout_facts,
}


def hides_command(words: Sequence[Word], program: str) -> bool:
    """Whether ``words``, a command of ``program``, leave its subcommand to a variable alone."""
    following = words[1:]
    if not program.endswith("-compose"):
        following = parse(following, (), interspersed=False, valued=DOCKER_VALUED).arguments
        if following and following[0].value == "compose":
            program, following = "docker-compose", following[1:]
    if program.endswith("-compose"):
        following = parse(following, COMPOSE_SWITCHES, interspersed=False).arguments
    first = following[0] if following else None
    return first is not None and is_only_placeholder(first) and not may_hold_options(first)


def docker_facts(words: Sequence[Word], program: str, invocation: Invocation) -> list[Fact]:
    """The facts of the command ``words``, whose first word runs ``program``.

    ``program`` is one of `DOCKER_PROGRAMS`.
    """
    if program in ("docker-compose", "podman-compose"):
        tool = Tool.PODMAN if program == "podman-compose" else Tool.DOCKER
        return compose_facts(words[1:], tool, invocation)
    tool = Tool(program)
    line = parse(words[1:], (), interspersed=False, valued=DOCKER_VALUED)
    arguments = line.arguments
    if not arguments:
        return []
    config = line.text("--config")
    if config is not None:
        directory = expanded(config, invocation.shell)
        invocation = replace(
            invocation, environment={**invocation.environment, DOCKER_CONFIG: directory}
        )
    command = arguments[0].value
    following = arguments[1:]
    if tool is not Tool.BUILDAH:
        if command == "compose":
            return compose_facts(following, tool, invocation)
        if len(following) and command in ("image", "builder", "buildx", "container"):
            subcommand = parse(following, (), interspersed=False, valued=("--builder",)).arguments
            if not subcommand:
                return []
            command = _MANAGEMENT.get((command, subcommand[0].value), "")
            following = subcommand[1:]
    reader = _BUILDAH.get(command) if tool is Tool.BUILDAH else _COMMANDS.get(command)
    return [] if reader is None else reader(following, tool, invocation)
