"""One pull request for each project of a monorepo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cci_migrate.campaign.branch_names import project_branch
from tests.batch.github_stand_in import GitHubStandIn, Pull
from tests.batch.hosts import StandIn, on_one_of_each
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
from tests.batch.victims import kill_at

API, WEB = f"services/api/{CONFIG}", f"web/{CONFIG}"
MONO = {CONFIG: PLAIN, API: PLAIN, WEB: PLAIN, f"docs/{CONFIG}": FIXED}


def states(batch: Batch) -> dict[str, str]:
    """The state of each repository, a project by its folder."""
    lines = batch("status", "--json", code=None).stdout.splitlines()
    results = [json.loads(line) for line in lines]
    return {line["repository"].partition("acme/")[2]: line["state"] for line in results}


@pytest.fixture
def planned(forge: StandIn, batch: Batch) -> StandIn:
    """A monorepo and a repository with one config, planned by projects."""
    forge.add("acme/mono", MONO)
    forge.add("acme/small", {CONFIG: PLAIN})
    batch("plan", forge.source, "--split", code=1)
    return forge


def titles(host: StandIn) -> set[str]:
    """The titles of the monorepo's pull requests."""
    pulls = host.repositories["acme/mono"].pulls
    return {pull["title"] if isinstance(pull, dict) else pull.title for pull in pulls}


def test_each_project_has_a_pull_request_of_its_own(planned: StandIn, batch: Batch) -> None:
    expected = {
        "mono": "split",
        "small": "planned",
        "mono//.": "planned",
        "mono//docs": "nothing-to-do",
        "mono//services/api": "planned",
        "mono//web": "planned",
    }
    assert states(batch) == expected
    diff = batch("diff", "acme/mono//web").stdout
    assert WEB in diff
    assert API not in diff
    batch("apply", *AT_ONCE)
    folder = planned.repositories["acme/mono"].folder
    nested = project_branch(BRANCH, "services/api")
    assert branches(folder) == [f"{BRANCH}/root", nested, f"{BRANCH}/web", "main"]
    for branch, path in ((f"{BRANCH}/root", CONFIG), (nested, API), (f"{BRANCH}/web", WEB)):
        assert git(folder, "diff", "--name-only", "main", branch) == path
        assert content(folder, branch, path) == FIXED
        assert git(folder, "rev-list", "--count", f"main..{branch}") == "1"
    assert len(planned.repositories["acme/mono"].pulls) == 3
    assert titles(planned) == {
        f"Authenticate Docker registry pulls in CircleCI ({project})"
        for project in (".", "services/api", "web")
    }
    assert branches(planned.repositories["acme/small"].folder) == [BRANCH, "main"]


@pytest.mark.parametrize("forge", [GitHubStandIn], indirect=True)
def test_the_next_runs_see_the_pull_request_of_each_project(planned: StandIn, batch: Batch) -> None:
    batch("apply", *AT_ONCE)
    folder = planned.repositories["acme/mono"].folder
    before = planned.writes()
    batch("apply", *AT_ONCE)
    batch("plan", planned.source, "--split", "--again")
    assert states(batch)["mono//web"] == "pull-request-open"
    assert planned.writes() == before
    batch("close", "acme/mono//web", *AT_ONCE[:2])
    nested = project_branch(BRANCH, "services/api")
    assert branches(folder) == [f"{BRANCH}/root", nested, "main"]
    batch("close", *AT_ONCE[:2])
    assert branches(folder) == ["main"]


@on_one_of_each
def test_killed_at_an_opening_the_next_run_ends_alike(planned: StandIn, batch: Batch) -> None:
    kill_at(planned, batch, "apply", *AT_ONCE, operation=planned.opening, nth=3)
    batch("apply", *AT_ONCE)
    assert len(planned.repositories["acme/mono"].pulls) == 3
    assert set(states(batch).values()) == {"split", "pull-request-open", "nothing-to-do"}


def test_a_project_is_reverted_alone(github: GitHubStandIn, batch: Batch) -> None:
    repository = github.add("acme/mono", MONO)
    batch("plan", "github:acme", "--split", code=1)
    batch("apply", *AT_ONCE)
    (web,) = (pull for pull in repository.pulls if pull.head.endswith("/web"))
    git(repository.folder, "update-ref", "refs/heads/main", f"refs/heads/{web.head}")
    web.state = "MERGED"
    batch("revert", "acme/mono//web", *AT_ONCE[:2])
    assert [pull.title for pull in repository.pulls if pull.title.startswith("Revert")] == [
        'Revert "Authenticate Docker registry pulls in CircleCI (web)"'
    ]
    assert states(batch)["mono//services/api"] == "pull-request-open"


