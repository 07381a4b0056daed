"""Tokens: from the environment, else from the hosts' own command-line tools. Never from options."""

from __future__ import annotations

import os
import shutil
import subprocess

from cci_migrate.batch.repository import Kind

#: As the hosts' own tools name them (https://cli.github.com/manual/gh_help_environment,
#: https://docs.gitlab.com/editor_extensions/gitlab_cli/#environment-variables).
_VARIABLES = {
    Kind.GITHUB: ("GH_TOKEN", "GITHUB_TOKEN"),
    Kind.GITLAB: ("GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN"),
    Kind.BITBUCKET: ("BITBUCKET_TOKEN",),
}
_ENTERPRISE = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")


def variables(kind: Kind, host: str) -> tuple[str, ...]:
    """The environment variables that are looked at for ``host``, in order."""
    found = _VARIABLES.get(kind, ())
    if kind is Kind.GITHUB and host != "github.com" and not host.endswith(".ghe.com"):
        return (*_ENTERPRISE, *found)
    return found


def find_token(kind: Kind, host: str, *, is_renewal: bool = False) -> str | None:
    """The token for ``host``, None if there is none.

    A renewal asks the host's tool only: the environment of a running process does not change.
    """
    if not is_renewal:
        for name in variables(kind, host):
            if os.environ.get(name):
                return os.environ[name].strip()
    if kind is Kind.GITHUB:
        return _said(["gh", "auth", "token", "--hostname", host])
    if kind is Kind.GITLAB:
        return _said(["glab", "config", "get", "token", "--host", host])
    return None


def _said(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        # The host is the only word that is not ours, and it follows its option.
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
