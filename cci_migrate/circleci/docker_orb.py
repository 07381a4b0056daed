"""What is known of CircleCI's own orbs that pull images or log in to registries.

https://github.com/CircleCI-Public/docker-orb: ``docker/check`` logs in; its parameters are spelt
``docker-username`` up to 2.x and ``docker_username`` from 3.0.0, take names of variables, and
default to ``DOCKER_LOGIN`` and ``DOCKER_PASSWORD``. ``docker/pull``, ``docker/build`` and
``docker/push`` do not log in; the job ``docker/publish`` does so unless ``deploy`` is false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cci_migrate.circleci.config import ImportedOrb

#: The section of a config that imports orbs.
ORBS = "orbs"
DOCKER_ORB = "circleci/docker"
DEFAULT_USERNAME = "DOCKER_LOGIN"
DEFAULT_PASSWORD = "DOCKER_PASSWORD"  # noqa: S105 - the name of a variable

_SNAKE_CASE_FROM = 3
_MAJOR = re.compile(r"(\d+)(?:\.|$)")


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a major version of the Docker orb spells the parameters of ``check``."""

    username: str
    password: str
    registry: str = "registry"


_KEBAB = Spelling("docker-username", "docker-password")
_SNAKE = Spelling("docker_username", "docker_password")


def spelling_of(version: str) -> Spelling | None:
    """The spelling of the orb at ``version``; None where its major version cannot be told."""
    if version == "volatile":
        return _SNAKE
    match = _MAJOR.match(version)
    if match is None:
        return None
    return _SNAKE if int(match.group(1)) >= _SNAKE_CASE_FROM else _KEBAB


def docker_orb(imported: Mapping[str, ImportedOrb]) -> ImportedOrb | None:
    """The Docker orb, under whichever alias the config has it."""
    for orb in imported.values():
        if orb.name == DOCKER_ORB:
            return orb
    return None


@dataclass(frozen=True, slots=True)
class OrbPull:
    """An image that an orb's job pulls, with no way to authenticate it.

    ``image`` is None where its source was not read that far. ``executor_parameter`` is the job's
    parameter that takes another executor, None without one.
    """

    image: str | None
    executor_parameter: str | None = None


#: Jobs of CircleCI's orbs, by orb and job, as far as their sources have been read.
ORB_JOBS: Mapping[tuple[str, str], OrbPull] = {
    ("circleci/docker", "hadolint"): OrbPull("hadolint/hadolint"),
    ("circleci/node", "run"): OrbPull("cimg/node"),
    ("circleci/node", "test"): OrbPull("cimg/node"),
    ("circleci/slack", "on-hold"): OrbPull("cimg/base:stable"),
    ("circleci/path-filtering", "filter"): OrbPull(None),
    ("circleci/continuation", "continue"): OrbPull(None, "executor"),
}

#: Executors of CircleCI's orbs, by orb and executor.
ORB_EXECUTORS: Mapping[tuple[str, str], str] = {
    ("circleci/docker", "docker"): "cimg/python",
    ("circleci/docker", "hadolint"): "hadolint/hadolint",
    ("circleci/node", "default"): "cimg/node",
    ("circleci/python", "default"): "cimg/python",
    ("circleci/ruby", "default"): "cimg/ruby",
}

_ECR = ("*.dkr.ecr.*.amazonaws.com",)
_GOOGLE = ("*gcr.io", "*-docker.pkg.dev")

#: Commands of orbs that log in, and the registries they log in to (patterns).
LOGIN_COMMANDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("circleci/aws-ecr", "ecr-login"): _ECR,
    ("circleci/aws-ecr", "ecr_login"): _ECR,
    ("circleci/gcp-gcr", "gcr-auth"): _GOOGLE,
    ("circleci/gcp-gcr", "gcr_auth"): _GOOGLE,
    ("circleci/azure-acr", "azure-login-with-user-and-acr"): ("*.azurecr.io",),
}


@dataclass(frozen=True, slots=True)
class BuildCommand:
    """A command that builds the Dockerfile that its ``path`` and ``dockerfile`` name.

    ``registries`` are those it logs in to before; ``hub_login`` the spellings of the parameter
    that makes it log in to Docker Hub too.
    """

    registries: tuple[str, ...] = ()
    hub_login: tuple[str, ...] = ()


_BUILD_FOR_ECR = BuildCommand(_ECR, ("docker_login", "docker-login"))

#: Commands of orbs that build, and so pull what the Dockerfile says.
BUILD_COMMANDS: Mapping[tuple[str, str], BuildCommand] = {
    (DOCKER_ORB, "build"): BuildCommand(),
    ("circleci/aws-ecr", "build-and-push-image"): _BUILD_FOR_ECR,
    ("circleci/aws-ecr", "build_and_push_image"): _BUILD_FOR_ECR,
    ("circleci/aws-ecr", "build_image"): _BUILD_FOR_ECR,
    ("circleci/gcp-gcr", "build-image"): BuildCommand(),
    ("circleci/gcp-gcr", "build_image"): BuildCommand(),
}

#: The orbs that are known here by commands that build or log in.
ORBS_WITH_DOCKER = frozenset(orb for orb, _ in (*LOGIN_COMMANDS, *BUILD_COMMANDS))
