"""Registries and credentials as command lines name them."""

from __future__ import annotations

import re

from msgspec.structs import replace

from cci_migrate.docker.container_tools import Purpose
from cci_migrate.docker.image_reference import masked_placeholders, registry_of
from cci_migrate.docker.registries import DOCKER_HUB, host_in, normalise_host
from cci_migrate.docker.shell.command_line import CommandLine
from cci_migrate.docker.shell.facts import ClientAccess, Word
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.shell_words import variables_in


def registries_named(host: str | None) -> tuple[str, ...]:
    """The patterns, for `host_matches`, of the registries that a login's argument names.

    None is Docker Hub. An unknown part becomes ``*``; there is no pattern if nothing is known.
    """
    if host is None or not host.strip():
        return (DOCKER_HUB,)
    pattern = host_in(re.sub("[\0*]+", "*", masked_placeholders(host)))
    if "$" in pattern or "<" in pattern or not pattern.strip("*.-:"):
        return ()
    return (normalise_host(pattern),)


def registries_holding(image: str) -> tuple[str, ...]:
    """The registry of ``image``, as `registries_named` has it; empty if it is unknown."""
    host = registry_of(image)
    return (host,) if isinstance(host, str) else ()


#: ``NAME:PASSWORD``; the colons in ``${X:-y}`` and in parameters don't separate.
_PAIR = re.compile(r"((?:\$\{[^{}]*\}|<<[^<>]*>>|[^:$<]|\$(?!\{)|<(?!<))+):(.+)", re.DOTALL)

_Credentials = tuple["Word | None", "Word | None"]


def written_pair(line: CommandLine, *options: str) -> _Credentials:
    """The user name and the password in an option's ``NAME:PASSWORD``; None if it isn't one."""
    word = line.last(*options)
    match = None if word is None else _PAIR.fullmatch(word.value)
    if word is None or match is None:
        return None, None
    name, password = (replace(word, value=part) for part in match.groups())
    return name, password


def client_access(
    purpose: Purpose,
    registries: tuple[str, ...],
    credentials: _Credentials,
    invocation: Invocation,
    *,
    reads_stdin: bool = False,
) -> ClientAccess:
    """The use of ``registries`` by a program with ``credentials``, user name and password.

    ``reads_stdin``: the password is on its standard input.
    """
    username, password = credentials
    variables = invocation.variables if purpose is Purpose.LOGIN else frozenset()
    for word in credentials:
        variables |= frozenset() if word is None else variables_in(word.value)
    return ClientAccess(
        *invocation.at,
        purpose,
        registries,
        username,
        password,
        reads_stdin,
        variables,
        invocation.stdin_word if reads_stdin else None,
    )
