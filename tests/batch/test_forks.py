"""`apply --fork`: pull requests from forks, to repositories that the token may only read."""

from __future__ import annotations

import sqlite3

import pytest

from cci_migrate.campaign import delivering
from cci_migrate.campaign.folder import LEDGER
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn, Pull, Repository
from tests.batch.repositories import (
    AT_ONCE,
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    Batch,
    branches,
    commit_bare,
    content,
    git,
)
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn
from tests.batch.test_planted_branches import OURS, PLANTED
from tests.batch.victims import kill_at
from tests.batch.watching import Canned, Request, once, truly

REVERT = f"revert-1-{BRANCH}"
FORKING = (*AT_ONCE, "--fork")
FORK = "POST /api/v3/repos/acme/api/forks"


@pytest.fixture
def api(github: GitHubStandIn, batch: Batch) -> Repository:
    """A planned repository that the token may only read."""
    repository = github.add("acme/api", {CONFIG: PLAIN}, permission="READ")
    batch("plan", "github:acme", code=1)
    assert batch.states() == {"api": "no-permission"}
    return repository


def check_delivered(github: GitHubStandIn, repository: Repository, fork: str = "me/api") -> None:
    """There is one fork, with one branch of one commit, and one pull request from it."""
    assert branches(repository.folder) == ["main"]
    forks = [other for other in github.repositories.values() if other.parent == repository.name]
    assert [other.name for other in forks] == [fork]
    assert branches(forks[0].folder) == [BRANCH, "main"]
    assert content(forks[0].folder, BRANCH) == FIXED
    assert git(forks[0].folder, "rev-parse", f"{BRANCH}^") == repository.tip("main")
    assert [(pull.state, pull.home.name) for pull in repository.pulls] == [("OPEN", fork)]


def test_nothing_is_forked_unasked(github: GitHubStandIn, api: Repository, batch: Batch) -> None:
    batch("apply", *AT_ONCE, code=1)
    assert (batch.states(), api.pulls) == ({"api": "no-permission"}, [])
    output = batch("apply", *FORKING, "--dry-run", code=1).output
    assert "would get a pull request from a fork" in output
    assert github.writes() == []
    assert batch("apply", "--check-access", code=1).stdout.startswith("1 without access")
    assert batch("apply", "--check-access", "--fork", "-v").stdout.splitlines() == [
        "1 not known",
        "  acme/api: not known: GitHub does not show the permissions of fine-grained and App "
        "tokens; they need write access to Contents and Pull requests from a fork",
    ]
    github.scopes = "repo"
    assert batch("apply", "--check-access", "--fork", "-v").stdout.splitlines() == [
        "1 by a fork",
        "  acme/api: can push and open pull requests from a fork",
    ]
    assert github.writes() == []


def test_the_pull_request_comes_from_a_fork(
    github: GitHubStandIn, api: Repository, batch: Batch, clock: QuickClock
) -> None:
    github.add("acme/own", {CONFIG: PLAIN})
    batch("plan", "github:acme/own", code=1)
    output = batch("apply", *FORKING).output
    assert "CircleCI passes no secrets to pull requests from forks" in output
    assert batch.states() == {"api": "pull-request-open", "own": "pull-request-open"}
    check_delivered(github, api)
    # Where the token may push, it does.
    assert branches(github.repositories["acme/own"].folder) == [BRANCH, "main"]
    assert github.operations.count(FORK) == 1
    assert clock.slept.count(delivering.FORK_PAUSE) == 2
    before = github.writes()
    batch("apply", *AT_ONCE)
    batch("status", "--refresh")
    assert github.writes() == before
    assert batch.states() == {"api": "pull-request-open", "own": "pull-request-open"}


