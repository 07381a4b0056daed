"""Small repositories to go through."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import environment, put
from tests.program import run as run_program

#: Three images without credentials in two jobs, and two workflow jobs without a context.
CONFIG = """\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/node:22.4   # keep
      - image: postgres:16
    steps: [checkout]
  lint:
    docker:
      - image: cimg/go:1.22
    steps: [checkout]
workflows:
  main:
    jobs:
      - build
      - lint
"""

#: A question on credentials, one on a registry, a secret, and a pull in a step.
HARD = """\
version: 2.1
executors:
  any:
    parameters:
      image: {type: string}
    docker:
      - image: << parameters.image >>
jobs:
  test:
    docker:
      - image: quay.io/acme/builder:4
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
      - image: acme/secret:1
        auth:
          username: bot
          password: hunter2-secret
      - image: postgres:16
    steps: [checkout]
  pull:
    machine: true
    steps:
      - run: docker pull redis:7
workflows:
  main:
    jobs:
      - test: {context: docker-hub-creds}
      - pull
"""

#: Everything that would be asked for all fixes.
POLICY = """\
platform = "cloud"
credentials = "context"
login = "cli"
[registries."docker.io"]
username = "$HUB_USER"
password = "$HUB_TOKEN"
context = "hub"
"""

MakeRepository = Callable[..., Path]


@pytest.fixture
def repository(tmp_path: Path) -> MakeRepository:
    """Makes a repository with a config, by default one whose policy leaves nothing to ask."""

    def make(config: str = CONFIG, policy: str | None = POLICY, name: str = "here") -> Path:
        return make_repository(tmp_path / name, config, policy)

    return make


def make_repository(root: Path, config: str = CONFIG, policy: str | None = POLICY) -> Path:
    """A repository in the folder ``root``."""
    (root / ".git").mkdir(parents=True)
    put(root / ".circleci" / "config.yml", config)
    if policy is not None:
        put(root / ".cci-migrate.toml", policy)
    return root


def config_of(root: Path) -> str:
    """The config as it is now."""
    return (root / ".circleci" / "config.yml").read_text()


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program without a terminal."""
    done = run_program(root, *arguments, environment=environment())
    out, err = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)
