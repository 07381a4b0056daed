"""Options of the commands that use CircleCI's API."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from cci_migrate.policy.name_syntax import secret_variable
from cci_migrate.preflight.circleci_address import CLOUD, api_root
from cci_migrate.preflight.slugs import Organisation, Project, parse_organisation, parse_project

_F = TypeVar("_F", bound=Callable[..., Any])
_HOST_VARIABLES = ("CIRCLE_API_URL", "CIRCLECI_CLI_HOST", "CIRCLE_HOST")


def circleci_options(command: _F) -> _F:
    """Give ``command`` ``--org`` and ``--api-url``."""
    address = click.option(
        "--api-url",
        metavar="URL",
        callback=_root,
        help="CircleCI's API, for CircleCI Server (default: $CIRCLE_API_URL, "
        f"$CIRCLECI_CLI_HOST, else {CLOUD})",
    )
    organisation = click.option(
        "--org",
        "organisation",
        metavar="SLUG",
        callback=_organisation,
        help="Organisation: gh/NAME, bb/NAME or circleci/ID (default: from the git remote)",
    )
    return organisation(address(command))


def project_option(command: _F) -> _F:
    """Give ``command`` ``--project``."""
    return click.option(
        "--project",
        metavar="SLUG",
        callback=_project,
        help="Project: gh/ORG/NAME or circleci/ORG-ID/PROJECT-ID (default: the git remote's)",
    )(command)


def is_server(root: str) -> bool:
    """Whether the API at ``root`` is a server of one's own."""
    return root != CLOUD


def _root(_ctx: Any, _param: Any, value: str | None) -> str:
    address = value or next(
        (os.environ[name] for name in _HOST_VARIABLES if os.environ.get(name)), ""
    )
    return api_root(address) if address else CLOUD


def _organisation(_ctx: Any, _param: Any, value: str | None) -> Organisation | None:
    organisation = None if value is None else parse_organisation(value)
    if value is not None and organisation is None:
        raise click.BadParameter(f"{value!r} is not an organisation such as gh/acme or circleci/ID")
    return organisation


def _project(_ctx: Any, _param: Any, value: str | None) -> Project | None:
    project = None if value is None else parse_project(value)
    if value is not None and project is None:
        raise click.BadParameter(
            f"{value!r} is not a project such as gh/acme/api or circleci/ORG-ID/PROJECT-ID"
        )
    return project


def variable_names(_ctx: Any, _param: Any, values: tuple[str, ...]) -> tuple[str, ...]:
    """The names in ``values``. What is no name may be a secret, so it is not repeated."""
    names = [secret_variable(value) for value in values]
    if None in names:
        raise click.BadParameter("must be the name of a variable, not its value")
    return tuple(name.removeprefix("$") for name in names if name is not None)
