"""Tokens: from a command, the environment or the hosts' own command-line tools. Never from options.

A command is for what lives an hour: the installation token of a GitHub App, a secret in a vault.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from urllib.parse import urlsplit

from msgspec import Struct

from cci_migrate.bounds.installed_programs import find_program
from cci_migrate.forges.repository import Kind
from cci_migrate.transport.host_errors import TokenError
from cci_migrate.transport.known_secrets import redact, remember

#: As the hosts' own tools name them (https://cli.github.com/manual/gh_help_environment,
#: https://docs.gitlab.com/editor_extensions/gitlab_cli/#environment-variables).
_VARIABLES = {
    Kind.GITHUB: ("GH_TOKEN", "GITHUB_TOKEN"),
    Kind.GITLAB: ("GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN"),
    Kind.BITBUCKET: ("BITBUCKET_TOKEN",),
}
#: The public service of each kind of host, and the variables that name another server, as the
#: hosts' own CI and tools set them.
_HOMES = {
    Kind.GITHUB: ("github.com", "GITHUB_API_URL"),
    Kind.GITLAB: ("gitlab.com", "CI_API_V4_URL", "GITLAB_HOST"),
    Kind.BITBUCKET: ("bitbucket.org", "BITBUCKET_API_URL"),
}
_ENTERPRISE = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")

#: Tells the command which host the token is for.
HOST_VARIABLE = "CCI_MIGRATE_HOST"
#: Seconds after which a command that prints no token is given up.
TIMEOUT = 60


class Tokens(Struct, frozen=True):
    """Where tokens come from. ``command`` empty: the environment, then the hosts' tools."""

    command: str = ""

    def find(self, kind: Kind, host: str, *, is_renewal: bool = False) -> str | None:
        """The token for ``host``, None if there is none. Raises TokenError.

        A renewal runs the command, or asks the host's tool: the environment of a running process
        does not change.
        """
        if self.command:
            return remember(_printed(self.command, host))
        if not is_renewal:
            for name in variables(kind, host):
                if os.environ.get(name):
                    return remember(os.environ[name].strip())
        found = None
        if kind is Kind.GITHUB:
            found = _said(["gh", "auth", "token", "--hostname", host])
        elif kind is Kind.GITLAB:
            found = _said(["glab", "config", "get", "token", "--host", host])
        return None if found is None else remember(found)


def variables(kind: Kind, host: str) -> tuple[str, ...]:
    """The environment variables that may hold a token for ``host``, in order.

    A variable without a host in its name is for the host's public service, and for the server that
    the environment names beside it: a token of one server must not reach another.
    """
    names = _VARIABLES.get(kind, ())
    if _is_home(kind, host):
        return names
    return _ENTERPRISE if kind is Kind.GITHUB else ()


def _is_home(kind: Kind, host: str) -> bool:
    public, *servers = _HOMES[kind]
    if host == public or (kind is Kind.GITHUB and host.endswith(".ghe.com")):
        return True
    return any(host == host_of(os.environ.get(name, "")) for name in servers)


def host_of(root: str) -> str:
    """The host that people know, from the root of its API, or from the bare name of a host."""
    return urlsplit(root if "://" in root else f"//{root}").netloc.removeprefix("api.")


def _printed(command: str, host: str) -> str:
    """What the user's command prints: the token, alone on its line."""
    try:
        words = shlex.split(command)
        # The user's own command, run as the user; not by a shell.
        done = subprocess.run(  # noqa: S603
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, HOST_VARIABLE: host},
        )
    except (OSError, ValueError, IndexError) as error:
        raise TokenError(f"--token-command cannot be run: {error}") from None
    except subprocess.TimeoutExpired:
        raise TokenError(f"--token-command printed nothing within {TIMEOUT} s") from None
    lines = done.stdout.split()
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [""])[-1]
        told = f": {redact(said)[:300]}" if said else ""
        raise TokenError(f"--token-command ended with exit code {done.returncode}{told}")
    if len(lines) != 1:
        raise TokenError(f"--token-command printed {len(lines)} words, and one was expected")
    return lines[0]


def _said(command: list[str]) -> str | None:
    program = find_program(command[0])
    if program is None:
        return None
    command = [program, *command[1:]]
    try:
        # The host is the only word that is not ours, and it follows its option.
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
