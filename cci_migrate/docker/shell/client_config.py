"""The directory where the client of a command stores its logins, and what is written there.

https://docs.docker.com/reference/cli/docker/#configuration-files: ``--config``, else
``$DOCKER_CONFIG``, else ``$HOME/.docker``. ``sudo`` sets its own ``HOME`` and by default passes on
no other variable (https://www.sudo.ws/docs/man/sudo.man/).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from cci_migrate.bounds.json_input import JsonInputError, parsed_json
from cci_migrate.docker.image_reference import has_placeholder
from cci_migrate.docker.login_keys import written_key
from cci_migrate.docker.shell.facts import joined_path
from cci_migrate.docker.shell.flow import Place, PlacedCommand, surely_before

HOME = "HOME"
DOCKER_CONFIG = "DOCKER_CONFIG"
_USER_HOME = "~"

#: Who runs a command, as if by a variable: there if that is another user than the steps' own.
OTHER_USER = "other user"
#: Before the path of a directory that another user's client has its logins in, though it is not
#: that user's own. Docker's files are for their owner alone.
BY_OTHER_USER = "another user's in "

#: The variables of a command's environment that matter; None is an unknown value.
ClientEnvironment = Mapping[str, "str | None"]

_HOMES = re.compile(
    r"(?:~circleci|~|\$HOME|\$\{HOME\}|/home/circleci)(?=/|$)|(?P<root>~root|/root)(?=/|$)"
)
_WRITTEN_HOMES = ("~", "$HOME", "${HOME}")
_ABSOLUTE = {_USER_HOME: "/home/circleci", "~root": "/root"}
_OWN_USER = re.compile(r"circleci|\$\{?USER\}?|\$\((?:whoami|id -un)\)|`whoami`")
_CONFIG_DIRECTORY = re.compile(r"(?:.*/)?\.docker/?")
_CONFIG_FILE = re.compile(r"(?:(?P<directory>.+)/config\.json|(?P<home>.*/)?\.dockercfg)")


class ClientVariables:
    """The values of ``HOME`` and ``DOCKER_CONFIG`` at the current command."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        names = (HOME, DOCKER_CONFIG, OTHER_USER)
        self._inherited: ClientEnvironment = {
            name: environment[name] for name in names if name in environment
        }
        self._assigned: dict[str, tuple[str, Place]] = {}

    def assign(self, name: str, value: str, place: Place) -> None:
        """Record ``name=value`` at ``place``."""
        if name in (HOME, DOCKER_CONFIG):
            self._assigned[name] = (value, place)

    def at(self, place: Place) -> dict[str, str | None]:
        """The variables that are set for a command at ``place``."""
        values = dict(self._inherited)
        for name, (value, assigned) in self._assigned.items():
            values[name] = value if surely_before([PlacedCommand(assigned)], place) else None
        return values

    @contextmanager
    def apart(self, environment: ClientEnvironment | None = None) -> Iterator[None]:
        """Within another process, with ``environment``, or the script's if that is None."""
        outer = self._inherited, dict(self._assigned)
        if environment is not None:
            self._inherited, self._assigned = environment, {}
        yield
        self._inherited, self._assigned = outer


def expanded(path: str, shell: ClientEnvironment) -> str:
    """``path`` as a shell with the variables ``shell`` passes it on: it knows its own home alone.

    ``sudo docker --config ~/.docker``: the directory of the shell's user, not of root.
    """
    match = _HOMES.match(path)
    home = _home_in(shell)
    if match is None or match["root"] or not path.startswith(_WRITTEN_HOMES) or home is None:
        return path
    own = _own_home(home)
    return f"{_ABSOLUTE.get(own, own)}{path[match.end() :]}"


def as_user(user: str, environment: ClientEnvironment) -> dict[str, str | None]:
    """``environment``, for a command that ``user`` runs."""
    others = {name: value for name, value in environment.items() if name != OTHER_USER}
    return others if home_of(user) == _USER_HOME else {**others, OTHER_USER: user}


def home_of(user: str) -> str:
    """The ``HOME`` of ``user``, as passed to ``sudo -u`` or ``su``."""
    return _USER_HOME if _OWN_USER.fullmatch(user) else f"~{user}"


def config_directory(environment: ClientEnvironment, folder: str | None = ".") -> str | None:
    """Where a client with ``environment``, run in ``folder``, stores its logins.

    `USER_CONFIG` for the steps' own user, ``~root/.docker`` for root; None if unknown.
    """
    configured = environment.get(DOCKER_CONFIG, "")
    if configured is None:
        return None
    home = _home_in(environment)
    if configured:
        return _normalised(configured, home, folder)
    return None if home is None else _normalised(f"{home}/.docker", home, folder)


def client_directory(environment: ClientEnvironment, folder: str | None = ".") -> str | None:
    """The `config_directory` of a client, with `BY_OTHER_USER` before it where that is so."""
    directory = config_directory(environment, folder)
    user = environment.get(OTHER_USER)
    if directory is None or user is None or directory.startswith(f"{home_of(user)}/"):
        return directory
    return f"{BY_OTHER_USER}{directory}"


def _home_in(environment: ClientEnvironment) -> str | None:
    return _USER_HOME if environment.get(HOME, "") == "" else environment[HOME]


@lru_cache(maxsize=512)
def _normalised(path: str, home: str | None, folder: str | None) -> str | None:
    match = _HOMES.match(path)
    if match is not None:
        if match["root"]:
            start = "~root"
        elif not path.startswith(_WRITTEN_HOMES):
            start = _USER_HOME
        elif home is None:
            return None
        else:
            start = _own_home(home)
        path = f"{start}{path[match.end() :]}"
    if not path.startswith(("/", "~", "$", "<", "`")) and folder is not None:
        path = joined_path(folder, path)
    return joined_path(".", path)


def _own_home(home: str) -> str:
    match = _HOMES.fullmatch(home)
    if match is None:
        return home
    return "~root" if match["root"] else _USER_HOME


def directory_of_file(path: str, environment: ClientEnvironment, folder: str | None) -> str | None:
    """The directory whose ``config.json`` is ``path``; None for any other file.

    ``environment`` is that of the shell, which expands ``~`` and variables.
    """
    match = _CONFIG_FILE.fullmatch(path)
    if match is None:
        return None
    home = _home_in(environment)
    written = match["directory"]
    if written is None:
        return _normalised((match["home"] or "") + ".docker", home, folder)
    own = config_directory(environment, folder)
    if re.fullmatch(r"\$\{?DOCKER_CONFIG\}?", written):
        return own
    directory = _normalised(written, home, folder)
    return directory if directory == own or _CONFIG_DIRECTORY.fullmatch(written) else None


def directory_at(path: str, environment: ClientEnvironment, folder: str | None) -> str | None:
    """The directory of logins that is ``path`` or has ``path`` as ``config.json``; else None."""
    within = directory_of_file(path, environment, folder)
    return within or directory_of_file(f"{path.rstrip('/')}/config.json", environment, folder)


def keys_written(text: str | None) -> tuple[str, ...] | None:
    """The keys of the logins in ``text``, a ``config.json``; None if unknown.

    They are unknown with a credential helper for all registries (``credsStore``).
    """
    try:
        settings = None if text is None else parsed_json(text)
    except JsonInputError:
        return None
    if not isinstance(settings, dict) or "credsStore" in settings:
        return None
    sections = (settings.get("auths"), settings.get("credHelpers"))
    keys = [key for section in sections if isinstance(section, dict) for key in section]
    if any(map(has_placeholder, keys)):
        return None
    return tuple(dict.fromkeys(map(written_key, keys)))
