"""The options of `batch plan` that make its policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from cci_migrate.policy import (
    DEFAULT_DOCKER_HUB,
    CredentialStore,
    PasswordAuth,
    Platform,
    Policy,
    RegistryPolicy,
)

_F = TypeVar("_F", bound=Callable[..., Any])


def policy_options(command: _F) -> _F:
    """Give ``command`` the options that `read_policy` reads."""
    for option in (
        click.option("--context", help="The context that holds Docker Hub's variables."),
        click.option("--password", metavar="VARIABLE", help="Docker Hub's password variable."),
        click.option("--username", metavar="VARIABLE", help="Docker Hub's user name or variable."),
        click.option("--credentials", type=click.Choice([c.value for c in CredentialStore])),
        click.option("--platform", type=click.Choice([p.value for p in Platform])),
    ):
        command = option(command)
    return command


def read_policy(options: Mapping[str, Any]) -> Policy:
    """The policy that ``options`` (as `policy_options` names them) ask for."""
    hub = DEFAULT_DOCKER_HUB.credential
    assert isinstance(hub, PasswordAuth)  # noqa: S101 - what the default is made of
    registry = RegistryPolicy(
        DEFAULT_DOCKER_HUB.host,
        PasswordAuth(
            options["username"] or hub.username,
            options["password"] or hub.password,
        ),
        options["context"] or DEFAULT_DOCKER_HUB.context,
    )
    credentials = options["credentials"]
    return Policy(
        platform=Platform(options["platform"] or "cloud"),
        credentials=CredentialStore(credentials) if credentials else None,
        registries=(registry,),
    )
