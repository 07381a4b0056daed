"""Planning again: what is unchanged is neither read nor planned, and the result is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cci_migrate.campaign import plan_basis
from tests.batch.github_stand_in import GitHubStandIn, Pull, Repository
from tests.batch.repositories import (
    AT_ONCE,
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    Batch,
    branches,
    checkout,
    commit_bare,
    content,
    git,
)
from tests.batch.rest_stand_ins import GitLabStandIn

DOCKERFILE = "services/api/Dockerfile"
BUILDS = b"""\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/base:2024.01
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
    steps:
      - checkout
      - setup_remote_docker
      - run: docker build -f services/api/Dockerfile services/api
workflows:
  main:
    jobs:
      - build:
          context:
            - docker-hub-creds
"""
BROKEN = b"jobs: [\n"

#: Repositories of every kind, with the states that they are in after `plan`.
KINDS: dict[str, tuple[dict[str, bytes] | None, str]] = {
    "api": ({CONFIG: PLAIN}, "planned"),
    "done": ({CONFIG: FIXED}, "nothing-to-do"),
    "docs": ({"README": b"x"}, "no-config"),
    "empty": (None, "empty"),
    "broken": ({CONFIG: BROKEN}, "broken-config"),
    "builds": ({CONFIG: BUILDS, DOCKERFILE: b"FROM python:3\n"}, "planned"),
    "lacks": ({CONFIG: BUILDS}, "nothing-to-do"),
}


def recorded(batch: Batch) -> dict[str, object]:
    """What results.jsonl and the diffs say."""
    diffs = {path.name: path.read_bytes() for path in (batch.folder / "diffs").rglob("*.diff")}
    assert diffs
    return {**batch.results(), "diffs": diffs}


@pytest.fixture
def planned(github: GitHubStandIn, batch: Batch) -> GitHubStandIn:
    """An organisation with a repository of each kind, planned once."""
    for name, (files, _) in KINDS.items():
        github.add(f"acme/{name}", files)
    batch("plan", "github:acme", code=None)
    states = batch.states()
    assert {name: states[name] for name in ("api", "done", "docs", "empty", "broken")} == {
        name: KINDS[name][1] for name in ("api", "done", "docs", "empty", "broken")
    }
    github.operations.clear()
    return github


def test_what_is_unchanged_is_not_read_again(planned: GitHubStandIn, batch: Batch) -> None:
    before = recorded(batch)
    batch("plan", "github:acme", "--again", code=None)
    assert planned.operations == ["Owner"]
    assert recorded(batch) == before


def test_an_unchanged_pull_request_is_not_read_again(planned: GitHubStandIn, batch: Batch) -> None:
    batch("apply", *AT_ONCE, code=None)
    before = recorded(batch)
    assert batch.states()["api"] == "pull-request-open"
    planned.operations.clear()
    for _ in range(2):
        batch("plan", "github:acme", "--again", code=None)
        assert planned.operations.count("Owner") == len(planned.operations)
        assert recorded(batch) == before


def edit(path: str, data: bytes) -> Callable[[Repository], object]:
    return lambda repository: commit_bare(repository.folder, {path: data})


def remove_branch(repository: Repository) -> None:
    git(repository.folder, "branch", "-D", BRANCH)


def add_to_branch(repository: Repository) -> None:
    commit_bare(repository.folder, {"x": b"theirs"}, BRANCH)


def merge(repository: Repository) -> None:
    commit_bare(repository.folder, {CONFIG: content(repository.folder, BRANCH)})
    repository.pulls[0].state = "MERGED"


def close(repository: Repository) -> None:
    repository.pulls[0].state = "CLOSED"


def archive(repository: Repository) -> None:
    repository.archived = True


def forbid(repository: Repository) -> None:
    repository.permission = "READ"


#: What happens to which repository before or after `apply`, and the state that `plan` then finds.
CHANGES: dict[str, tuple[str, Callable[[Repository], object], str, str]] = {
    "config": ("api", edit(CONFIG, FIXED), "nothing-to-do", ""),
    "config-back": ("done", edit(CONFIG, PLAIN), "planned", ""),
    "another-config": ("docs", edit(CONFIG, PLAIN), "planned", ""),
    "first-commit": ("empty", edit(CONFIG, PLAIN), "planned", ""),
    "mended": ("broken", edit(CONFIG, FIXED), "nothing-to-do", ""),
    "archived": ("api", archive, "archived", ""),
    "permission": ("api", forbid, "no-permission", ""),
    "branch-gone": ("api", remove_branch, "pull-request-open", "apply"),
    "others-committed": ("api", add_to_branch, "pull-request-open", "apply"),
    "merged": ("api", merge, "pull-request-merged", "apply"),
    "closed": ("api", close, "closed-by-human", "apply"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_planned_as_if_for_the_first_time(
    change: str,
    planned: GitHubStandIn,
    batch: Batch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same as a run that keeps no plan."""
    name, happens, state, after = CHANGES[change]
    if after:
        batch("apply", *AT_ONCE, code=None)
    happens(planned.repositories[f"acme/{name}"])
    batch("plan", "github:acme", "--again", code=None)
    record = recorded(batch)
    assert batch.states()[name] == state
    monkeypatch.setattr(plan_basis.PlanBasis, "holds", lambda *_: False)
    batch("plan", "github:acme", "--again", code=None)
    assert recorded(batch) == record


