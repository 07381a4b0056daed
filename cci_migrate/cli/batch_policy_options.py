"""The options of `batch plan` that make its policy.

One policy holds for the whole campaign: a repository's own policy file is not read, since it could
have the tool write other names than those that were agreed on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from cci_migrate.cli.optional_values import OptionalValue
from cci_migrate.docker.mirrors import InvalidMirrorError, Mirror, parse_mirror
from cci_migrate.policy.file import (
    credential_text,
    find_policy_file,
    is_context_name,
    nearest,
    read_policy_file,
    secret_variable,
)
from cci_migrate.policy.model import CredentialStore, LoginMethod, Platform, Policy, Revert
from cci_migrate.policy.options import PolicyOptions, policy_of

_F = TypeVar("_F", bound=Callable[..., Any])


def policy_options(command: _F) -> _F:
    """Give ``command`` the options that `read_policy` reads."""
    for option in (
        click.option(
            "--revert",
            cls=OptionalValue,
            left_out=Revert.ALL.value,
            type=click.Choice([one.value for one in Revert]),
            metavar="[contexts]",
            help="Remove what the policy would add, or only the contexts",
        ),
        click.option("--upgrade-version", is_flag=True, help="Upgrade configs of version 2 to 2.1"),
        click.option(
            "--mirror",
            metavar="HOST[/PREFIX]",
            help="Pull from this mirror of Docker Hub instead of logging in to it",
        ),
        click.option("--login", type=click.Choice([one.value for one in LoginMethod])),
        click.option("--ignore", multiple=True, metavar="RULES", help="Not these rules: a,b"),
        click.option("--select", multiple=True, metavar="RULES", help="Only these rules: a,b"),
        click.option("--context", metavar="NAME", help="The context with Docker Hub's variables"),
        click.option("--password", metavar="VARIABLE", help="Docker Hub's password variable"),
        click.option("--username", metavar="VARIABLE", help="Docker Hub's user name or variable"),
        click.option("--credentials", type=click.Choice([one.value for one in CredentialStore])),
        click.option("--platform", type=click.Choice([one.value for one in Platform])),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Policy file (default: the nearest)",
        ),
    ):
        command = option(command)
    return command


def read_policy(options: Mapping[str, Any]) -> Policy:
    """The policy that ``options`` (as `policy_options` names them) ask for.

    Raises PolicyError for a policy file that cannot be followed, click.UsageError for an option.
    """
    from cci_migrate.rules.catalogue import RULES

    for name in ("mirror", "upgrade_version"):
        if options["revert"] and options[name]:
            option = name.replace("_", "-")
            raise click.UsageError(f"--revert does not take back what --{option} does: choose one")
    rules = frozenset(rule.id for rule in RULES)
    path = options["config"] or find_policy_file(Path.cwd())
    base = Policy() if path is None else read_policy_file(path, rules).policy
    select, ignore = _rules(options["select"], rules), _rules(options["ignore"], rules)
    platform, store, login = options["platform"], options["credentials"], options["login"]
    given = PolicyOptions(
        platform=Platform(platform) if platform else None,
        credentials=CredentialStore(store) if store else None,
        username=credential_text(options["username"]) if options["username"] else None,
        password=_password(options["password"]),
        context=_context(options["context"]),
        select=select or None,
        ignore=ignore,
        login=LoginMethod(login) if login else None,
        revert=Revert(options["revert"]) if options["revert"] else None,
        mirror=_mirror(options["mirror"]),
        upgrade_version=options["upgrade_version"],
    )
    return policy_of(given, base)


def _rules(values: tuple[str, ...], known: frozenset[str]) -> frozenset[str]:
    names = frozenset(name.strip() for value in values for name in value.split(","))
    for name in sorted(names - known):
        raise click.UsageError(f"no rule {name!r}{nearest(name, known)}")
    return names


def _mirror(given: str | None) -> Mirror | None:
    if given is None:
        return None
    try:
        return parse_mirror(given)
    except InvalidMirrorError as error:
        raise click.UsageError(f"--mirror: {error}") from None


def _password(given: str | None) -> str | None:
    variable = None if given is None else secret_variable(given)
    if given is not None and variable is None:
        # What was given may be the password itself, so it is not repeated.
        raise click.UsageError("--password wants the name of a variable, never the password itself")
    return variable


def _context(given: str | None) -> str | None:
    if given is not None and not is_context_name(given):
        raise click.UsageError(f"CircleCI takes no context named {given!r}")
    return given
