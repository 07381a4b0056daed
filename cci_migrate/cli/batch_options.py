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

from cci_migrate.campaign.ledger import LedgerError
from cci_migrate.campaign.repository_filter import RepositoryFilter, Shard, parse_shard
from cci_migrate.cli.command_errors import exit_code_of
from cci_migrate.cli.option_values import (
    EXISTING_FILE,
    is_on_command_line,
    option_group,
    seconds,
)
from cci_migrate.cli.shared_options import campaign_option
from cci_migrate.cli.terminal import Terminal
from cci_migrate.error_kinds import OutsideError
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.tokens import AppKey, Tokens
from cci_migrate.transport.pace import DEFAULT_PACE_LIMITS, PaceLimits
from cci_migrate.transport.progress import say_json

_F = TypeVar("_F", bound=Callable[..., Any])


#: Gives a command the option ``--campaign``, whose value is its argument ``folder``.
folder_option = campaign_option("folder", is_required=True)


def repositories_argument(command: _F) -> _F:
    """Give ``command`` ``[NAME]...``, by which the user means some of the repositories."""
    return click.argument(
        "repositories",
        nargs=-1,
        metavar="[NAME]...",
        callback=lambda _ctx, _param, names: RepositoryFilter(include=names),
    )(command)


class Running(Struct, frozen=True):
    """How a command reports its progress, and where it gets tokens from."""

    verbose: bool
    log_format: str
    tokens: Tokens


class Pace(Struct, frozen=True):
    """The pace of writes, and when they end (seconds since 1970, 0: never)."""

    limits: PaceLimits = DEFAULT_PACE_LIMITS
    deadline: float = 0.0


class CanaryOptions(Struct, frozen=True):
    """How many repositories come first, and how many seconds their CI may take."""

    size: int
    patience: float


def until_option(command: _F) -> _F:
    """Give ``command`` ``--until``, a time in seconds since 1970; 0 without one."""
    return click.option("--until", callback=_to_time, metavar="TIME", help="Stop at HH:MM")(command)


def canary_options(text: str, wait: str) -> Callable[[_F], _F]:
    """Gives a command ``--canary`` and ``--canary-wait``, with these texts of help.

    Its argument ``canary`` is the `CanaryOptions` that they make.
    """
    return option_group(
        "canary",
        lambda canary, canary_wait: CanaryOptions(canary, canary_wait * 60.0),
        click.option(
            "--canary", type=click.IntRange(0), default=3, show_default=True, metavar="N", help=text
        ),
        click.option(
            "--canary-wait",
            type=click.IntRange(0),
            default=30,
            show_default=True,
            metavar="MINUTES",
            help=wait,
        ),
    )


#: Gives a command the options that its argument ``pace`` holds.
pace_options = option_group(
    "pace",
    lambda per_hour, seconds_between, until: Pace(PaceLimits(per_hour, seconds_between), until),
    until_option,
    click.option(
        "--per-hour",
        type=click.IntRange(1),
        default=DEFAULT_PACE_LIMITS.per_hour,
        show_default=True,
        metavar="N",
        help="Maximum of pull requests an hour on each host",
    ),
    click.option(
        "--seconds-between",
        type=click.FloatRange(0),
        callback=seconds,
        default=DEFAULT_PACE_LIMITS.apart,
        show_default=True,
        metavar="SECONDS",
        help="Pause between two pull requests",
    ),
)


def _tokens(token_command: str, app_id: str, app_key: Path | None) -> Tokens:
    return Tokens(token_command, _app(app_id, app_key))


def _running(verbose: bool, log_format: str, **tokens: Any) -> Running:
    return Running(verbose, log_format, _tokens(**tokens))


def _app(app_id: str, file: Path | None) -> AppKey | None:
    """The App to log in as. One half of it in the environment may be for other programs."""
    if app_id and file is not None:
        return AppKey(app_id, file)
    if is_on_command_line("app_id", "app_key"):
        raise click.UsageError("--app-id and --app-key require each other")
    return None


