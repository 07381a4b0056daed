"""``--revert``: what a user types, and what comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG, FIXED, Program, put


@pytest.mark.parametrize("words", [("--revert",), ("--revert", "."), ("--revert=all", ".circleci")])
def test_fix_and_revert_give_the_original(
    words: tuple[str, ...], program: Program, config: Path
) -> None:
    config.write_text(FIXED)
    done = program(*words)
    assert done.code == 0, done.out + done.err
    assert config.read_text() == CONFIG
    assert "unauthenticated-image: remove auth under the image" in done.out
    assert "must exist" not in done.out


def test_the_contexts_alone(program: Program, config: Path) -> None:
    config.write_text(FIXED)
    done = program("--revert", "contexts", ".")
    assert done.code == 0, done.out + done.err
    text = config.read_text()
    assert "auth:" in text
    assert "context" not in text
    assert "project's environment variables must replace" in " ".join(done.out.split())
    assert program("--check").code == 0


def test_nothing_to_take_out(program: Program, config: Path) -> None:
    done = program("--revert", "--check")
    assert (done.code, done.err) == (0, "")
    assert config.read_text() == CONFIG


def test_another_word_is_a_path(program: Program, config: Path) -> None:
    config.write_text(FIXED)
    done = program("--revert", "context")
    assert done.code == 2
    assert "'context': No such file or directory" in done.err
    assert config.read_text() == FIXED


def test_what_it_does_not_go_with(program: Program, config: Path) -> None:
    assert config.exists()
    assert program("--revert", "--add-workflow").code == 2


def test_a_policy_with_a_mirror_is_refused(program: Program, config: Path, tmp_path: Path) -> None:
    put(tmp_path / ".cci-migrate.toml", 'mirror = "mirror.acme.dev/hub"\n')
    before = config.read_text()
    planned = ("batch", "plan", ".", "--campaign", "x", "--revert", "--config", ".cci-migrate.toml")
    for words in (("--revert",), planned):
        done = program(*words)
        assert done.code == 2
        assert ".cci-migrate.toml: mirror: --revert can't be combined with" in done.err
    assert config.read_text() == before
