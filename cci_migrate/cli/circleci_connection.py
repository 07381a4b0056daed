"""The connection to CircleCI's API, with the token in the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from cci_migrate.error_kinds import UserError
from cci_migrate.preflight.circleci_api import CircleCi
from cci_migrate.preflight.circleci_tokens import HEADER, TOKEN_VARIABLE
from cci_migrate.preflight.parallel_queries import READ_LIMITS
from cci_migrate.transport.host_errors import HostError
from cci_migrate.transport.http import Api
from cci_migrate.transport.known_secrets import remember
from cci_migrate.transport.pace import Clock, Lane, PaceLimits, SystemClock
from cci_migrate.transport.progress import Lines
from cci_migrate.transport.write_record import WriteRecord

#: A wait that CircleCI asks for and that would be longer than this ends the command.
PATIENCE = 300.0


class UnreachableError(UserError):
    """CircleCI cannot be reached; the text says why and what to do."""


@contextmanager
def circleci_at(root: str) -> Iterator[CircleCi]:
    """CircleCI, asked with the token in the environment. Raises UnreachableError without one."""
    token = token_in(TOKEN_VARIABLE)
    if token is None:
        raise UnreachableError(
            f"{TOKEN_VARIABLE} is not set: it takes a personal API token "
            "(https://app.circleci.com/settings/user/tokens); project tokens are refused"
        )
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
