"""Options of the commands that use CircleCI's API, and the connection to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from cci_migrate.error_kinds import UserError
from cci_migrate.policy.names import secret_variable
from cci_migrate.preflight.circleci_address import CLOUD, HEADER, TOKEN_VARIABLE, api_root
from cci_migrate.preflight.slugs import (
    Organisation,
    Project,
    parse_organisation,
    parse_project,
)

if TYPE_CHECKING:
    from cci_migrate.preflight.circleci_api import CircleCi
    from cci_migrate.transport.http import Api
    from cci_migrate.transport.pace import Clock, Lane

_F = TypeVar("_F", bound=Callable[..., Any])
#: A wait that CircleCI asks for and that would be longer than this ends the command.
PATIENCE = 300.0
_HOST_VARIABLES = ("CIRCLE_API_URL", "CIRCLECI_CLI_HOST", "CIRCLE_HOST")


class UnreachableError(UserError):
    """CircleCI cannot be reached; the text says why and what to do."""


def circleci_options(command: _F) -> _F:
    """Give ``command`` ``--org`` and ``--api-url``."""
    for option in (
        click.option(
            "--api-url",
            metavar="URL",
            callback=_root,
            help="CircleCI's API, for CircleCI Server (default: $CIRCLE_API_URL, "
            f"$CIRCLECI_CLI_HOST, else {CLOUD})",
        ),
        click.option(
            "--org",
            "organisation",
            metavar="SLUG",
            callback=_organisation,
            help="Organisation: gh/NAME, bb/NAME or circleci/ID (default: from the git remote)",
        ),
    ):
        command = option(command)
    return command


def project_option(command: _F) -> _F:
    """Give ``command`` ``--project``."""
    return click.option(
        "--project",
        metavar="SLUG",
        callback=_project,
        help="Project: gh/ORG/NAME or circleci/ORG-ID/PROJECT-ID (default: the git remote's)",
    )(command)


@contextmanager
def circleci_at(root: str) -> Iterator[CircleCi]:
    """CircleCI, asked with the token in the environment. Raises UnreachableError without one."""
    token = token_in(TOKEN_VARIABLE)
    if token is None:
        raise UnreachableError(
            f"{TOKEN_VARIABLE} is not set: it takes a personal API token "
            "(https://app.circleci.com/settings/user/tokens); project tokens are refused"
        )
    from cci_migrate.preflight.circleci_api import CircleCi

    with opened_api(root, token) as api:
        yield CircleCi(api)


def token_in(*variables: str) -> str | None:
    """The token in the first of ``variables`` that is set. UnreachableError: it is none."""
    for variable in variables:
        token = os.environ.get(variable, "").strip()
        if token:
            if not token.isascii() or not token.isprintable() or " " in token:
                raise UnreachableError(
                    f"{variable} is not a token: it contains spaces or line breaks"
                )
            return token
    return None


@contextmanager
def opened_api(
    root: str, token: str | None, lane: Lane | None = None, clock: Clock | None = None
) -> Iterator[Api]:
    """The API at ``root``, asked with ``token``. Raises UnreachableError.

    With ``lane`` and ``clock`` it waits for as long as the host asks for, and says so there;
    otherwise a long wait ends the command.
    """
    from cci_migrate.transport.host_errors import HostError
    from cci_migrate.transport.http import Api
    from cci_migrate.transport.known_secrets import remember

    if token is not None:
        remember(token)

    def renewed(is_renewal: bool) -> str | None:
        return None if is_renewal else token

    with ExitStack() as stack:
        if lane is None or clock is None:
            lane, clock = stack.enter_context(_impatient_lane(root))
        try:
            api = Api(root, renewed, lane, clock, str, HEADER)
        except HostError as error:
            raise UnreachableError(str(error)) from None
        stack.callback(api.close)
        yield api


@contextmanager
def _impatient_lane(root: str) -> Iterator[tuple[Lane, Clock]]:
    from cci_migrate.preflight.parallel_queries import READ_LIMITS
    from cci_migrate.transport.pace import Lane, PaceLimits, SystemClock
    from cci_migrate.transport.progress import Lines
    from cci_migrate.transport.write_record import WriteRecord

    record = WriteRecord.in_memory()
    clock = SystemClock()
    lane = Lane(
        urlsplit(root).netloc,
        record,
        # Nothing here starts a build: the pace of pull requests does not apply.
        PaceLimits(per_hour=10_000, apart=0.0),
        clock,
        clock.now() + PATIENCE,
        Lines(sys.stderr),
        READ_LIMITS,
    )
    try:
        yield lane, clock
    finally:
        lane.end()
        record.close()


def is_server(root: str) -> bool:
    """Whether the API at ``root`` is a server of one's own."""
    return root != CLOUD


def _root(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    del ctx, param
    address = value or next(
        (os.environ[name] for name in _HOST_VARIABLES if os.environ.get(name)), ""
    )
    return api_root(address) if address else CLOUD


def _organisation(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> Organisation | None:
    organisation = None if value is None else parse_organisation(value)
    if value is not None and organisation is None:
        raise click.BadParameter(
            f"{value!r} is not an organisation such as gh/acme or circleci/ID", ctx, param
        )
    return organisation


def _project(ctx: click.Context, param: click.Parameter, value: str | None) -> Project | None:
    project = None if value is None else parse_project(value)
    if value is not None and project is None:
        raise click.BadParameter(
            f"{value!r} is not a project such as gh/acme/api or circleci/ORG-ID/PROJECT-ID",
            ctx,
            param,
        )
    return project


def variable_names(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """The names in ``values``. What is no name may be a secret, so it is not repeated."""
    names = [secret_variable(value) for value in values]
    if None in names:
        raise click.BadParameter(
            "must be the name of a variable, not its value",
            ctx,
            param,
        )
    return tuple(name.removeprefix("$") for name in names if name is not None)
