"""A campaign on Gitea or Forgejo, as far as it is not like that on the other hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cci_migrate.forges.git_clones import GitClones
from cci_migrate.forges.gitea.host import Gitea, authorization
from cci_migrate.forges.pull_request_reviews import MergeMethod, OwnPull, PullRequestReview
from cci_migrate.forges.repository import Checks, Kind, PullRequest, PullState, RepositoryRef
from cci_migrate.transport.git.process import GitUnreachableError
from cci_migrate.transport.host_errors import StaleSnapshot
from cci_migrate.transport.http import Api
from cci_migrate.transport.pace import Lane, PaceLimits
from cci_migrate.transport.write_record import WriteRecord
from tests.batch.clocks import QuickClock
from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    QUICK,
    Batch,
    commit_bare,
    content,
    git,
)


@pytest.fixture
def gitea(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GiteaStandIn]:
    """A Gitea without repositories."""
    root = tmp_path / "served"
    root.mkdir()
    with GiteaStandIn.serving(root) as server:
        monkeypatch.setenv("GITEA_SERVER_URL", server.url(""))
        monkeypatch.setenv("GITEA_TOKEN", server.token)
        yield server
    assert server.faults == []


def test_what_an_organisation_says_of_its_repositories(gitea: GiteaStandIn, batch: Batch) -> None:
    gitea.add("acme/old", {CONFIG: PLAIN}, archived=True)
    gitea.add("acme/copy", {CONFIG: PLAIN}, fork=True)
    gitea.add("acme/mirror", {CONFIG: PLAIN}, mirror=True)
    read_only = {"admin": False, "push": False, "pull": True}
    gitea.add("acme/theirs", {CONFIG: PLAIN}, permissions=read_only)
    gitea.add("acme/moved", {CONFIG: PLAIN}, default_branch="trunk")
    gitea.add("acme/docs", {"README": b"x"})
    gitea.add("acme/public", {CONFIG: PLAIN}, private=False)
    batch("plan", "gitea:acme", "--visibility", "private", code=3)
    assert batch.states() == {
        "old": "archived",
        "copy": "excluded",
        "mirror": "no-permission",
        "theirs": "no-permission",
        "moved": "failed",
        "docs": "no-config",
        "public": "excluded",
    }
    assert "the default branch does not exist" in batch.results()["moved"]["cause"]


def test_a_server_that_git_does_not_reach_refuses_no_branch(
    gitea: GiteaStandIn, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for repository in gitea.planned(batch, "a", "b", "c"):
        git(repository.folder, "branch", BRANCH)  # of a killed run; git moves it

    def fail(*_: object) -> None:
        raise GitUnreachableError("git fetch: could not resolve host: git.example")

    monkeypatch.setattr(GitClones, "_fetch", fail)
    output = batch("apply", *QUICK, "--canary", 0, code=3).output
    assert "3 x git fetch: could not resolve host" in output
    assert "refuse" not in output


def test_a_persons_repositories(gitea: GiteaStandIn, batch: Batch) -> None:
    gitea.add("ada/api", {CONFIG: PLAIN})
    gitea.people = ("ada",)
    batch("plan", "gitea:ada", code=1)
    assert batch.states() == {"api": "planned"}
    assert "GetOrgByName" in batch("plan", "gitea:nobody", code=3).output


def test_a_repository_takes_six_requests(gitea: GiteaStandIn, batch: Batch) -> None:
    gitea.planned(batch, "api")
    assert gitea.operations == [
        *("GET orgs", "GET branches", "GET branches", "GET pulls"),
        *("GET trees", "GET trees", "GET raw"),
    ]


def test_links_and_configs_below_the_root(gitea: GiteaStandIn, batch: Batch) -> None:
    """The listing of a large tree comes in pages, and a link's text as a blob."""
    many = {f"src/{at}.py": b"1\n" for at in range(120)}
    nested = "services/api/.circleci/config.yml"
    repository = gitea.add("acme/mono", {"ci/real.yml": PLAIN, nested: PLAIN, **many})
    commit_bare(repository.folder, {CONFIG: b"../ci/real.yml"}, mode="120000")
    batch("plan", "gitea:acme", code=1)
    batch("apply", *QUICK)
    changed = git(repository.folder, "diff", "--name-only", "main", BRANCH).splitlines()
    assert changed == ["ci/real.yml"]
    other = Batch(batch.folder.parent / "other")
    other("plan", "gitea:acme", "--nested", "--branch", "nested", code=1)
    other("apply", *QUICK)
    changed = git(repository.folder, "diff", "--name-only", "main", "nested").splitlines()
    assert changed == ["ci/real.yml", nested]


def test_labels_reviewers_and_assignees(gitea: GiteaStandIn, batch: Batch) -> None:
    """Labels have ids in a repository and its organisation; each reviewer is asked alone."""
    gitea.add("acme/api", {CONFIG: PLAIN})
    gitea.strangers = {"ghost"}
    batch("plan", "gitea:acme", code=1)
    words = [
        *("--label", "CI", "--label", "bot", "--label", "unknown", "--assignee", "ada"),
        *("--reviewer", "outsider", "--reviewer", "grace", "--reviewer", "acme/ops"),
    ]
    assert "no such user" in batch("apply", *QUICK, "--reviewer", "ghost", code=None).output
    batch("apply", *QUICK, "--draft", *words, code=None)
    pull = gitea.repositories["acme/api"].pulls[0]
    assert pull["title"].startswith("WIP: ")
    assert [label["name"] for label in pull["labels"]] == ["ci", "bot"]
    assert [user["login"] for user in pull["reviewers"]] == ["grace", "ops"]
    assert [user["login"] for user in pull["assignees"]] == ["ada"]
    assert batch.states() == {"api": "pull-request-incomplete"}
    lacks = batch.results()["api"]["cause"]
    assert "label unknown" in lacks
    assert "reviewer outsider: reviewer is not a collaborator" in lacks


