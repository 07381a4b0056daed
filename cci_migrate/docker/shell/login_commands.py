"""What ``docker login`` and ``docker logout`` give, and those of podman, buildah and skopeo."""

from __future__ import annotations

from collections.abc import Sequence

from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.shell.command_line import parse
from cci_migrate.docker.shell.docker_options import LOGIN_SWITCHES
from cci_migrate.docker.shell.facts import Fact, Login, Logout, PasswordArgument, Word
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.registry_access import registries_named

#: User names that go with a cloud's token, so that the registry is one of that cloud's:
#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html,
#: https://cloud.google.com/artifact-registry/docs/docker/authentication
_BY_USERNAME = {
    "AWS": ("*.dkr.ecr*.amazonaws.com*", "public.ecr.aws"),
    "oauth2accesstoken": ("*gcr.io", "*-docker.pkg.dev"),
    "_json_key": ("*gcr.io", "*-docker.pkg.dev"),
    "_json_key_base64": ("*gcr.io", "*-docker.pkg.dev"),
}


def login_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """The login of ``tool``, or of a program that shares its credentials.

    ``words`` are the arguments. Empty if they don't log in (``--help``).
    """
    line = parse(words, LOGIN_SWITCHES)
    if line.has("--help", "--get-login"):
        return []
    registry = line.arguments[0] if line.arguments else None
    stdin = line.has("--password-stdin")
    username = line.last("-u", "--username")
    password = None
    options = line.options_named("-p", "--password")
    option = options[-1] if options else None
    if option is not None and option.value is not None:
        obstacle = invocation.obstacle
        if invocation.stdin:
            obstacle = "its input is already used"
        elif len(options) > 1:
            obstacle = "it has two passwords"
        elif line.options_named("-e", "--email"):
            # Gone in Docker 17.06; --password-stdin came with 17.07.
            obstacle = "only a Docker without --password-stdin has an e-mail option"
        elif not option.separable:
            obstacle = "the password's option is combined with another"
        password = PasswordArgument(
            option.start, option.end, option.value, invocation.at[0], obstacle
        )
    return [
        Login(
            *invocation.at,
            *invocation.statement,
            tool,
            registries_named(None if registry is None else registry.value)
            or _BY_USERNAME.get("" if username is None else username.value, ()),
            invocation.variables,
            invocation.config_of(tool),
            registry,
            username,
            password,
            stdin,
            invocation.stdin_word,
        )
    ]


def logout_facts(words: Sequence[Word], tool: Tool, invocation: Invocation) -> list[Fact]:
    """``docker logout``: which logins it removes."""
    line = parse(words, valued=("--authfile",))
    registry = line.arguments[0] if line.arguments else None
    return [
        Logout(*invocation.at, tool, registry, line.has("-a", "--all"), invocation.config_of(tool))
    ]
