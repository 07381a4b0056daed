"""The options of `batch plan` that make its policy.

One policy holds for the whole campaign: a repository's own policy file is not read, since it could
have the tool write other names than those that were agreed on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from cci_migrate.policy import (
    DEFAULT_DOCKER_HUB,
    DOCKER_HUB,
    CredentialStore,
    LoginMethod,
    PasswordAuth,
    Platform,
    Policy,
    RegistryPolicy,
)
from cci_migrate.policy_file import (
    credential_text,
    find_policy_file,
    is_context_name,
    nearest,
    read_policy_file,
    secret_variable,
)

_F = TypeVar("_F", bound=Callable[..., Any])


def policy_options(command: _F) -> _F:
    """Give ``command`` the options that `read_policy` reads."""
    for option in (
        click.option("--login", type=click.Choice([one.value for one in LoginMethod])),
        click.option("--ignore", multiple=True, metavar="RULES", help="Not these rules: a,b."),
        click.option("--select", multiple=True, metavar="RULES", help="Only these rules: a,b."),
        click.option("--context", metavar="NAME", help="The context with Docker Hub's variables."),
        click.option("--password", metavar="VARIABLE", help="Docker Hub's password variable."),
        click.option("--username", metavar="VARIABLE", help="Docker Hub's user name or variable."),
        click.option("--credentials", type=click.Choice([one.value for one in CredentialStore])),
        click.option("--platform", type=click.Choice([one.value for one in Platform])),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="The policy file (default: the one of the folder one is in).",
        ),
    ):
        command = option(command)
    return command


def read_policy(options: Mapping[str, Any]) -> Policy:
    """The policy that ``options`` (as `policy_options` names them) ask for.

    Raises PolicyError for a policy file that cannot be followed, click.UsageError for an option.
    """
    from cci_migrate.rules.catalogue import RULES

    rules = frozenset(rule.id for rule in RULES)
    path = options["config"] or find_policy_file(Path.cwd())
    base = Policy() if path is None else read_policy_file(path, rules).policy
    select, ignore = _rules(options["select"], rules), _rules(options["ignore"], rules)
    credentials, login = options["credentials"], options["login"]
    return replace(
        base,
        platform=Platform(options["platform"]) if options["platform"] else base.platform,
        credentials=CredentialStore(credentials) if credentials else base.credentials,
        registries=_registries(options, base.registries),
        select=select or base.select,
        ignore=base.ignore - select | ignore,
        login=LoginMethod(login) if login else base.login,
    )


def _rules(values: tuple[str, ...], known: frozenset[str]) -> frozenset[str]:
    names = frozenset(name.strip() for value in values for name in value.split(","))
    for name in sorted(names - known):
        raise click.UsageError(f"no rule {name!r}{nearest(name, known)}")
    return names


def _registries(
    options: Mapping[str, Any], registries: tuple[RegistryPolicy, ...]
) -> tuple[RegistryPolicy, ...]:
    """``registries`` with what ``options`` says of Docker Hub put first."""
    username, password, context = options["username"], options["password"], options["context"]
    if username is None and password is None and context is None:
        return registries
    if context is not None and not is_context_name(context):
        raise click.UsageError(f"CircleCI takes no context named {context!r}")
    variable = None if password is None else secret_variable(password)
    if password is not None and variable is None:
        # What was given may be the password itself, so it is not repeated.
        raise click.UsageError("--password wants the name of a variable, never the password itself")
    known = next((one for one in registries if one.host == DOCKER_HUB), DEFAULT_DOCKER_HUB)
    credential = known.credential
    if not isinstance(credential, PasswordAuth):
        credential = PasswordAuth("$DOCKERHUB_USERNAME", "$DOCKERHUB_PASSWORD")
    told = RegistryPolicy(
        DOCKER_HUB,
        PasswordAuth(
            credential_text(username) if username else credential.username,
            variable or credential.password,
        ),
        context or known.context,
    )
    return (told, *(one for one in registries if one.host != DOCKER_HUB))
