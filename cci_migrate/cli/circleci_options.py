"""Options of the commands that use CircleCI's API."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from cci_migrate.policy.name_syntax import secret_variable
from cci_migrate.preflight.circleci_address import CLOUD, api_root
from cci_migrate.preflight.slugs import parse_organisation, parse_project

_F = TypeVar("_F", bound=Callable[..., Any])
_Slug = TypeVar("_Slug")
_HOST_VARIABLES = ("CIRCLE_API_URL", "CIRCLECI_CLI_HOST", "CIRCLE_HOST")


def is_server(root: str) -> bool:
    """Whether the API at ``root`` is a server of one's own."""
    return root != CLOUD


def _root(_ctx: Any, _param: Any, value: str | None) -> str:
    address = value or next(
        (os.environ[name] for name in _HOST_VARIABLES if os.environ.get(name)), ""
    )
    return api_root(address) if address else CLOUD


def _slug(parse: Callable[[str], _Slug | None], example: str) -> Callable[..., _Slug | None]:
    """A callback of click that takes what ``parse`` reads."""

    def convert(_ctx: Any, _param: Any, value: str | None) -> _Slug | None:
        slug = None if value is None else parse(value)
        if value is not None and slug is None:
            raise click.BadParameter(f"{value!r} is not {example}")
        return slug

    return convert


def circleci_options(command: _F) -> _F:
    """Give ``command`` ``--org`` and ``--api-url``."""
    return _organisation_option(_address_option(command))


_organisation_option = click.option(
    "--org",
    "organisation",
    metavar="SLUG",
    callback=_slug(parse_organisation, "an organisation such as gh/acme or circleci/ID"),
    help="Organisation: gh/NAME, bb/NAME or circleci/ID (default: from the git remote)",
)
_address_option = click.option(
    "--api-url",
    metavar="URL",
    callback=_root,
    help="CircleCI's API, for CircleCI Server (default: $CIRCLE_API_URL, $CIRCLECI_CLI_HOST, else "
    f"{CLOUD})",
)
#: Gives a command ``--project``.
project_option = click.option(
    "--project",
    metavar="SLUG",
    callback=_slug(parse_project, "a project such as gh/acme/api or circleci/ORG-ID/PROJECT-ID"),
    help="Project: gh/ORG/NAME or circleci/ORG-ID/PROJECT-ID (default: the git remote's)",
)


def variable_names(_ctx: Any, _param: Any, values: tuple[str, ...]) -> tuple[str, ...]:
    """The names in ``values``. What is no name may be a secret, so it is not repeated."""
    names = [secret_variable(value) for value in values]
    if None in names:
        raise click.BadParameter("must be the name of a variable, not its value")
    return tuple(name.removeprefix("$") for name in names if name is not None)
