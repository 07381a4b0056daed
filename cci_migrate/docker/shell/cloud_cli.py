"""The cloud providers' own commands that log Docker in to their registries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.shell.command_line import parse
from cci_migrate.docker.shell.facts import Fact, Login, Word
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.registry_access import registries_named
from cci_migrate.docker.word_sets import names

CLOUDS = names("aws gcloud az")
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
    registries = _registries_of(words[1:], program)
    if registries is None:
        return []
    return [
        Login(
            *invocation.at,
            *invocation.statement,
            Tool.DOCKER,
            registries,
            invocation.variables,
            invocation.config_of(Tool.DOCKER),
            by_cloud_cli=True,
        )
    ]


def _registries_of(words: Sequence[Word], program: str) -> tuple[str, ...] | None:
    """The registries that ``program`` with the arguments ``words`` logs in to; None if to none."""
    values = [word.value for word in words]
    if program == "aws":
        # Options of aws itself may come first: only the two words matter. It prints a
        # `docker login` (AWS CLI 1).
        return _ECR if ("ecr", "get-login") in pairwise(values) else None
    if program == "az":
        line = parse(words, _AZ_SWITCHES)
        is_login = [word.value for word in line.arguments[:2]] == ["acr", "login"]
        if not is_login or line.has("-t", "--expose-token"):
            return None
        name = line.text("-n", "--name") or ""
        registries = registries_named(name)
        if not name or not registries or "." not in registries[0]:
            registries = registries_named(f"{name or '*'}.azurecr.io")
        return registries
    if program == "gcloud":
        line = parse(words, valued=_GCLOUD_VALUED)
        command = [word.value for word in line.arguments]
        if command[:1] in (["alpha"], ["beta"]):
            del command[0]
        if command[:1] == ["docker"]:
            return _GOOGLE_HOSTS
        if command[:2] != ["auth", "configure-docker"]:
            return None
        hosts = [host for argument in command[2:] for host in argument.split(",")]
        named = tuple(pattern for host in hosts for pattern in registries_named(host))
        return named if hosts else _GOOGLE_HOSTS
    return _GOOGLE_HOSTS if "configure-docker" in values else None
