"""Options that several `batch` commands share, and their exit codes."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct

from cci_migrate.campaign.connections import SourceError
from cci_migrate.campaign.folder import CampaignError
from cci_migrate.campaign.ledger import LedgerError
from cci_migrate.campaign.message_templates import MessageError
from cci_migrate.campaign.repository_filter import Shard, parse_shard
from cci_migrate.engine.exit_codes import ExitCode
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.forges.repository import Visibility
from cci_migrate.forges.tokens import Tokens
from cci_migrate.policy.file import PolicyError
from cci_migrate.transport.known_secrets import redact
from cci_migrate.transport.progress import say_json

_F = TypeVar("_F", bound=Callable[..., Any])


def campaign_option(command: _F) -> _F:
    return click.option(
        "--campaign",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        metavar="DIR",
        help="The campaign's folder",
    )(command)


class Running(Struct, frozen=True):
    """How a command reports its progress, and where it gets tokens from."""

    verbose: bool
    log_format: str
    tokens: Tokens


def running_options(command: _F) -> _F:
    """Add the options that ``command`` gets as its argument ``running``."""

    @wraps(command)
    def run(
        *args: Any, verbose: bool, log_format: str, token_command: str, **kwargs: Any
    ) -> ExitCode:
        running = Running(verbose, log_format, Tokens(token_command))
        code: ExitCode = command(*args, running=running, **kwargs)
        return code

    for option in (
        click.option("-v", "--verbose", is_flag=True, help="List every repository"),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            help="Progress format on stderr",
        ),
        click.option(
            "--token-command",
            default="",
            envvar="CCI_MIGRATE_TOKEN_COMMAND",
            metavar="COMMAND",
            help="Command that prints the host's token; run again when it expires",
        ),
    ):
        run = option(run)
    return run  # type: ignore[return-value]


def exits_with_code(command: _F) -> _F:
    """Exit with the code that ``command`` returns; print an error of the whole run as one line."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        running = kwargs.get("running")
        is_json = isinstance(running, Running) and running.log_format == "json"

        def say(text: str) -> None:
            if is_json:
                say_json(sys.stderr, "error", text=text)
            else:
                click.echo(printable(text), err=True)

        try:
            code = command(*args, **kwargs)
        except (CampaignError, LedgerError, SourceError, MessageError, PolicyError) as error:
            say(f"error: {redact(str(error))}")
            code = ExitCode.USAGE
        except sqlite3.Error as error:
            say(f"error: the campaign's ledger cannot be used: {error}")
            code = ExitCode.USAGE
        except KeyboardInterrupt:
            say("interrupted; run the same command again to go on")
            code = ExitCode.INTERRUPTED
        sys.exit(code.value)

    return run  # type: ignore[return-value]


def visibilities(names: tuple[str, ...]) -> tuple[Visibility, ...]:
    return tuple(Visibility(name) for name in names)


def to_shard(context: click.Context, parameter: click.Parameter, value: str | None) -> Shard:
    del context, parameter
    if value is None:
        return Shard()
    try:
        return parse_shard(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def default_shard() -> str | None:
    """The share of this node of a CircleCI job with parallelism.

    https://circleci.com/docs/guides/optimize/parallelism-faster-jobs/
    """
    index, total = os.environ.get("CIRCLE_NODE_INDEX"), os.environ.get("CIRCLE_NODE_TOTAL")
    return f"{int(index) + 1}/{total}" if index and total and index.isdecimal() else None


def to_time(context: click.Context, parameter: click.Parameter, text: str | None) -> float:
    """The next time the clock shows ``HH:MM``."""
    del context, parameter
    if text is None:
        return 0.0
    try:
        time_of_day = time.strptime(text, "%H:%M")
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time like 17:30") from None
    now = time.localtime()
    at = time.mktime(
        (now.tm_year, now.tm_mon, now.tm_mday, time_of_day.tm_hour, time_of_day.tm_min, 0, 0, 0, -1)
    )
    return at if at > time.time() else at + 24 * 3600
