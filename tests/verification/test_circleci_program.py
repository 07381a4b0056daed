"""``cci-migrate verify`` by CircleCI's own program, of which a stand-in is on PATH."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cci_migrate.preflight import circleci_program
from tests.cli.conftest import put
from tests.verification.compile_stand_in import TOKEN, CompileStandIn, install_program
from tests.verification.conftest import CONFIG, Program
from tests.verification.test_verify import PRIVATE


def runs(log: Path) -> list[list[object]]:
    """The options, token, folder, its files and the config of each run of the program."""
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize("old", [False, True])
def test_it_is_asked_where_it_is_installed(
    run: Program, config: Path, tmp_path: Path, old: bool
) -> None:
    log = install_program(tmp_path / "bin", old=old)
    done = run("--verify", PATH=str(tmp_path / "bin"), CIRCLE_TOKEN=TOKEN)
    assert done.code == 0
    assert config.read_text() != CONFIG
    first, second = runs(log)
    assert first[:2] == [[], ""]  # no organisation, and no token
    assert first[2] != str(tmp_path)
    assert first[3:] == [[], CONFIG]  # in an empty folder
    assert second[4] == config.read_text()


@pytest.mark.parametrize("old", [False, True])
def test_orbs_that_are_not_public(run: Program, config: Path, tmp_path: Path, old: bool) -> None:
    log = install_program(tmp_path / "bin", old=old)
    put(config, PRIVATE)
    path = str(tmp_path / "bin")
    without = run("verify", PATH=path)
    assert without.code == 3
    assert "- Cannot find acme/hidden@1.0.0 in the orb registry" in without.out
    assert "next: orbs that are not public need a token" in without.out
    with_token = run("verify", PATH=path, CIRCLE_TOKEN=TOKEN)
    assert with_token.code == 1
    assert "job hidden/lint runs on acme/linter:3, by orb acme/hidden@1.0.0" in with_token.out
    option = "--org-slug" if old else "--org"
    assert runs(log)[-1][:2] == [[option, "gh/acme"], TOKEN]


@pytest.mark.parametrize("old", [False, True])
def test_a_config_that_does_not_compile(
    run: Program, config: Path, tmp_path: Path, old: bool
) -> None:
    install_program(tmp_path / "bin", old=old)
    put(config, CONFIG.replace("- image:\n", "- deploy:\n"))
    done = run("verify", PATH=str(tmp_path / "bin"))
    assert done.code == 3
    assert done.out == (
        ".circleci/config.yml\n"
        "    does not compile even without the change\n"
        "    - Cannot find a definition for job named deploy\n"
        "1 config, 0 confirmed, 1 not.\n"
    )


def test_a_program_that_fails(run: Program, config: Path, tmp_path: Path) -> None:
    install_program(tmp_path / "bin", old=False)
    put(config, f"{CONFIG}# crash\n")
    done = run("--verify", PATH=str(tmp_path / "bin"))
    assert done.code == 3
    assert r"circleci failed: Error: the \x1b[31mnetwork is unreachable" in done.err
    assert config.read_text() == f"{CONFIG}# crash\n"


def test_a_program_that_does_not_end(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from cci_migrate.cli.main_command import main_command

    install_program(tmp_path / "bin", old=False)
    put(config, f"{CONFIG}# slow\n")
    monkeypatch.chdir(config.parent)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(circleci_program, "_SECONDS", 1.0)
    done = CliRunner().invoke(main_command, ["verify"])
    assert done.exit_code == 3
    assert "circleci did not answer within 1 s" in done.output


def test_another_address_is_asked_itself(
    run: Program, compiler: CompileStandIn, tmp_path: Path
) -> None:
    # The program knows only the one that it is set up for, and would send the config there.
    log = install_program(tmp_path / "bin", old=False)
    assert run("verify", PATH=str(tmp_path / "bin"), CIRCLE_HOST=compiler.url).code == 0
    assert runs(log) == []
    assert len(compiler.configs) == 2


def test_a_program_in_the_repository_is_not_run(
    run: Program, config: Path, compiler: CompileStandIn
) -> None:
    log = install_program(config.parent.parent, old=False)
    done = run("verify", PATH=f".:{config.parent.parent / 'nothing'}", CIRCLE_API_URL=compiler.url)
    assert done.code == 0
    assert runs(log) == []