def test_a_pull_request_from_the_branch_of_the_same_repository_only(
    gitea: GiteaStandIn, batch: Batch
) -> None:
    """Once its branch is gone, a closed one has another ref."""
    repository = gitea.add("acme/api", {CONFIG: PLAIN})
    for _ in range(2 * 3):
        gitea.request(repository, "something-else", "closed")
    gitea.request(repository, BRANCH, "closed")
    fork = gitea.request(repository, BRANCH)
    fork["head"]["repo_id"] = 99
    batch("plan", "gitea:acme")
    assert batch.states() == {"api": "closed-by-human"}


def test_where_the_server_and_the_token_come_from(
    gitea: GiteaStandIn, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    gitea.add("acme/api", {CONFIG: PLAIN})
    monkeypatch.delenv("GITEA_TOKEN")
    output = batch("plan", "forgejo:acme", code=2).output
    assert "set GITEA_TOKEN or FORGEJO_TOKEN" in output
    monkeypatch.setenv("FORGEJO_TOKEN", gitea.token)
    monkeypatch.setenv("GITHUB_API_URL", gitea.api)  # as in Gitea's and Forgejo's own CI
    assert "write gitea:OWNER" in batch("plan", "github:acme", code=2).output
    output = batch("plan", "forgejo:acme/api", "-v", code=1).output
    output += batch("apply", *QUICK, "-v").output
    assert gitea.token not in output
    assert content(gitea.repositories["acme/api"].folder, BRANCH) == FIXED


def test_whom_pull_requests_wait_for(gitea: GiteaStandIn, batch: Batch) -> None:
    for name in "abcdefg":
        gitea.add(f"acme/{name}", {CONFIG: PLAIN})
    batch("plan", "gitea:acme", code=1)
    batch("apply", *QUICK, "--canary", 0)
    repositories = {name: gitea.repositories[f"acme/{name}"] for name in "abcdefg"}
    gitea.required_approvals = 1
    for repository in repositories.values():
        repository.otherwise = "success " * 4
    repositories["a"].review.reviewers = ["ada", "bob"]
    for name in "bcdefg":
        repositories[name].review.approve()
    repositories["c"].otherwise = "success success success failure"
    repositories["d"].otherwise = "success pending"
    repositories["e"].review.is_draft = True
    repositories["f"].review.refused_by = ["bob"]
    repositories["g"].review.status = "conflict"
    gitea.operations.clear()
    batch("status", "--refresh")
    lines = map(json.loads, batch("status", "--json").stdout.splitlines())
    waits = {line["name"][-1]: line["review"]["text"] for line in lines if line["review"]}
    assert waits == {
        "a": "review by ada, bob",
        "b": "the merge button: approved and green",
        "c": "author campaigner: CI failed",
        "d": "CI, which is running",
        "e": "author campaigner: a draft",
        "f": "author campaigner: changes requested",
        "g": "author campaigner: conflicts with its base",
    }
    repositories["a"].merge(BRANCH)
    batch("status", "--refresh")
    assert batch.states()["a"] == "pull-request-merged"


def test_a_merge_is_of_the_commit_that_was_reviewed(gitea: GiteaStandIn, batch: Batch) -> None:
    (repository,) = gitea.planned(batch, "api")
    batch("apply", *QUICK, "--canary", 0)
    gitea.required_approvals = 1
    repository.review.approve()
    ref = RepositoryRef(Kind.GITEA, urlsplit(gitea.api).netloc, "acme/api", gitea.api)
    own = OwnPull(ref, PullRequest(1, "", PullState.OPEN))
    record = WriteRecord.in_memory()
    lane = Lane("test", record, PaceLimits(1000, 0.0), QuickClock())
    api = Api(gitea.api, lambda _: gitea.token, lane, QuickClock(), authorization)
    host = Gitea(api, lane, BRANCH)
    try:
        (review,) = host.reviews.read([own])
        assert isinstance(review, PullRequestReview)
        assert not review.can_auto_merge  # somebody could push after the approval
        newer = commit_bare(repository.folder, {"x": b"1"}, BRANCH)
        with pytest.raises(StaleSnapshot):
            host.reviews.merge(own, review, None)
        (review,) = host.reviews.read([own])
        assert isinstance(review, PullRequestReview)
        assert review.has_head(newer)
        host.reviews.enable_auto_merge(own, review, MergeMethod.REBASE)
        assert (repository.review.auto_merge, repository.review.method) == (True, "rebase")
        assert host.reviews.merge(own, review, None) is PullState.MERGED
        assert repository.review.method == "squash"
        assert repository.tip("main") == newer
        repository.statuses[newer] = "failure"
        assert host.reviews.base_checks(own) is Checks.FAILED
    finally:
        host.end()
        lane.end()
        record.close()
