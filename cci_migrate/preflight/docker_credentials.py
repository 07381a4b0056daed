"""A registry's user name and password from this machine.

First from the environment, by the names that the configs read; then from Docker's own
configuration, where ``docker login`` stores them (https://docs.docker.com/reference/cli/docker/login/#credential-stores).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from cci_migrate.bounds.installed_programs import find_program
from cci_migrate.circleci.images import variable_in
from cci_migrate.docker.login_keys import HUB_SERVER
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.policy.settings import PasswordAuth
from cci_migrate.preflight.login_consent import login_command
from cci_migrate.transport.known_secrets import Secret, remember

#: What a helper can be called: it is the end of a program's name.
_HELPER = re.compile(r"[\w.\-]+")
#: A helper's user name for a secret that is not a password.
_IDENTITY_TOKEN = "<token>"  # noqa: S105 - the marker of a token, no token
_NOT_FOR_CIRCLECI = "Docker stored an identity token for it, which CircleCI can't use"
_PATIENCE = 30


class DockerCredential(Struct, frozen=True):
    """A user name and a password; ``origin`` says, for people, where they come from.

    ``variables`` are those of the environment that it was read from.
    """

    username: str
    password: Secret
    origin: str
    variables: tuple[str, ...] = ()

    __repr__ = repr_without("password")


def credential_for(host: str, names: Iterable[PasswordAuth]) -> DockerCredential | str:
    """The credential for the registry ``host``, or what to do to provide one.

    ``names`` are the user names and variables that may be sent to it.
    """
    missing: dict[str, None] = {}
    for name in names:
        credential = _from_environment(name)
        if isinstance(credential, DockerCredential):
            return credential
        missing.update(dict.fromkeys(credential))
    stored = _from_docker(host)
    if isinstance(stored, DockerCredential):
        return stored
    setting = f"set {' and '.join(missing)}, or " if missing else ""
    because = f"{stored}; " if stored else ""
    return f"{because}{setting}run `{login_command(host)}`"


def _from_environment(names: PasswordAuth) -> DockerCredential | tuple[str, ...]:
    """The credential, or its variables if one of them is not set."""
    user_variable, password_variable = variable_in(names.username), variable_in(names.password)
    variables = tuple(filter(None, (user_variable, password_variable)))
    username = os.environ.get(user_variable) if user_variable else names.username
    password = os.environ.get(password_variable or "")
    if not username or not password:
        return variables
    origin = f"{' and '.join(variables)} in the environment"
    return _credential(username, password, origin, variables)


def _from_docker(host: str) -> DockerCredential | str:
    """Docker's credential, or what is wrong with it (empty: there is none)."""
    folder = os.environ.get("DOCKER_CONFIG")
    path = Path(folder) if folder else Path.home() / ".docker"
    path = path / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict):
        return f"{path} can't be read"
    helper, server = _helper_for(host, config)
    if helper:
        return _from_helper(helper, server)
    auth = _entry_for(host, config.get("auths"))
    return "" if auth is None else _from_entry(_mapping(auth[1]), str(path))


def _helper_for(host: str, config: Mapping[str, Any]) -> tuple[str, str]:
    """The credential helper for ``host``, and the name that it has for the registry."""
    own = _entry_for(host, config.get("credHelpers"))
    if own is not None:
        return str(own[1]), own[0]
    store = config.get("credsStore")
    if not isinstance(store, str):
        return "", ""
    auth = _entry_for(host, config.get("auths"))
    usual = HUB_SERVER if host == DOCKER_HUB else host
    return store, usual if auth is None else auth[0]


def _entry_for(host: str, table: object) -> tuple[str, Any] | None:
    """The first entry of a table in Docker's configuration that is for ``host``."""
    entries = _mapping(table).items()
    return next(((key, value) for key, value in entries if _host_of(key) == host), None)


def _from_helper(name: str, server: str) -> DockerCredential | str:
    """The credential that ``docker-credential-NAME get`` prints, or why there is none.

    https://github.com/docker/docker-credential-helpers#development
    """
    program = find_program(f"docker-credential-{name}") if _HELPER.fullmatch(name) else None
    if program is None:
        return f"docker-credential-{name} is not installed"
    try:
        process = subprocess.run(  # noqa: S603 - the program that Docker itself would run
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
        reply = json.loads(process.stdout) if process.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        reply = None
    login = _mapping(reply)
    username, password = str(login.get("Username", "")), str(login.get("Secret", ""))
    if username == _IDENTITY_TOKEN:
        return _NOT_FOR_CIRCLECI
    if not username or not password:
        # The output of the helper may contain the credential, so it is not repeated.
        return f"docker-credential-{name} has no login for {server}"
    return _credential(username, password, f"docker-credential-{name}")


def _from_entry(entry: Mapping[str, Any], path: str) -> DockerCredential | str:
    if entry.get("identitytoken"):
        return _NOT_FOR_CIRCLECI
    text = entry.get("auth")
    if not isinstance(text, str) or not text:
        return ""
    try:
        username, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return f"{path}: its entry for the registry is not base64"
    remember(text)
    password = password.rstrip("\0")
    if not colon or not username or not password:
        return ""
    return _credential(username, password, path)


def _credential(
    username: str, password: str, origin: str, variables: tuple[str, ...] = ()
) -> DockerCredential:
    remember(base64.b64encode(f"{username}:{password}".encode("utf-8", "surrogateescape")).decode())
    return DockerCredential(username, remember(password), origin, variables)


def _host_of(key: str) -> str:
    """The registry that a key of Docker's configuration means."""
    return normalise_host(key.partition("://")[2].partition("/")[0] if "://" in key else key)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