def test_an_earlier_branch_of_a_project_is_not_used_again(
    github: GitHubStandIn, batch: Batch
) -> None:
    repository = github.add("acme/mono", MONO)
    repository.pulls.append(Pull(1, repository, f"{BRANCH}/web", "main", "", "", False, "MERGED"))
    batch("plan", "github:acme", "--split", code=1)
    batch("apply", *AT_ONCE)
    assert f"{BRANCH}/web-2" in branches(repository.folder)


@pytest.mark.parametrize("other", [(), ("--split", "--branch", "another")])
def test_what_is_written_stays_the_campaigns(
    other: tuple[str, ...], github: GitHubStandIn, batch: Batch
) -> None:
    repository = github.add("acme/mono", MONO)
    batch("plan", "github:acme", "--split", code=1)
    batch("apply", *AT_ONCE)
    count = len(repository.pulls)
    result = batch("plan", "github:acme", "--again", *other, code=2)
    assert "and has written to branches; use the same, or use another folder" in result.stderr
    batch("plan", "github:acme", "--again", "--split")
    batch("apply", *AT_ONCE)
    assert len(repository.pulls) == count


def test_a_whole_pull_request_stays_whole(github: GitHubStandIn, batch: Batch) -> None:
    repository = github.add("acme/mono", MONO)
    batch("plan", "github:acme", "--nested", code=1)
    batch("apply", *AT_ONCE)
    result = batch("plan", "github:acme", "--split", code=2)
    assert "--again" in result.stderr
    batch("plan", "github:acme", "--split", "--again")
    assert states(batch) == {"mono": "pull-request-open"}
    assert len(repository.pulls) == 1


def test_a_new_project_is_found_by_planning_again(github: GitHubStandIn, batch: Batch) -> None:
    repository = github.add("acme/mono", {CONFIG: PLAIN, "README": b"x"})
    batch("plan", "github:acme", "--split", code=1)
    assert states(batch) == {"mono": "planned"}
    commit_bare(repository.folder, {WEB: PLAIN}, "main")
    batch("plan", "github:acme", "--split", "--again", code=1)
    assert states(batch) == {"mono": "split", "mono//.": "planned", "mono//web": "planned"}


def test_checkouts_get_a_branch_for_each_project(tmp_path: Path, batch: Batch) -> None:
    folder = checkout(tmp_path / "mono", MONO)
    batch("plan", folder, "--split", code=1)
    batch("apply", "--local", "branch")
    nested = project_branch(BRANCH, "services/api")
    assert branches(folder) == [f"{BRANCH}/root", nested, f"{BRANCH}/web", "main"]
    assert content(folder, f"{BRANCH}/web", WEB) == FIXED
    assert content(folder, f"{BRANCH}/web", API) == PLAIN


def test_the_title_names_as_much_of_a_long_project_as_hosts_take(
    github: GitHubStandIn, batch: Batch
) -> None:
    long = "/".join(["services"] * 40)
    github.add("acme/mono", {CONFIG: PLAIN, f"{long}/{CONFIG}": PLAIN})
    batch("plan", "github:acme", "--split", code=1)
    batch("apply", *AT_ONCE)
    titles = sorted((pull.title for pull in github.repositories["acme/mono"].pulls), key=len)
    assert titles[0] == "Authenticate Docker registry pulls in CircleCI (.)"
    assert len(titles[1]) == 255
    assert titles[1].endswith("…")


def test_shares_of_split_campaigns_are_merged(github: GitHubStandIn, batch: Batch) -> None:
    github.add("acme/mono", MONO)
    github.add("acme/small", {CONFIG: PLAIN})
    shares = [Batch(batch.folder.parent / f"share{number}") for number in (1, 2)]
    for number, share in enumerate(shares, 1):
        share("plan", "github:acme", "--split", "--shard", f"{number}/2", code=None)
    batch("merge", *(share.folder for share in shares), code=1)
    batch("apply", *AT_ONCE)
    assert len(github.repositories["acme/mono"].pulls) == 3


@pytest.mark.parametrize("project", [".", "root", "a/b", "a-b", "é", "a b", "-", "..", "x" * 300])
def test_branches_of_projects_differ_and_are_valid(project: str, tmp_path: Path) -> None:
    name = project_branch("cci", project)
    git(tmp_path, "check-ref-format", f"refs/heads/{name}")
    assert name.count("/") == 1
    others = {".", "root", "a/b", "a-b", "é", "a b", "-", "..", "x" * 300} - {project}
    assert name not in {project_branch("cci", other) for other in others}
