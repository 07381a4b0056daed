"""Which commands of docker, docker-compose, nerdctl, podman and buildah are read, and by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.docker.container_tools import COMPOSE_PROGRAMS, Tool
from cci_migrate.docker.shell.build_commands import bake_facts, build_facts, buildx_facts
from cci_migrate.docker.shell.client_config import DOCKER_CONFIG, expanded
from cci_migrate.docker.shell.command_line import is_only_placeholder, may_hold_options, parse
from cci_migrate.docker.shell.compose_commands import COMPOSE_VERBS, compose_facts, stack_facts
from cci_migrate.docker.shell.docker_options import COMPOSE_SWITCHES, DOCKER_VALUED
from cci_migrate.docker.shell.facts import Fact, Verb, Word
from cci_migrate.docker.shell.image_commands import (
    builder_facts,
    from_facts,
    imagetools_facts,
    inspect_facts,
    load_facts,
    made_facts,
    manifest_facts,
    manifest_list_facts,
    named_images,
    plugin_facts,
    ps_facts,
    pull_facts,
    remove_facts,
    service_facts,
    start_facts,
    tag_facts,
)
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.login_commands import login_facts, logout_facts

_Reader = Callable[[Sequence[Word], Tool, Invocation], "list[Fact]"]


def _spelled(*rows: tuple[_Reader, str]) -> Mapping[str, _Reader]:
    """What reads each command, whose spellings in a row commas separate."""
    return {name: reader for reader, spellings in rows for name in spellings.split(", ")}


class _Commands(Struct, frozen=True):
    """The commands of a tool that are read: those that may pull images or log in, and others."""

    fetching: Mapping[str, _Reader]
    others: Mapping[str, _Reader]


_COMMANDS = _Commands(
    _spelled(
        (pull_facts, "pull, image pull"),
        (partial(start_facts, Verb.RUN), "run, container run"),
        (partial(start_facts, Verb.CREATE), "create, container create"),
        (build_facts, "build, image build, builder build"),
        (buildx_facts, "buildx build, buildx b"),
        (bake_facts, "bake, buildx bake"),
        (compose_facts, ", ".join(f"compose {verb}" for verb in COMPOSE_VERBS)),
        (partial(service_facts, Verb.SERVICE_CREATE), "service create"),
        (partial(service_facts, Verb.SERVICE_UPDATE), "service update"),
        (stack_facts, "stack deploy, stack up"),
        (partial(plugin_facts, Verb.PLUGIN_INSTALL), "plugin install"),
        (partial(plugin_facts, Verb.PLUGIN_UPGRADE), "plugin upgrade"),
        (manifest_facts, "manifest inspect"),
        (imagetools_facts, "buildx imagetools"),
        (builder_facts, "buildx create"),
        (login_facts, "login"),
    ),
    _spelled(
        (tag_facts, "tag, image tag"),
        (load_facts, "load, image load"),
        (manifest_list_facts, "manifest create"),
        (made_facts, "import, image import, commit, container commit"),
        (inspect_facts, "inspect"),
        (named_images, "image inspect, save, image save, history, image history"),
        (named_images, "images, image ls, image list"),
        (remove_facts, "rmi, image rm, image remove"),
        (ps_facts, "ps, container ls, container ps, container list"),
        (logout_facts, "logout"),
    ),
)
#: buildah has commands of its own, and fewer.
_COMMANDS_OF = {
    Tool.BUILDAH: _Commands(
        _spelled(
            (from_facts, "from"),
            (pull_facts, "pull"),
            (build_facts, "bud, build, build-using-dockerfile"),
            (login_facts, "login"),
        ),
        _spelled((tag_facts, "tag"), (made_facts, "commit"), (logout_facts, "logout")),
    )
}
#: The words that begin a command of two.
_GROUPS = frozenset(
    name.split()[0] for name in (*_COMMANDS.fetching, *_COMMANDS.others) if " " in name
)


class DockerCommand(Struct, frozen=True):
    """A command of ``tool``: ``name`` as in the tables, and the ``words`` for what reads it.

    ``subject`` is the last word of the name, None if it lacks. ``config`` is the ``--config``.
    """

    tool: Tool
    name: str
    subject: Word | None
    words: Sequence[Word]
    config: str | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether a variable alone has its name."""
        return (
            self.subject is not None
            and is_only_placeholder(self.subject.value)
            and not may_hold_options(self.subject.value)
        )

    @property
    def fetches(self) -> bool:
        """Whether it may pull images or log in."""
        return self.name in _COMMANDS_OF.get(self.tool, _COMMANDS).fetching

    def facts(self, invocation: Invocation) -> list[Fact]:
        """What it does, run as ``invocation`` says."""
        commands = _COMMANDS_OF.get(self.tool, _COMMANDS)
        reader = commands.fetching.get(self.name) or commands.others.get(self.name)
        if reader is None:
            return []
        if self.config is not None:
            directory = expanded(self.config, invocation.shell)
            environment = {**invocation.environment, DOCKER_CONFIG: directory}
            invocation = replace(invocation, environment=environment)
        return reader(self.words, self.tool, invocation)


def docker_command(words: Sequence[Word], program: str) -> DockerCommand:
    """The command ``words``, whose first word runs ``program``, one of `DOCKER_PROGRAMS`."""
    tool = COMPOSE_PROGRAMS.get(program)
    name, config, following = "compose", None, words[1:]
    if tool is None:
        tool = Tool(program)
        line = parse(following, interspersed=False, valued=DOCKER_VALUED)
        config = line.text("--config")
        if not line.arguments:
            return DockerCommand(tool, "", None, ())
        subject, *following = line.arguments
        name = subject.value
        if name not in _GROUPS:
            return DockerCommand(tool, name, subject, following, config)
    if name == "compose":
        arguments = parse(following, COMPOSE_SWITCHES, interspersed=False).arguments
    else:
        arguments = parse(following, interspersed=False, valued=("--builder",)).arguments
    if not arguments:
        return DockerCommand(tool, name, None, ())
    subject, *behind = arguments
    # The options of compose come before what it does.
    inner = following if name == "compose" else behind
    return DockerCommand(tool, f"{name} {subject.value}", subject, inner, config)