@pytest.mark.parametrize(
    ("name", "data"),
    [("builds", b"FROM quay.io/acme/app\n"), ("lacks", b"FROM python:3\n")],
    ids=["changed", "added"],
)
def test_files_that_configs_name_are_looked_at_in_every_new_commit(
    name: str, data: bytes, planned: GitHubStandIn, batch: Batch
) -> None:
    """Also those that were not there."""
    before = batch.results()[name]
    commit_bare(planned.repositories[f"acme/{name}"].folder, {DOCKERFILE: data})
    batch("plan", "github:acme", "--again", code=None)
    assert "Files" in planned.operations
    assert batch.results()[name]["findings"] != before["findings"]


@pytest.mark.parametrize("other", ["github:acme/builds", "github:Acme"])
def test_what_two_sources_list_is_planned_once(
    other: str, github: GitHubStandIn, batch: Batch
) -> None:
    """Also while the files that its config names are still to be read."""
    github.add("acme/builds", {CONFIG: BUILDS, DOCKERFILE: b"FROM python:3\n"})
    batch("plan", "github:acme", other, code=1)
    assert batch.states() == {"builds": "planned"}
    assert github.operations.count("Files") == 1


@pytest.mark.parametrize("words", [(), ("--nested",)], ids=["link", "nested"])
def test_configs_outside_the_folder_are_read_in_every_new_commit(
    words: tuple[str, ...], github: GitHubStandIn, batch: Batch
) -> None:
    """A link's target, and a config below the root."""
    target = f"ci/{CONFIG}"
    repository = github.add("acme/api", {target: PLAIN, ".circleci/other.yml": FIXED})
    commit_bare(repository.folder, {CONFIG: f"../{target}".encode()}, mode="120000")
    batch("plan", "github:acme", *words, code=1)
    assert batch.states() == {"api": "planned"}
    commit_bare(repository.folder, {target: FIXED})
    batch("plan", "github:acme", "--again", *words)
    assert batch.states() == {"api": "nothing-to-do"}


def test_a_commit_that_leaves_the_configs_alone_costs_nothing(
    planned: GitHubStandIn, batch: Batch
) -> None:
    before = batch.results()["api"]
    head = commit_bare(planned.repositories["acme/api"].folder, {"README": b"more"})
    batch("plan", "github:acme", "--again", code=None)
    assert planned.operations == ["Owner"]
    assert batch.results()["api"] == {**before, "head": head}
    batch("apply", *AT_ONCE, code=None)
    assert branches(planned.repositories["acme/api"].folder) == [BRANCH, "main"]


@pytest.mark.parametrize("words", [("--context", "other"), ("--timeout", "19")])
def test_another_policy_or_limit_reads_everything_again(
    words: tuple[str, ...], planned: GitHubStandIn, batch: Batch
) -> None:
    batch("plan", "github:acme", "--again", *words, code=None)
    assert "Named" in planned.operations


def test_another_version_reads_everything_again(
    planned: GitHubStandIn, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_basis, "__version__", "0")
    batch("plan", "github:acme", "--again", code=None)
    assert "Named" in planned.operations


@pytest.mark.usefixtures("planned")
def test_a_lost_diff_is_made_again(batch: Batch) -> None:
    before = recorded(batch)
    next((batch.folder / "diffs").rglob("*.diff")).unlink()
    batch("plan", "github:acme", "--again", code=None)
    assert recorded(batch) == before


def test_a_foreign_pull_request_in_an_unchanged_repository(
    planned: GitHubStandIn, batch: Batch
) -> None:
    repository = planned.repositories["acme/api"]
    commit_bare(repository.folder, {CONFIG: FIXED}, BRANCH, base="main")
    repository.pulls.append(Pull(1, repository, BRANCH, "main", "", "", False))
    batch("plan", "github:acme", "--again", code=None)
    assert batch.states()["api"] == "branch-exists"


def test_a_checkout_is_always_read_again(tmp_path: Path, batch: Batch) -> None:
    """What is in its work tree is not what is in its commit."""
    folder = checkout(tmp_path / "all" / "api", {CONFIG: PLAIN})
    batch("plan", tmp_path / "all", code=1)
    (folder / CONFIG).write_bytes(FIXED)
    batch("plan", tmp_path / "all", "--again")
    assert batch.states() == {"api": "nothing-to-do"}


def test_projects_of_gitlab_are_kept_by_their_commits(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gitlab").mkdir()
    with GitLabStandIn.serving(tmp_path / "gitlab") as gitlab:
        monkeypatch.setenv("CI_API_V4_URL", gitlab.api)
        monkeypatch.setenv("GITLAB_TOKEN", gitlab.token)
        for name in ("api", "web"):
            gitlab.add(f"acme/{name}", {CONFIG: PLAIN})
        batch("plan", "gitlab:acme", code=1)
        before = recorded(batch)
        planned: list[object] = []
        monkeypatch.setattr(
            "cci_migrate.campaign.planner.plan_repository",
            lambda *_, **__: planned.append(1),
        )
        batch("plan", "gitlab:acme", "--again", code=1)
        assert planned == []
        assert recorded(batch) == before


@pytest.mark.usefixtures("planned")
def test_results_are_written_when_entries_changed_or_the_file_did(batch: Batch) -> None:
    file = batch.folder / "results.jsonl"
    first = (file.stat().st_ino, file.read_bytes())
    batch("plan", "github:acme", code=None)  # reads the broken config again, and finds it the same
    second = (file.stat().st_ino, file.read_bytes())
    assert second[1] == first[1]
    batch("close", code=1)
    assert (file.stat().st_ino, file.read_bytes()) == second
    file.write_bytes(b"")
    batch("close", code=1)
    assert file.read_bytes() == first[1]
    file.unlink()
    batch("close", code=1)
    assert file.read_bytes() == first[1]
