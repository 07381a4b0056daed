"""Tokens from a command, the environment or the hosts' own command-line tools, never from options.

A command is for short-lived tokens: of a GitHub App's installation, or from a vault.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from cci_migrate.bounds.installed_programs import find_program
from cci_migrate.forges.repository import Kind
from cci_migrate.transport.host_errors import TokenError
from cci_migrate.transport.known_secrets import redact, remember

#: The variables of the hosts' own tools (https://cli.github.com/manual/gh_help_environment,
#: https://docs.gitlab.com/editor_extensions/gitlab_cli/#environment-variables).
_VARIABLES = {
    Kind.GITHUB: ("GH_TOKEN", "GITHUB_TOKEN"),
    Kind.GITLAB: ("GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN"),
    Kind.BITBUCKET: ("BITBUCKET_TOKEN",),
    Kind.GITEA: ("GITEA_TOKEN", "FORGEJO_TOKEN"),
}
#: The public service of each kind of host, and the variables that name another server, as the
#: hosts' own CI and tools set them.
_HOMES = {
    Kind.GITHUB: ("github.com", "GITHUB_API_URL"),
    Kind.GITLAB: ("gitlab.com", "CI_API_V4_URL", "GITLAB_HOST"),
    Kind.BITBUCKET: ("bitbucket.org", "BITBUCKET_API_URL"),
    Kind.GITEA: ("", "GITEA_API_URL", "GITEA_SERVER_URL"),
}
#: Two public services of one kind: a token of one must not reach the other.
_GITEA_SERVICES = {"gitea.com": ("GITEA_TOKEN",), "codeberg.org": ("FORGEJO_TOKEN",)}
_ENTERPRISE = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")

#: The variable with which the command gets the host that the token is for.
HOST_VARIABLE = "CCI_MIGRATE_HOST"
#: Seconds that a command, the user's or a host's own, may take to print a token.
TIMEOUT = 60


class AppKey(Struct, frozen=True):
    """A GitHub App: its id (or client id), and the file with its private key in PEM."""

    app_id: str
    file: Path


class Tokens(Struct, frozen=True):
    """The source of tokens: ``command``, else ``app``, else the environment and the hosts' tools.

    Tokens of an App belong to the owners that installed it, and so are found elsewhere.
    """

    command: str = ""
    app: AppKey | None = None

    def app_for(self, kind: Kind, host: str) -> AppKey | None:
        """The App with which to log in to ``host``; None if it is not one of that host's."""
        if self.command or kind is not Kind.GITHUB or not _is_home(kind, host):
            return None
        return self.app

    def find(self, kind: Kind, host: str, *, is_renewal: bool = False) -> str | None:
        """The token for ``host``; None if there is none. Raises TokenError if the command fails.

        ``is_renewal``: run the command or the host's tool again, but do not read the environment,
        which does not change while a process runs.
        """
        if self.command:
            return remember(_command_output(self.command, host))
        if not is_renewal:
            for name in token_variables(kind, host):
                if os.environ.get(name):
                    return remember(os.environ[name].strip())
        token = None
        if kind is Kind.GITHUB:
            token = _tool_output(["gh", "auth", "token", "--hostname", host])
        elif kind is Kind.GITLAB:
            token = _tool_output(["glab", "config", "get", "token", "--host", host])
        return None if token is None else remember(token)


def token_variables(kind: Kind, host: str) -> tuple[str, ...]:
    """The environment variables that may have a token for ``host``, in order.

    A variable without a host in its name is for the public service, and for a server that the
    environment names too: a token of one server must not reach another.
    """
    names = _VARIABLES.get(kind, ())
    if kind is Kind.GITEA and host in _GITEA_SERVICES:
        return _GITEA_SERVICES[host]
    if _is_home(kind, host):
        return names
    return _ENTERPRISE if kind is Kind.GITHUB else ()


def _is_home(kind: Kind, host: str) -> bool:
    public, *servers = _HOMES[kind]
    if host == public or (kind is Kind.GITHUB and host.endswith(".ghe.com")):
        return True
    return any(host == host_of(os.environ.get(name, "")) for name in servers)


def host_of(root: str) -> str:
    """The host of the web interface, from the root of its API or a bare host name."""
    return urlsplit(root if "://" in root else f"//{root}").netloc.removeprefix("api.")


def _command_output(command: str, host: str) -> str:
    """The token, which is the only word that the user's command prints."""
    try:
        words = shlex.split(command)
        # The user's own command, run as the user; not by a shell.
        process = subprocess.run(  # noqa: S603
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, HOST_VARIABLE: host},
        )
    except (OSError, ValueError, IndexError) as error:
        raise TokenError(f"can't run --token-command: {error}") from None
    except subprocess.TimeoutExpired:
        raise TokenError(f"--token-command printed nothing within {TIMEOUT} s") from None
    lines = process.stdout.split()
    if process.returncode != 0:
        last_line = (process.stderr.strip().splitlines() or [""])[-1]
        detail = f": {redact(last_line)[:300]}" if last_line else ""
        raise TokenError(f"--token-command ended with exit code {process.returncode}{detail}")
    if len(lines) != 1:
        raise TokenError(f"--token-command printed {len(lines)} words; expected one")
    return lines[0]


def _tool_output(command: list[str]) -> str | None:
    program = find_program(command[0])
    if program is None:
        return None
    command = [program, *command[1:]]
    try:
        # Only the host is not a constant, and it follows its option.
        process = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout.strip() or None if process.returncode == 0 else None
