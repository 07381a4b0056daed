"""The cloud providers' own commands that log Docker in to their registries."""

from __future__ import annotations

from collections.abc import Sequence

from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.name_tables import names
from cci_migrate.docker.shell.command_line import parse
from cci_migrate.docker.shell.facts import Fact, Login, LoginKind, Word
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.registry_access import registries_named

#: What `gcloud auth configure-docker` sets up without hosts:
#: https://cloud.google.com/sdk/gcloud/reference/auth/configure-docker
_GOOGLE_HOSTS = ("gcr.io", "us.gcr.io", "eu.gcr.io", "asia.gcr.io", "marketplace.gcr.io")
_ECR = ("*.dkr.ecr*.amazonaws.com*",)
_GCLOUD_VALUED = names(
    "--account --project --configuration --format --verbosity --log-http"
    " --impersonate-service-account --flags-file --access-token-file"
)
_AZ_SWITCHES = ("-t", "--expose-token", "--debug", "--verbose", "--only-show-errors", "--help")


def cloud_login(words: Sequence[Word], program: str, invocation: Invocation) -> list[Fact]:
    """The logins of the command ``words``, which runs ``program``; empty if it doesn't log in.

    ``program`` is ``aws``, ``gcloud``, ``az`` or ``docker-credential-*``.
    """
    values = [word.value for word in words[1:]]
    if program == "aws":
        # Options of aws itself may come first: only the two words matter.
        for index, value in enumerate(values[:-1]):
            if value == "ecr" and values[index + 1] == "get-login":
                return [_login(invocation, LoginKind.AWS_GET_LOGIN, _ECR)]
        return []
    if program == "az":
        line = parse(words[1:], _AZ_SWITCHES)
        if [word.value for word in line.arguments[:2]] != ["acr", "login"]:
            return []
        if line.has("-t", "--expose-token"):
            return []
        name = line.text("-n", "--name") or ""
        registries = registries_named(name)
        if not name or not registries or "." not in registries[0]:
            registries = registries_named(f"{name or '*'}.azurecr.io")
        return [_login(invocation, LoginKind.AZ_ACR_LOGIN, registries)]
    if program == "gcloud":
        line = parse(words[1:], (), valued=_GCLOUD_VALUED)
        arguments = [word.value for word in line.arguments]
        if arguments and arguments[0] in ("alpha", "beta"):
            arguments = arguments[1:]
        if arguments[:1] == ["docker"]:
            return [_login(invocation, LoginKind.GCLOUD_DOCKER, _GOOGLE_HOSTS)]
        if arguments[:2] != ["auth", "configure-docker"]:
            return []
        hosts = [host for argument in arguments[2:] for host in argument.split(",")]
        named = tuple(pattern for host in hosts for pattern in registries_named(host))
        return [_login(invocation, LoginKind.GCLOUD_CONFIGURE, named if hosts else _GOOGLE_HOSTS)]
    if "configure-docker" in values:
        return [_login(invocation, LoginKind.GCLOUD_CONFIGURE, _GOOGLE_HOSTS)]
    return []


def _login(invocation: Invocation, kind: LoginKind, registries: tuple[str, ...]) -> Login:
    pipeline = invocation.statement_start, invocation.statement_end
    config = invocation.config_of(Tool.DOCKER)
    return Login(
        *invocation.at, *pipeline, kind, Tool.DOCKER, registries, invocation.variables, config
    )
