"""A compiler to ask, and the program run as users run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Done, environment, put
from tests.program import run as run_program
from tests.verification.compile_stand_in import TOKEN, CompileStandIn, link_git, serving

Program = Callable[..., Done]

#: Images with a parameter, a matrix, a job of an orb, pulls in steps, and an executor for nobody.
CONFIG = """\
version: 2.1
orbs:
  docker: circleci/docker@3.0.1
executors:
  go:
    parameters: {tag: {type: string, default: "1.22"}}
    docker:
      - image: cimg/go:<< parameters.tag >>   # keep
      - image: postgres:16
  unused:
    docker: [{image: redis:7}]
jobs:
  test:
    parameters: {tag: {type: string, default: "1.22"}}
    executor: {name: go, tag: << parameters.tag >>}
    steps:
      - checkout
      - run: make test TAG=<< parameters.tag >>
  image:
    machine: {image: ubuntu-2404:current}
    resource_class: large
    steps:
      - checkout
      - run: docker pull alpine:3
workflows:
  main:
    jobs:
      - test:
          matrix: {parameters: {tag: ["1.21", "1.22"]}}
      - test:
          name: twice
          context: releases
      - image:
          requires: [twice]
"""


@pytest.fixture
def compiler() -> Iterator[CompileStandIn]:
    """A host that compiles."""
    with serving() as stand_in:
        yield stand_in


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config with something to fix, in a checkout of github.com/acme/api."""
    git = tmp_path / ".git"
    core = "[core]\n\trepositoryformatversion = 0\n"
    put(git / "config", f'{core}[remote "origin"]\n\turl = git@github.com:acme/api.git\n')
    put(git / "HEAD", "ref: refs/heads/main\n")
    (git / "objects").mkdir()
    (git / "refs").mkdir()
    return put(tmp_path / ".circleci" / "config.yml", CONFIG)


@pytest.fixture
def run(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Runs ``cci-migrate`` in the checkout, as a process of its own, with no token of anybody's."""
    checkout = config.parent.parent
    home = tmp_path_factory.mktemp("home")
    programs = tmp_path_factory.mktemp("programs")
    link_git(programs)

    def run(*arguments: str | Path, given: bytes = b"", **more: str) -> Done:
        told = environment(HOME=str(home), **{"PATH": str(programs), **more})
        told = {
            name: value
            for name, value in told.items()
            if name in more or not name.startswith("CIRCLE")
        }
        done = run_program(checkout, *map(str, arguments), given=given, environment=told)
        result = Done(done.returncode, done.stdout, done.stderr.decode())
        assert "Traceback" not in result.err, result.err
        assert TOKEN not in result.out + result.err, "a secret was shown"
        return result

    return run
