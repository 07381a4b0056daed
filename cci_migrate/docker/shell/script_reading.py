"""Reads a shell script: what it pulls, where it logs in, and in which order.

`facts_of` reads the text of a ``run`` step into a `Script` of facts, in order. All offsets are into
that text. `logged_in_before` and `logged_in_at_end` say whether a login surely ran; `flow` has the
rules. `mentions_docker` is a cheap test to call first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from typing_extensions import assert_never

from cci_migrate.docker.shell.build_commands import BUILDKIT
from cci_migrate.docker.shell.client_config import DOCKER_CONFIG, HOME, OTHER_USER
from cci_migrate.docker.shell.compose_commands import COMPOSE_FILE, COMPOSE_PROFILES
from cci_migrate.docker.shell.dialects import Dialect
from cci_migrate.docker.shell.facts import CredentialFile, Exit, Fact, Login, Script
from cci_migrate.docker.shell.flow import PlacedCommand, surely_at_end, surely_before
from cci_migrate.docker.shell.image_programs import KINDS_TOOL

#: The variables whose value matters also to a script that doesn't name them.
READ_UNNAMED = frozenset(
    (HOME, DOCKER_CONFIG, OTHER_USER, COMPOSE_FILE, COMPOSE_PROFILES, KINDS_TOOL, BUILDKIT)
)


def facts_of(
    text: str, dialect: Dialect = Dialect.POSIX, environment: Mapping[str, str] | None = None
) -> Script:
    """The facts of the script ``text``; none if ``dialect`` is OTHER.

    ``environment`` has the variables whose value is known when the script starts (a step's and a
    job's ``environment``). Raises TooComplexError.
    """
    variables = environment or {}
    match dialect:
        case Dialect.POSIX:
            from cci_migrate.docker.shell.bash import read_bash

            return read_bash(text, variables)
        case Dialect.POWERSHELL | Dialect.CMD:
            from cci_migrate.docker.shell.powershell_and_cmd import read_lines

            return read_lines(text, dialect, variables)
        case Dialect.OTHER:
            return Script()
        case _:
            assert_never(dialect)


def logged_in_before(logins: Iterable[Fact], fact: Fact) -> bool:
    """Whether one of ``logins`` has surely run when ``fact`` runs (one in each branch will do)."""
    return surely_before([_placed(login) for login in logins], fact.place)


def logged_in_at_end(logins: Iterable[Fact], script: Script) -> bool:
    """Whether one of ``logins`` has surely run when ``script`` ends in success."""
    exits = [_placed(fact) for fact in script.facts if isinstance(fact, Exit)]
    return surely_at_end([_placed(login) for login in logins], exits)


def _placed(fact: Fact) -> PlacedCommand:
    variables = fact.variables if isinstance(fact, Login | CredentialFile) else frozenset[str]()
    return PlacedCommand(fact.place, variables)
