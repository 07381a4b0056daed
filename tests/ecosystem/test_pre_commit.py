"""The hooks of ``.pre-commit-hooks.yaml``, run by pre-commit itself in a real repository."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.cli.conftest import CONFIG, FIXED, ROOT, put
from tests.processes import git, ran_python

HOOKS = ROOT / ".pre-commit-hooks.yaml"


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        (".circleci/config.yml", True),
        (".circleci/continue/a.yaml", True),
        ("services/api/.circleci/config.yml", True),
        (".circleci/src/jobs/a.yml", True),
        ("orbs/acme/@orb.yml", True),
        ("src/jobs/deploy.yml", True),
        ("docker-compose.yml", False),
        ("src/config.yml", False),
        ("x.circleci/config.yml", False),
    ],
)
def test_the_files_that_the_hooks_look_at(path: str, is_ours: bool) -> None:
    for hook in YAML(typ="safe").load(HOOKS):
        assert bool(re.search(hook["files"], path)) is is_ours


def test_pre_commit_takes_the_manifest() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)]
    subprocess.run(command, check=True)


def test_the_hooks_fix_and_then_have_nothing_to_say(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("pre-commit takes hooks from a git repository, and this checkout is none")
    repository = tmp_path / "repository"
    config = put(repository / ".circleci" / "config.yml", CONFIG)
    put(repository / "docker-compose.yml", "services: {a: {image: redis}}\n")
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    done = ran_python(
        *("-m", "pre_commit", "try-repo", ROOT, "--all-files", "--verbose"),
        cwd=repository,
        PRE_COMMIT_HOME=str(tmp_path / "home"),
        PYTHONWARNINGS="",
        # The package is built and installed; what it depends on is there already.
        PYTHONPATH=sysconfig.get_path("purelib"),
        PIP_NO_BUILD_ISOLATION="0",
        PIP_NO_DEPS="1",
        PIP_NO_INDEX="1",
        PIP_IGNORE_INSTALLED="1",
        PIP_NO_COMPILE="1",
        PYTHONDONTWRITEBYTECODE="",
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert config.read_text() == FIXED
    fixing, checking = done.stdout.split("cci-migrate (check)")
    assert "files were modified by this hook" in fixing
    assert "Passed" in checking.splitlines()[0]
    assert git(repository, "status", "--short", "docker-compose.yml").startswith(b"A ")


def test_the_project_runs_its_own_hook() -> None:
    if not (ROOT / ".git").exists() or not (ROOT / ".venv" / "bin" / "cci-migrate").exists():
        pytest.skip("the project's hooks run what is in .venv, in a git repository")
    run = ("-m", "pre_commit", "run", "cci-migrate-check", "--all-files")
    done = ran_python(*run, PYTHONWARNINGS="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout
