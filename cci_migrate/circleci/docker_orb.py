"""Facts about CircleCI's Docker orb that `published_orbs` doesn't have.

https://github.com/CircleCI-Public/docker-orb: ``docker/check`` logs in; its parameters are spelt
``docker-username`` up to 2.x and ``docker_username`` from 3.0.0, take names of variables, and
default to ``DOCKER_LOGIN`` and ``DOCKER_PASSWORD``. ``docker/pull``, ``docker/build`` and
``docker/push`` do not log in; the job ``docker/publish`` does so unless ``deploy`` is false.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from cci_migrate.circleci.config import ImportedOrb, Namespace
from cci_migrate.lazy_patterns import lazy_pattern

#: The section of a config that imports orbs.
ORBS = "orbs"
DOCKER_ORB = "circleci/docker"
#: Its commands that are read from their arguments.
_STEPS = frozenset({"check", "pull"})
ORB_DEFAULT_USERNAME = "DOCKER_LOGIN"
ORB_DEFAULT_PASSWORD = "DOCKER_PASSWORD"  # noqa: S105 - the name of a variable

_SNAKE_CASE_FROM = 3
_MAJOR = lazy_pattern(r"(\d+)(?:\.|$)")


def is_step_of_docker_orb(name: str, home: Namespace) -> bool:
    """Whether ``home`` calls a command of the Docker orb ``name`` that isn't expanded."""
    alias, _, command = name.partition("/")
    orb = home.imported.get(alias) if command in _STEPS else None
    return orb is not None and orb.name == DOCKER_ORB


class Spelling(Struct, frozen=True):
    """The names of the parameters of ``check`` in a major version of the Docker orb."""

    username: str
    password: str


_KEBAB = Spelling("docker-username", "docker-password")
_SNAKE = Spelling("docker_username", "docker_password")


def spelling_of(version: str) -> Spelling | None:
    """The spelling of the orb at ``version``; None if its major version is unknown."""
    if version == "volatile":
        return _SNAKE
    match = _MAJOR.match(version)
    if match is None:
        return None
    return _SNAKE if int(match.group(1)) >= _SNAKE_CASE_FROM else _KEBAB


class LoginSwitch(Struct, frozen=True):
    """The parameter ``enable`` with which an orb's job logs in to Docker Hub before it pulls.

    ``steps`` is the parameter for the steps of the login; if it is None, ``username`` and
    ``password`` are those for the names of its variables.
    """

    enable: str
    steps: str | None = None
    username: str = ""
    password: str = ""


#: How jobs of the orb circleci/aws-ecr spell it: up to 8.x, 8.x with underscores, from 9.0.0.
#: https://github.com/CircleCI-Public/aws-ecr-orb
LOGIN_SWITCHES = (
    LoginSwitch("container_registry_login", "registry_login"),
    LoginSwitch("docker-login", None, "dockerhub-username", "dockerhub-password"),
    LoginSwitch("docker_login", None, "dockerhub_username", "dockerhub_password"),
)


def login_switch(parameters: Collection[str]) -> LoginSwitch | None:
    """The switch of a job with these ``parameters``; None if it has none."""
    for switch in LOGIN_SWITCHES:
        others = (switch.username, switch.password) if switch.steps is None else (switch.steps,)
        if all(name in parameters for name in (switch.enable, *others)):
            return switch
    return None


def docker_orb(imported: Mapping[str, ImportedOrb]) -> ImportedOrb | None:
    """The Docker orb among ``imported``, under any alias; None if it isn't imported."""
    return next((orb for orb in imported.values() if orb.name == DOCKER_ORB), None)