@pytest.mark.parametrize(
    ("operation", "moment"),
    [
        (FORK, "before"),
        *((write, "after") for write in (FORK, "CreateRef", "CreateCommit", "CreatePullRequest")),
    ],
)
def test_killed_at_any_write_the_next_run_ends_alike(
    operation: str, moment: str, github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    kill_at(github, batch, "apply", *FORKING, operation=operation, moment=moment)
    if operation != FORK:
        # The ledger has the fork.
        batch("apply", *AT_ONCE)
    else:
        batch("apply", *FORKING)
    assert batch.states() == {"api": "pull-request-open"}
    check_delivered(github, api)


@pytest.mark.parametrize("operation", [FORK, "CreateRef", "CreateCommit", "CreatePullRequest"])
def test_a_write_that_was_not_confirmed_is_not_done_twice(
    operation: str, github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    github.watch = once(operation, Canned(502, {"message": "Bad gateway"}), "after")
    batch("apply", *FORKING)
    check_delivered(github, api)


def test_a_repository_of_that_name_which_is_no_fork_is_left_alone(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    mine = github.add("me/api", {CONFIG: PLAIN})
    batch("apply", *FORKING)
    check_delivered(github, api, "me/api-1")
    assert branches(mine.folder) == ["main"]
    # Not even if the ledger names it.
    with sqlite3.connect(batch.folder / LEDGER) as connection:
        connection.execute("UPDATE repositories SET record = replace(record, 'me/api-1', 'me/api')")
    before = github.writes()
    output = batch("close", code=1).output
    assert "me/api is not a fork of acme/api" in output
    assert github.writes() == before


def test_branches_that_others_planted_in_the_fork(github: GitHubStandIn, batch: Batch) -> None:
    names = [*PLANTED, *OURS]
    repositories = {
        name: github.add(f"acme/{name}", {CONFIG: PLAIN}, permission="READ") for name in names
    }
    batch("plan", "github:acme", code=1)
    for name, plant in (PLANTED | OURS).items():
        github.forked(repositories[name], {"default_branch_only": True})
        plant(github.repositories[f"me/{name}"].folder, batch.id())
    forks = {name: github.repositories[f"me/{name}"] for name in names}
    before = {name: fork.tip(BRANCH) for name, fork in forks.items()}
    batch("apply", *FORKING, code=1)
    assert {name: fork.tip(BRANCH) for name, fork in forks.items()} == before
    assert batch.states() == {
        name: "pull-request-open" if name in OURS else "branch-exists" for name in names
    }
    assert [name for name in names if repositories[name].pulls] == list(OURS)


def test_a_fork_that_is_behind_or_of_another_owner(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    github.forked(api, {"default_branch_only": True, "organization": "guild"})
    commit_bare(api.folder, {"README": b"newer"})
    batch("apply", *FORKING, "--fork-owner", "guild")
    check_delivered(github, api, "guild/api")
    assert github.repositories["guild/api"].tip("main") == api.tip("main")


def test_a_fork_with_commits_of_its_own_is_not_synced(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    github.forked(api, {"default_branch_only": True})
    fork = github.repositories["me/api"]
    tip = commit_bare(fork.folder, {"mine": b"x"})
    batch("apply", *FORKING)
    check_delivered(github, api)
    batch("close")
    commit_bare(api.folder, {"README": b"newer"})
    other = Batch(batch.folder.with_name("second"))
    other("plan", "github:acme", "--branch", "cci-migrate/second", code=1)
    other("apply", *FORKING, code=3)
    cause = other.results()["api"]["cause"]
    assert "me/api lacks the newest commits of acme/api; sync that fork" in cause
    assert fork.tip("main") == tip


def test_a_pull_request_of_another_fork_is_not_the_campaign_s(
    api: Repository, batch: Batch
) -> None:
    foreign_fork = Repository("eve/api", api.folder, fork=True)
    api.pulls.append(Pull(1, api, BRANCH, "main", "", "", False, cross=True, fork=foreign_fork))
    batch("apply", *FORKING)
    assert [pull.home.name for pull in api.pulls] == ["eve/api", "me/api"]
    assert batch.results()["api"]["pull_request"].endswith("/pull/2")


def test_a_changed_base_is_followed_in_the_fork(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    batch("apply", *FORKING)
    changed = PLAIN.replace(b"node:20.1", b"node:22.4")
    commit_bare(api.folder, {CONFIG: changed})
    batch("plan", "github:acme", "--again", code=1)
    assert batch.states() == {"api": "planned"}
    batch("apply", *AT_ONCE)
    fork = github.repositories["me/api"]
    assert content(fork.folder, BRANCH) == FIXED.replace(b"node:20.1", b"node:22.4")
    assert git(fork.folder, "rev-parse", f"{BRANCH}^") == api.tip("main")
    assert [pull.state for pull in api.pulls] == ["OPEN"]


def test_close_deletes_the_branch_and_keeps_the_fork(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    batch("apply", *FORKING)
    batch("close")
    assert batch.states() == {"api": "closed"}
    assert [pull.state for pull in api.pulls] == ["CLOSED"]
    assert branches(github.repositories["me/api"].folder) == ["main"]
    batch("apply", *FORKING)
    assert [pull.state for pull in api.pulls] == ["CLOSED"]


def test_merging_is_for_those_who_may_push_and_reverting_is_from_the_fork(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    batch("apply", *FORKING)
    api.pulls[0].approve()
    api.pulls[0].status = "CLEAN"
    api.otherwise = "SUCCESS"
    github.repositories["me/api"].otherwise = "SUCCESS"
    output = batch("merge-when-green", "-v", code=1).output
    assert "the token can't merge it" in output
    commit_bare(api.folder, {CONFIG: FIXED})
    api.pulls[0].state = "MERGED"
    batch("status", "--refresh")
    assert batch.states() == {"api": "pull-request-merged"}
    batch("revert")
    assert batch.states() == {"api": "reverted"}
    assert [(pull.head, pull.home.name) for pull in api.pulls[1:]] == [(REVERT, "me/api")]
    fork = github.repositories["me/api"]
    assert content(fork.folder, REVERT) == PLAIN
    assert git(fork.folder, "rev-parse", f"{REVERT}^") == api.tip("main")
    assert branches(api.folder) == ["main"]


@pytest.mark.parametrize("operation", ["CreateRef", "CreateCommit", "CreatePullRequest"])
def test_a_revert_that_was_killed_is_completed(
    operation: str, github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    batch("apply", *FORKING)
    commit_bare(api.folder, {CONFIG: FIXED})
    api.pulls[0].state = "MERGED"
    batch("status", "--refresh")
    kill_at(github, batch, "revert", operation=operation)
    batch("revert")
    assert [(pull.head, pull.state) for pull in api.pulls[1:]] == [(REVERT, "OPEN")]
    assert content(github.repositories["me/api"].folder, REVERT) == PLAIN


def test_a_revert_leaves_later_changes_and_other_branches_alone(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    batch("apply", *FORKING)
    commit_bare(api.folder, {CONFIG: FIXED + b"# later\n"})
    api.pulls[0].state = "MERGED"
    batch("status", "--refresh")
    output = batch("revert", code=1).output
    assert f"{CONFIG} has changed since; revert it by hand" in output
    commit_bare(api.folder, {CONFIG: FIXED})
    fork = github.repositories["me/api"]
    tip = commit_bare(fork.folder, {"theirs": b"x"}, REVERT, base="main")
    output = batch("revert", code=1).output
    assert f"the branch {REVERT} exists, but does not revert the change" in output
    assert (fork.tip(REVERT), len(api.pulls)) == (tip, 1)


def test_nothing_is_reverted_without_the_fork(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    batch("apply", *FORKING)
    commit_bare(api.folder, {CONFIG: FIXED})
    api.pulls[0].state = "MERGED"
    batch("status", "--refresh")
    del github.repositories["me/api"]
    output = batch("revert", code=1).output
    assert "ask somebody who can to revert https://github.example/acme/api/pull/1" in output


def test_a_fork_that_is_deleted_after_the_merge(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    batch("apply", *FORKING)
    commit_bare(api.folder, {CONFIG: FIXED})
    api.pulls[0].state = "MERGED"
    del github.repositories["me/api"]
    batch("plan", "github:acme", "--again")
    assert batch.states() == {"api": "pull-request-merged"}


def test_a_fork_that_is_deleted_before_its_pull_request_is_made_again(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    github.watch = once("CreatePullRequest", Canned(200, {"errors": [{"message": "No"}]}))
    batch("apply", *FORKING, code=3)
    fork = github.repositories.pop("me/api")
    fork.folder.rename(fork.folder.with_name("gone"))
    batch("apply", *AT_ONCE, code=1)
    assert (batch.states(), api.pulls) == ({"api": "no-permission"}, [])
    batch("apply", *FORKING)
    check_delivered(github, api)


def test_an_open_pull_request_of_a_deleted_fork_is_closed(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    batch("apply", *FORKING)
    del github.repositories["me/api"]
    output = batch("apply", *FORKING).output
    assert "failed" not in output
    batch("close")
    assert [pull.state for pull in api.pulls] == ["CLOSED"]
    assert batch.states() == {"api": "closed"}


def test_a_repository_that_may_not_be_forked(
    github: GitHubStandIn, api: Repository, batch: Batch
) -> None:
    github.allows_forks = False
    batch("apply", *FORKING, code=1)
    result = batch.results()["api"]
    assert result["state"] == "no-permission"
    assert result["cause"].startswith("fork refused: ")
    assert api.pulls == []


def test_a_fork_that_never_comes_is_not_waited_for_longer_than_github_says(
    github: GitHubStandIn, api: Repository, batch: Batch, clock: QuickClock
) -> None:
    def watch(_request: Request) -> None:
        fork = github.repositories.get("me/api")
        if fork is not None:
            fork.hidden = 9

    github.watch = watch
    batch("apply", *FORKING, code=3)
    assert "the fork me/api is not ready" in batch.results()["api"]["cause"]
    assert 300 <= sum(clock.slept) < 320
    github.watch = truly
    github.repositories["me/api"].hidden = 0
    batch("apply", *AT_ONCE)
    check_delivered(github, api)


@pytest.mark.parametrize("forge", [GitLabStandIn, BitbucketStandIn], indirect=True)
def test_other_hosts_are_refused_before_anything_is_written(
    forge: RestStandIn, batch: Batch
) -> None:
    forge.planned(batch, "api")
    output = batch("apply", *FORKING, code=2).output
    assert "--fork can't be used on 127.0.0.1" in output
    assert forge.writes() == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--fork-owner", "guild"), "--fork-owner needs --fork"),
        # A variable of a script that is not set: not the account of the token.
        (("--fork", "--fork-owner", ""), "--fork-owner needs the name of an organization"),
        (("--fork", "--fork-owner", " "), "--fork-owner needs the name of an organization"),
    ],
)
@pytest.mark.usefixtures("api")
def test_an_owner_without_forks_or_name_is_refused(
    options: tuple[str, ...], problem: str, batch: Batch
) -> None:
    assert problem in batch("apply", *options, code=2).output
