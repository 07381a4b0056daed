"""The GitHub action: its metadata, and its script as a runner would run it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.conftest import CONFIG, FIXED, ROOT, put
from tests.docs.page_commands import blocks
from tests.processes import make_program, ran
from tests.published_schemas import check_published

ACTION: dict[str, Any] = YAML(typ="safe").load(ROOT / "action.yml")
PAGE = ROOT / "docs" / "integrations" / "github-actions.md"
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}


def test_the_metadata_fit_the_published_schema() -> None:
    check_published("github-action", ACTION)


def test_no_input_is_part_of_a_script() -> None:
    for step in STEPS.values():
        assert "${{" not in step["run"]


def test_every_input_is_used_and_described_on_its_page() -> None:
    used = set(re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text()))
    assert used == ACTION["inputs"].keys()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)) == used


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "a repository"
    put(folder / ".circleci" / "config.yml", CONFIG)
    (folder / ".git").mkdir()
    make_program(tmp_path / "temp" / "cci-migrate" / "bin" / "cci-migrate")
    return folder


def run(repository: Path, **inputs: str) -> tuple[int, str, str]:
    """What the script ends with, says, and gives as output."""
    step = STEPS["Run cci-migrate"]
    given = {name: str(declared["default"]) for name, declared in ACTION["inputs"].items()} | inputs
    variables = {
        name: given[re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", text)[1]]  # type: ignore[index]
        for name, text in step["env"].items()
    }
    output = repository.parent / "output"
    variables["RUNNER_TEMP"] = str(repository.parent / "temp")
    variables["GITHUB_OUTPUT"] = str(output)
    # As a runner starts it: https://docs.github.com/actions/reference/workflow-syntax
    shell = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
    done = ran(*shell, step["run"], cwd=repository, **variables)
    told = output.read_text() if output.exists() else ""
    return done.returncode, done.stdout + done.stderr, told


def test_check_annotates_and_fails(repository: Path) -> None:
    code, said, told = run(repository)
    assert (code, told) == (1, "exit-code=1\n")
    assert "::warning file=.circleci/config.yml,line=5" in said
    assert (repository / ".circleci" / "config.yml").read_text() == CONFIG


def test_fix_rewrites_with_options_and_paths(repository: Path) -> None:
    code, said, told = run(
        repository, mode="fix", paths=".circleci/config.yml\n", args="--platform\nrunner\n\n-q"
    )
    assert (code, told) == (0, "exit-code=0\n"), said
    assert (repository / ".circleci" / "config.yml").read_text() == FIXED


def test_a_report_in_a_file(repository: Path) -> None:
    code, _, _ = run(repository, format="sarif", output="a b.sarif")
    assert code == 1
    assert "2.1.0" in (repository / "a b.sarif").read_text()


def test_a_runner_takes_no_text_of_the_repository_for_a_command(repository: Path) -> None:
    config = repository / ".circleci" / "config.yml"
    config.write_text(CONFIG + "\n# ::error::planted ##[error]planted\n")
    for format_ in ("text", "json"):
        _, said, _ = run(repository, mode="dry-run", format=format_)
        first, *lines = said.splitlines()
        token = first.removeprefix("::stop-commands::")
        assert len(token) == 32
        assert lines.index(f"::{token}::") == len(lines) - 1
    _, said, _ = run(repository)
    assert "stop-commands" not in said


def workflow_of_the_page() -> str:
    """The workflow that the guide shows, with a commit in the place of COMMIT."""
    first, second = blocks(PAGE, "yaml")
    return (first + second).replace("COMMIT", "0123456789abcdef" * 2 + "01234567")


def installed(name: str) -> Path:
    """The program ``name`` beside this Python."""
    program = Path(sys.executable).with_name(name)
    assert program.exists(), f"{name} is not installed here: make setup installs it"
    return program


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "pulls.yml"
    put(workflow, workflow_of_the_page())
    checked = (ROOT / "action.yml", ROOT / ".github", workflow)
    done = ran(installed("zizmor"), "--offline", "--format=json", *checked)
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr


def test_actionlint_finds_nothing_in_the_workflow_of_the_page() -> None:
    # It reads those in .github in `make lint`.
    done = ran(installed("actionlint"), "-no-color", "-", stdin=workflow_of_the_page())
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_what_is_used_is_pinned_by_digest() -> None:
    used = [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step]
    assert all(re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action) for action in used)
    install = STEPS["Install cci-migrate"]["run"]
    assert "--require-hashes" in install
    assert "--no-build-isolation" in install


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_has_hashes(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", "")
    packages = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert packages
    for line in packages:
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line


def test_what_users_install_is_what_is_tested() -> None:
    locked = {
        name: set(re.findall(r"^([\w.-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    }
    assert locked["requirements.lock"] <= locked["requirements-dev.lock"]


def test_nothing_in_an_input_is_run(repository: Path) -> None:
    for name in ("mode", "paths", "args", "format", "output"):
        code, _, _ = run(repository, **{name: "$(touch pwned); touch pwned; `touch pwned`"})
        assert code in (1, 2)
        assert not list(repository.rglob("pwned")), name


def test_another_mode(repository: Path) -> None:
    code, said, _ = run(repository, mode="delete")
    assert code == 2
    assert "mode must be check, fix or dry-run" in said
