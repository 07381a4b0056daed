"""A CircleCI to ask, and the program run as users run it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from cci_migrate.cli.main_command import main_command
from tests.cli.conftest import Done, environment, put
from tests.preflight.circleci_stand_in import TOKEN, CircleCiStandIn, serving
from tests.program import run as run_program

ORGANISATION = "gh/acme"
PROJECT = "gh/acme/api"

#: Two jobs with credentials from a context; one of a fix's own; one with nothing of Docker.
CONFIG = """\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/node:22.4
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
    steps: [checkout]
  deploy:
    machine: true
    steps: [checkout]
workflows:
  main:
    jobs:
      - build:
          context: docker-hub-creds
      - deploy:
          context: [deploy-keys]
          filters: {branches: {only: main}}
"""

Program = Callable[..., Done]


@pytest.fixture
def circleci() -> Iterator[CircleCiStandIn]:
    """A CircleCI that knows nobody yet."""
    with serving() as stand_in:
        yield stand_in


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout of github.com/acme/api with a config."""
    folder = tmp_path / "api"
    put(folder / ".circleci" / "config.yml", CONFIG)
    (folder / ".git").mkdir()
    remote = '[remote "origin"]\n\turl = git@github.com:acme/api.git\n'
    put(folder / ".git" / "config", f"[core]\n\trepositoryformatversion = 0\n{remote}")
    put(folder / ".git" / "HEAD", "ref: refs/heads/main\n")
    (folder / ".git" / "objects").mkdir()
    (folder / ".git" / "refs").mkdir()
    return folder


def settings(home: Path, circleci: CircleCiStandIn | None, **more: str) -> dict[str, str]:
    """The environment of the program: its own home, the stand-in, nothing of the user's."""
    variables = environment(HOME=str(home), **more)
    for name in list(variables):
        ours = name in more
        if not ours and name.startswith(("CIRCLE", "DOCKER", "XDG_", "GH_", "GITHUB_")):
            del variables[name]
    if circleci is not None:
        variables = {"CIRCLE_TOKEN": TOKEN, "CIRCLE_API_URL": circleci.url, **variables}
    return variables


@pytest.fixture
def process(circleci: CircleCiStandIn, repository: Path, tmp_path: Path) -> Program:
    """Runs ``cci-migrate`` in the checkout, against the stand-in, as a process of its own."""

    def run(*arguments: str | Path, prepare: str = "", **more: str) -> Done:
        variables = settings(tmp_path, circleci, **more)
        done = run_program(repository, *map(str, arguments), environment=variables, prepare=prepare)
        return _without_secrets(Done(done.returncode, done.stdout, done.stderr.decode()), more)

    return run


@pytest.fixture
def run(
    circleci: CircleCiStandIn, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Program:
    """The same within this process, which is quicker."""
    monkeypatch.chdir(repository)

    def run(*arguments: str | Path, **more: str) -> Done:
        with monkeypatch.context() as patch:
            variables = settings(tmp_path, circleci, **more)
            for name in os.environ.keys() - variables.keys():
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(main_command, [str(argument) for argument in arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return _without_secrets(Done(done.exit_code, done.stdout_bytes, done.stderr), more)

    return run


def _without_secrets(done: Done, given: Mapping[str, str]) -> Done:
    """``done``, in which nothing secret is to be seen."""
    output = done.out + done.err
    assert "Traceback" not in output, output
    secrets = [value for name, value in given.items() if name.endswith(("PASSWORD", "TOKEN"))]
    for secret in [TOKEN, *filter(None, secrets)]:
        assert secret not in output, "a secret was shown"
    return done
