"""``exclude`` in the policy: files that are skipped for good, wherever they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG, FIXED, Program, put

TEMPLATE = "version: 2.1\njobs:\n{% for j in jobs %}\n  {{ j }}: {}\n{% endfor %}\n"
TOLD = "note: .circleci/template.yml is excluded by the policy\n"


@pytest.mark.parametrize(
    "pattern", [".circleci/template.yml", "./.circleci/t*.yml", "*/template.yml"]
)
def test_an_excluded_template_no_longer_fails_the_run(
    pattern: str, program: Program, config: Path, tmp_path: Path
) -> None:
    template = put(tmp_path / ".circleci/template.yml", TEMPLATE)
    assert program().code == 1
    put(tmp_path / ".cci-migrate.toml", f'exclude = ["{pattern}"]\n')
    assert program().code == 0
    assert (config.read_text(), template.read_text()) == (FIXED, TEMPLATE)
    assert (program("--check").code, program("--check").err) == (0, "")
    assert program("--check", "-v").err == TOLD
    assert program("--check", "--no-config").code == 1


def test_an_excluded_file_is_skipped_when_it_is_named(
    program: Program, config: Path, tmp_path: Path
) -> None:
    put(tmp_path / ".circleci/template.yml", TEMPLATE)
    put(tmp_path / ".cci-migrate.toml", 'exclude = [".circleci"]\n')
    for words in ((), ("explain",)):
        done = program(*words, ".circleci/template.yml")
        assert (done.code, done.err) == (0, TOLD)
    arguments = ("--stdin-filename", ".circleci/template.yml", "-")
    done = program(*arguments, given=TEMPLATE.encode())
    assert (done.code, done.out, done.err) == (0, TEMPLATE, TOLD)
    assert program().code == 0
    assert config.read_text() == CONFIG


def test_paths_are_from_the_policy_or_else_from_the_repository(
    program: Program, tmp_path: Path
) -> None:
    first = put(tmp_path / "a/.circleci/config.yml", CONFIG)
    second = put(tmp_path / "b/.circleci/config.yml", CONFIG)
    put(tmp_path / "b/.cci-migrate.toml", 'exclude = [".circleci/config.yml", "a"]\n')
    elsewhere = put(tmp_path / "policies/strict.toml", 'exclude = ["a/.circleci"]\n')
    assert program("--check", "b").code == 0
    assert program("--check", "a").code == 1
    assert program("--check", "a", "--config", elsewhere).code == 0
    assert program("--check", "b", "--config", elsewhere).code == 1
    assert (first.read_text(), second.read_text()) == (CONFIG, CONFIG)


def test_an_excluded_config_is_no_evidence(program: Program, tmp_path: Path) -> None:
    auth = "{username: $PEAR_USER, password: $PEAR_KEY}"
    nightly = CONFIG.replace("   # keep", f"\n        auth: {auth}")
    put(tmp_path / ".circleci/nightly.yml", nightly)
    config = put(tmp_path / ".circleci/config.yml", CONFIG)
    put(tmp_path / ".cci-migrate.toml", 'exclude = ["*/nightly.yml"]\n')
    assert program().code == 0
    assert config.read_text() == FIXED
