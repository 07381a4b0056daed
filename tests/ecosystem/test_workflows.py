"""The workflows of the project's own forge, and the descriptors for other tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.conftest import ROOT
from tests.published_schemas import check_published
from tools.check_packages import SUPPORTED

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
yaml = YAML(typ="safe")


def load(*parts: str) -> Any:
    return yaml.load(ROOT.joinpath(*parts))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_fits_the_published_schema(path: Path) -> None:
    # The stored schema is older than this name of a machine, and than this permission.
    text = path.read_text().replace("ubuntu-24.04", "ubuntu-latest")
    workflow = yaml.load(re.sub(r"\n +attestations: write.*", "", text))
    check_published("github-workflow", workflow)
    assert workflow["permissions"] == {}
    for action in re.findall(r"uses: (\S+)", path.read_text()):
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action)


def test_the_tests_run_on_each_system_and_each_supported_python() -> None:
    matrix = load(".github", "workflows", "check.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert tuple(matrix["python"]) == SUPPORTED
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    page = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    assert f"Python {', '.join(SUPPORTED)} | supported" in page


def test_only_the_publishing_job_can_publish() -> None:
    jobs = load(".github", "workflows", "release.yml")["jobs"]
    publishing = [name for name, job in jobs.items() if job.get("environment") == "pypi"]
    assert publishing == ["publish"]
    # What installs and builds has no right to publish; what publishes builds nothing.
    assert [name for name, job in jobs.items() if "packages" in job["permissions"]] == ["container"]
    assert all("run" not in step for step in jobs["publish"]["steps"])


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")))
def test_the_forms_for_issues_fit_the_published_schema(path: Path) -> None:
    name = "github-issue-config" if path.stem == "config" else "github-issue-forms"
    check_published(name, yaml.load(path))


def test_the_projects_own_hooks_fit_the_published_schema() -> None:
    hooks = load(".pre-commit-config.yaml")
    check_published("pre-commit-config", hooks)
    used = {hook["id"] for repository in hooks["repos"] for hook in repository["hooks"]}
    assert "cci-migrate-check" in used


def test_megalinter_checks_the_repository_once() -> None:
    folder = "mega-linter-plugin-cci-migrate"
    descriptor = load(folder, "cci-migrate.megalinter-descriptor.yml")
    (linter,) = descriptor["linters"]
    assert linter["cli_lint_mode"] == "project"
    assert linter["cli_lint_extra_args"] == ["--check"]
    assert re.search(linter["version_extract_regex"], "cci-migrate 0.1.0")


def test_trunk_checks_the_configs() -> None:
    lint = load("plugin.yaml")["lint"]
    (files,), (linter,) = lint["files"], lint["definitions"]
    (pattern,) = files["regexes"]
    assert re.fullmatch(pattern, "services/a/.circleci/config.yml")
    assert not re.fullmatch(pattern, "x.circleci/config.yml")
    assert " --check --format sarif " in linter["commands"][0]["run"]


def test_renovate_has_a_config() -> None:
    settings = json.loads((ROOT / "renovate.json").read_text())
    assert settings["pre-commit"] == {"enabled": True}
