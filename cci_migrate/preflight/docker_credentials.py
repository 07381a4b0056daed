"""A registry's user name and password, where this machine has them at hand.

First the environment, under the names that the configs read; then Docker's own configuration, as
``docker login`` leaves it (https://docs.docker.com/reference/cli/docker/login/#credential-stores).
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
from cci_migrate.docker.image_reference import DOCKER_HUB, normalise_host
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.policy.model import PasswordAuth
from cci_migrate.preflight.login_consent import login_command
from cci_migrate.transport.known_secrets import Secret, remember

#: How Docker names Docker Hub in its configuration.
_HUB_KEY = "https://index.docker.io/v1/"
_HELPER = re.compile(r"[\w.\-]+")
#: A helper gives this for a user name where the secret is not a password.
_IDENTITY_TOKEN = "<token>"  # noqa: S105 - no token, but the sign that there is one
_PATIENCE = 30


class DockerCredential(Struct, frozen=True):
    """A user name and a password; ``origin`` says where they were found."""

    username: str
    password: Secret
    origin: str

    __repr__ = repr_without("password")


def credential_for(host: str, names: Iterable[PasswordAuth]) -> DockerCredential | str:
    """The credential for the registry ``host``, or why there is none.

    ``names`` are the user names and variables that may be sent to it.
    """
    wanted: dict[str, None] = {}
    for name in names:
        found = _from_environment(name)
        if isinstance(found, DockerCredential):
            return found
        wanted.update(dict.fromkeys(found))
    in_docker = _from_docker(host)
    if isinstance(in_docker, DockerCredential):
        return in_docker
    setting = f"set {' and '.join(wanted)}, or " if wanted else ""
    because = f"{in_docker}; " if in_docker else ""
    return f"{because}{setting}run `{login_command(host)}`"


def _from_environment(names: PasswordAuth) -> DockerCredential | list[str]:
    """The credential, or the variables of which one is not set."""
    variables = [v for v in (variable_in(names.username), variable_in(names.password)) if v]
    password = os.environ.get(variable_in(names.password) or "")
    user_variable = variable_in(names.username)
    username = os.environ.get(user_variable) if user_variable else names.username
    if not username or not password:
        return variables
    return _credential(username, password, f"{' and '.join(variables)} in the environment")


def _from_docker(host: str) -> DockerCredential | str:
    """The credential that Docker has, or what is wrong with it (empty: it has none)."""
    folder = os.environ.get("DOCKER_CONFIG")
    path = Path(folder) if folder else Path.home() / ".docker"
    path = path / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return f"{path} cannot be read"
    if not isinstance(config, dict):
        return f"{path} cannot be read"
    helper, server = _helper_for(host, config)
    if helper:
        return _from_helper(helper, server)
    for key, entry in _mapping(config.get("auths")).items():
        if _host_of(key) == host:
            return _from_entry(_mapping(entry), str(path))
    return ""


def _helper_for(host: str, config: Mapping[str, Any]) -> tuple[str, str]:
    """The helper that knows ``host``, and the name under which it does."""
    for key, name in _mapping(config.get("credHelpers")).items():
        if _host_of(key) == host:
            return str(name), key
    store = config.get("credsStore")
    if not isinstance(store, str):
        return "", ""
    known = [key for key in _mapping(config.get("auths")) if _host_of(key) == host]
    return store, (known[0] if known else _HUB_KEY if host == DOCKER_HUB else host)


def _from_helper(name: str, server: str) -> DockerCredential | str:
    """What ``docker-credential-NAME get`` gives.

    https://github.com/docker/docker-credential-helpers#development
    """
    program = find_program(f"docker-credential-{name}") if _HELPER.fullmatch(name) else None
    if program is None:
        return f"docker-credential-{name} is not installed"
    try:
        done = subprocess.run(  # noqa: S603 - the program that Docker itself would run
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
        said = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        said = None
    if not isinstance(said, dict):
        # What it printed may hold the credential, so it is not repeated.
        return f"docker-credential-{name} has none for {server}"
    username, password = str(said.get("Username", "")), str(said.get("Secret", ""))
    if username == _IDENTITY_TOKEN:
        return "Docker has an identity token for it, which CircleCI could not use"
    if not username or not password:
        return f"docker-credential-{name} has none for {server}"
    return _credential(username, password, f"docker-credential-{name}")


def _from_entry(entry: Mapping[str, Any], path: str) -> DockerCredential | str:
    if entry.get("identitytoken"):
        return "Docker has an identity token for it, which CircleCI could not use"
    text = entry.get("auth")
    if not isinstance(text, str) or not text:
        return ""
    try:
        username, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return f"{path}: what it has for the registry is not base64"
    remember(text)
    password = password.rstrip("\0")
    if not colon or not username or not password:
        return ""
    return _credential(username, password, path)


def _credential(username: str, password: str, origin: str) -> DockerCredential:
    remember(base64.b64encode(f"{username}:{password}".encode("utf-8", "surrogateescape")).decode())
    return DockerCredential(username, remember(password), origin)


def _host_of(key: str) -> str:
    """The registry that a key of Docker's configuration means."""
    return normalise_host(key.partition("://")[2].partition("/")[0] if "://" in key else key)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