_TOKEN_OPTIONS = (
    click.option(
        "--app-key",
        **EXISTING_FILE,
        envvar="GITHUB_APP_PRIVATE_KEY_FILE",
        help="File with the App's private key",
    ),
    click.option(
        "--app-id",
        default="",
        envvar="GITHUB_APP_ID",
        metavar="ID",
        help="Log in to GitHub as this App; requires the extra cci-migrate[app]",
    ),
    click.option(
        "--token-command",
        default="",
        envvar="CCI_MIGRATE_TOKEN_COMMAND",
        metavar="COMMAND",
        help="Command that prints the host's token; run again when it expires",
    ),
)

#: Gives a command the options that its argument ``tokens`` holds.
token_options = option_group("tokens", _tokens, *_TOKEN_OPTIONS)

#: Gives a command the options that its argument ``running`` holds.
running_options = option_group(
    "running",
    _running,
    *_TOKEN_OPTIONS,
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        help="Progress format on stderr",
    ),
    click.option("-v", "--verbose", is_flag=True, help="List every repository"),
)


#: What SQLite says of a full, broken or write-protected disk
#: (https://sqlite.org/rescode.html); other errors are about what is in the ledger.
_STORAGE_SIGNS = ("is full", "disk I/O error", "readonly", "unable to open")


class StorageError(OutsideError):
    """The campaign's folder cannot be written: a full disk, for instance."""


class _JsonErrors:
    """Writes errors to standard error, each as a line of JSON."""

    def error(self, problem: str, *more: str) -> None:
        """Write an error."""
        say_json(sys.stderr, "error", text="\n".join((f"error: {problem}", *more)))

    def interrupted(self, effects: str) -> None:
        """Write that the user interrupted."""
        say_json(sys.stderr, "error", text=f"interrupted; {effects}")


def exits_with_code(command: _F) -> _F:
    """Exit with the code that ``command`` returns; print an error of the whole run as one line.

    An error of SQLite is one of the campaign's ledger: LedgerError, or StorageError on a full disk.
    """

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        running = kwargs.get("running")
        is_json = isinstance(running, Running) and running.log_format == "json"

        def carried_out() -> ExitCode:
            try:
                code: ExitCode = command(*args, **kwargs)
            except sqlite3.Error as error:
                if any(sign in str(error) for sign in _STORAGE_SIGNS):
                    problem = f"can't write the campaign's ledger: {error}"
                    raise StorageError(problem) from None
                raise LedgerError(f"can't use the campaign's ledger: {error}") from None
            return code

        output = _JsonErrors() if is_json else Terminal()
        if isinstance(running, Running):
            note_readable_key(running.tokens, is_json=is_json)
        sys.exit(exit_code_of(carried_out, output, "run the same command again to continue"))

    return run  # type: ignore[return-value]


def note_readable_key(tokens: Tokens, *, is_json: bool = False) -> None:
    """Note where other users of this machine can read the App's private key in ``tokens``."""
    if tokens.app is None or os.name == "nt" or not tokens.app.file.stat().st_mode & 0o077:
        return
    text = f"{tokens.app.file}: other users of this machine can read the App's key; chmod 600 it"
    if is_json:
        say_json(sys.stderr, "note", text=text)
    else:
        Terminal().err(f"note: {printable(text)}\n")


def to_shard(_ctx: Any, _param: Any, value: str | None) -> Shard:
    """The share that ``value``, ``2/5``, is; all if it is None. Raises BadParameter."""
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


def _to_time(_ctx: Any, _param: Any, text: str | None) -> float:
    """The next time the clock shows ``HH:MM``."""
    if text is None:
        return 0.0
    try:
        time_of_day = time.strptime(text, "%H:%M")
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time such as 17:30") from None
    now = time.localtime()
    at = time.mktime(
        (now.tm_year, now.tm_mon, now.tm_mday, time_of_day.tm_hour, time_of_day.tm_min, 0, 0, 0, -1)
    )
    return at if at > time.time() else at + 24 * 3600
