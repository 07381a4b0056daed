"""The facts about an orb come from its own source, release by release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.processes import git
from tools import orb_table

ROOT = "version: 2.1\ndescription: An orb\n"
EXECUTOR = """\
description: A container
parameters:
  tag: {type: string, default: "3"}
docker:
  - image: acme/builder:<< parameters.tag >>
"""
BUILD = """\
description: Builds
parameters:
  folder: {type: string, default: .}
  file: {type: string, default: Dockerfile}
  note: {type: string, default: "nothing to Docker"}
steps:
  - run:
      name: Build it
      environment:
        FOLDER: << parameters.folder >>
        FILE: << parameters.file >>
        NOTE: << parameters.note >>
      command: << include(scripts/build.sh) >>
"""
SCRIPT = 'FOLDER="$(circleci env subst "$FOLDER")"\ndocker build -f "$FOLDER/$FILE" .\n'
LOGIN = """\
parameters:
  user: {type: env_var_name, default: ACME_USER}
  secret: {type: env_var_name, default: ACME_SECRET}
steps:
  - run: |
      if ! docker info; then exit 1; fi
      echo "$<< parameters.secret >>" | docker login -u "$<< parameters.user >>" --password-stdin
"""
JOB = """\
parameters:
  log_in: {type: boolean, default: false}
  before: {type: steps, default: []}
executor: small
steps:
  - checkout
  - steps: << parameters.before >>
  - when:
      condition: << parameters.log_in >>
      steps: [login]
  - tidy
  - build: {folder: app}
"""
TIDY = "steps: [{run: echo tidy}]\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An orb's repository with four releases of three major versions."""
    folder = tmp_path / "acme" / "build-orb"
    files = {
        "@orb.yml": ROOT,
        "executors/small.yml": EXECUTOR,
        "commands/build.yml": BUILD,
        "commands/login.yml": LOGIN,
        "commands/tidy.yml": TIDY,
        "jobs/image.yml": JOB,
        "scripts/build.sh": SCRIPT,
    }
    for name, text in files.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "init")
    for tag, changed, text in (
        ("v1.0.0", "@orb.yml", ROOT),
        ("v1.0.1", "@orb.yml", ROOT + "display: {home_url: https://example.com}\n"),
        ("2.0.0", "executors/small.yml", EXECUTOR.replace('"3"', '"4"')),
        ("3.0.0", "@orb.yml", ROOT),
    ):
        (folder / "src" / changed).write_text(text, encoding="utf-8")
        git(folder, "add", ".")
        git(folder, "commit", "--allow-empty", "-m", tag)
        git(folder, "tag", tag)
    return folder


def _commit(folder: Path, subject: str, tag: str | None = None) -> None:
    """A commit that changes the executor's default to its subject."""
    executor = EXECUTOR.replace('"3"', json.dumps(subject))
    (folder / "src/executors/small.yml").write_text(executor, encoding="utf-8")
    git(folder, "commit", "--all", "-m", subject)
    if tag is not None:
        git(folder, "tag", tag)


def test_counts_releases_that_commits_between_two_tags_announce(repository: Path) -> None:
    _commit(repository, "a [semver:minor]")
    _commit(repository, "b [semver:skip]")
    _commit(repository, "c [semver:major]")
    _commit(repository, "d [semver:patch]", "v4.0.1")
    _commit(repository, "e [semver:minor]")
    releases = orb_table.releases_of(repository)
    assert list(releases)[-3:] == [(3, 1, 0), (4, 0, 0), (4, 0, 1)]
    small = releases[4, 0, 0]["executors"]["small"]
    assert small["parameters"]["tag"]["default"] == "c [semver:major]"


def test_takes_no_count_that_the_next_tag_disproves(repository: Path) -> None:
    _commit(repository, "a [semver:minor]")
    _commit(repository, "b [semver:minor]", "v3.1.0")
    assert list(orb_table.releases_of(repository))[-2:] == [(3, 0, 0), (3, 1, 0)]


@pytest.fixture
def table(repository: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What is written about it."""
    monkeypatch.setattr(orb_table, "SOURCES", {"acme/build": "acme/build-orb"})
    releases = orb_table.releases_of(repository)
    return orb_table.table_of("acme/build", releases, {"acme/build": releases})


def test_writes_each_major_version_and_where_something_changes(table: dict[str, object]) -> None:
    releases = table["releases"]
    assert isinstance(releases, list)
    assert [release["from"] for release in releases] == ["1.0.0", "2.0.0", "3.0.0"]
    assert table["read_to"] == "3.0.0"
    assert releases[1]["executors"]["small"]["parameters"]["tag"]["default"] == "4"


def test_says_what_a_job_does_with_docker(table: dict[str, object]) -> None:
    releases = table["releases"]
    assert isinstance(releases, list)
    job = releases[0]["jobs"]["image"]
    assert job["executor"] == "small"
    assert job["steps"] == [
        {"steps": "<< parameters.before >>"},
        {"when": {"condition": "<< parameters.log_in >>", "steps": ["login"]}},
        {"build": {"folder": "app"}},
    ]
    commands = releases[0]["commands"]
    assert commands["build"]["steps"] == [
        {"docker build": {"dockerfile": "<< parameters.folder >>/<< parameters.file >>"}}
    ]
    assert list(commands["build"]["parameters"]) == ["folder", "file"]
    assert commands["login"]["steps"] == [
        {
            "docker login": {
                "registries": ["docker.io"],
                "username": "<< parameters.user >>",
                "password": "<< parameters.secret >>",
            }
        }
    ]
    assert commands["tidy"] == {}


def test_keeps_no_wording_and_no_script(table: dict[str, object]) -> None:
    text = json.dumps(table)
    for kept_out in ("A container", "Builds", "Build it", "nothing to Docker", "docker info", "-f"):
        assert kept_out not in text
