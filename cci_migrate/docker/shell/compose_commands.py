"""What ``docker compose``, ``docker-compose`` and ``docker stack deploy`` start."""

from __future__ import annotations

from collections.abc import Sequence

from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.image_reference import has_placeholder
from cci_migrate.docker.shell.build_commands import has_buildkit
from cci_migrate.docker.shell.command_line import is_only_placeholder, parse
from cci_migrate.docker.shell.docker_options import (
    COMPOSE_SWITCHES,
    STACK_SWITCHES,
    UP_SWITCHES,
    WITH_LOGIN,
)
from cci_migrate.docker.shell.facts import ComposeCommand, Fact, Verb, Word
from cci_migrate.docker.shell.invocation import Invocation

#: https://docs.docker.com/compose/how-tos/environment-variables/envvars/
COMPOSE_FILE = "COMPOSE_FILE"
COMPOSE_PROFILES = "COMPOSE_PROFILES"
COMPOSE_VERBS = {
    verb.value: verb
    for verb in (Verb.PULL, Verb.RUN, Verb.CREATE, Verb.BUILD, Verb.UP, Verb.SCALE, Verb.WATCH)
}


def compose_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker compose``: what it starts, builds or pulls, from which files."""
    line = parse(words, COMPOSE_SWITCHES, interspersed=False)
    arguments = line.arguments
    verb = COMPOSE_VERBS.get(arguments[0].value) if arguments else None
    if verb is None:
        return []
    # `--pull` takes a value for all others.
    switches = UP_SWITCHES | {"--pull"} if verb is Verb.BUILD else UP_SWITCHES
    command = parse(arguments[1:], switches, interspersed=verb is not Verb.RUN)
    if command.has("--help", "--print"):
        return []
    if command.text("--pull") == "never" and not command.has("--build"):
        return []

    files = line.all("-f", "--file")
    named = invocation.value_of(COMPOSE_FILE)
    if named and not files:
        files = (named,) if has_placeholder(named) else tuple(named.split(":"))
    profiles = line.all("--profile")
    if not profiles:
        profiles = tuple(filter(None, (invocation.value_of(COMPOSE_PROFILES) or "").split(",")))
    services = tuple(word.value for word in command.arguments if word.value)
    if verb is Verb.RUN:
        services = services[:1]
    elif any(map(is_only_placeholder, services)):
        # `up $SERVICES`: the names are unknown, so all.
        services = ()
    elif verb is Verb.SCALE:
        services = tuple(service.partition("=")[0] for service in services)
    if verb in (Verb.PULL, Verb.BUILD):
        dependencies = command.has("--with-dependencies", "--include-deps")
    else:
        dependencies = not command.has("--no-deps")
    return [
        ComposeCommand(
            *invocation.at,
            tool,
            verb,
            directory=invocation.directory,
            files=files,
            project_directory=line.text("--project-directory", "--workdir"),
            profiles=profiles,
            services=services,
            with_dependencies=dependencies,
            always_pulls=verb is Verb.PULL
            or command.text("--pull") == "always"
            or (verb is Verb.BUILD and command.has("--pull")),
            environment=tuple(sorted(invocation.assignments.items())),
            config=invocation.config_of(tool),
            skips_stages=tool is not Tool.DOCKER or has_buildkit(invocation),
        )
    ]


def stack_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker stack deploy``: what it starts, from which files."""
    line = parse(words, STACK_SWITCHES)
    files = line.all("-c", "--compose-file")
    if not files or line.has("--help"):
        return []
    return [
        ComposeCommand(
            *invocation.at,
            tool,
            Verb.STACK_DEPLOY,
            directory=invocation.directory,
            files=files,
            environment=tuple(sorted(invocation.assignments.items())),
            config=invocation.config_of(tool),
            keeps_login=not line.has(WITH_LOGIN),
        )
    ]
