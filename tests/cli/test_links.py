"""A config behind a symbolic link: the real file is checked, shown, written and named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG, FIXED, Program, environment, put


def git(folder: Path, *words: str, given: bytes = b"") -> None:
    subprocess.run(["git", *words], cwd=folder, input=given, check=True, env=environment())


@pytest.fixture(params=["file", "folder"])
def linked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The config that .circleci/config.yml leads to, in a repository."""
    git(tmp_path, "init", "-q")
    real = put(tmp_path / "ci" / "config.yml", CONFIG)
    if request.param == "folder":
        (tmp_path / ".circleci").symlink_to("ci")
    else:
        (tmp_path / ".circleci").mkdir()
        (tmp_path / ".circleci" / "config.yml").symlink_to("../ci/config.yml")
    git(tmp_path, "add", "-A")
    return real


@pytest.mark.parametrize("named", [(), (".circleci/config.yml",), ("ci/config.yml",)])
def test_each_mode_names_the_real_file(
    linked: Path, program: Program, tmp_path: Path, named: tuple[str, ...]
) -> None:
    checked = program("--check", *named)
    assert checked.code == 1
    assert " --> ci/config.yml:5:16\n" in checked.out
    assert ".circleci/config.yml" not in checked.out
    dry_run = program("--dry-run", *named)
    assert "--- a/ci/config.yml\n+++ b/ci/config.yml\n" in dry_run.out
    git(tmp_path, "apply", given=dry_run.out_bytes)
    assert linked.read_text() == FIXED
    linked.write_text(CONFIG)
    done = program(*named)
    assert done.code == 0, done.err
    assert linked.read_text() == (tmp_path / ".circleci" / "config.yml").read_text() == FIXED
    assert not linked.is_symlink()


@pytest.mark.parametrize("named", [".", ".circleci", ".circleci/config.yml"])
def test_nothing_outside_of_the_given_folder_is_written(
    program: Program, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, named: str
) -> None:
    outside = put(tmp_path_factory.mktemp("outside") / "config.yml", CONFIG)
    (tmp_path / ".circleci").symlink_to(outside.parent)
    (tmp_path / ".git").rmdir()
    for mode in ("--check", "--dry-run"):
        done = program(mode, named)
        assert done.code == 1
        assert "symbolic link that leaves" in done.out + done.err
    done = program(named)
    assert done.code == 1
    assert outside.read_text() == CONFIG
