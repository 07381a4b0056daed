"""Runs the program as users do: as a process, in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from tests.program import run as run_program

_NOT_OURS = {"FORCE_COLOR", "NO_COLOR", "COLUMNS"}
ROOT = Path(__file__).resolve().parent.parent.parent

CONFIG = """\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/node:22.4   # keep
    steps: [checkout]
workflows:
  main:
    jobs:
      - build
"""

FIXED = """\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/node:22.4   # keep
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
    steps: [checkout]
workflows:
  main:
    jobs:
      - build:
          context:
            - docker-hub-creds
"""


class Done(Struct, frozen=True):
    """What a process came to."""

    code: int
    out_bytes: bytes
    err: str

    @property
    def out(self) -> str:
        return self.out_bytes.decode()


def environment(**more: str) -> dict[str, str]:
    """A quiet environment: no colours, no width, nothing of the user's git settings."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") and name not in _NOT_OURS
    }
    own = {
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error",
    }
    return {**inherited, **own, **more}


Program = Callable[..., Done]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Runs ``cci-migrate`` with arguments in ``tmp_path``, which is also its repository."""
    (tmp_path / ".git").mkdir(exist_ok=True)

    def run(*arguments: str | Path, given: bytes = b"", **more: str) -> Done:
        words = map(str, arguments)
        done = run_program(tmp_path, *words, given=given, environment=environment(**more))
        err = done.stderr.decode()
        assert "Traceback" not in err, err
        return Done(done.returncode, done.stdout, err)

    return run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config with one image and one workflow job to authenticate, in ``tmp_path``."""
    return put(tmp_path / ".circleci" / "config.yml", CONFIG)


def put(path: Path, content: str | bytes) -> Path:
    """Write ``content`` to ``path`` and give the path back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
