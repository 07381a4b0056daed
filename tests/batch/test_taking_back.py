"""What becomes of delivered changes, and taking them back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.git_server import GitServer
from tests.batch.github_stand_in import GitHubStandIn, Pull
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    PLAIN,
    QUICK,
    Batch,
    bare,
    branches,
    checkout,
    commit_bare,
    content,
    git,
    write_files,
)
from tests.batch.victims import kill_at
from tests.batch.watching import Canned, Request, once, truly


@pytest.fixture
def delivered(github: GitHubStandIn, batch: Batch) -> GitHubStandIn:
    """Three repositories with an open pull request each."""
    github.planned(batch, "api", "web", "cli")
    batch("apply", *QUICK)
    return github


def test_status_learns_what_people_did(delivered: GitHubStandIn, batch: Batch) -> None:
    delivered.repositories["acme/api"].pulls[0].state = "MERGED"
    delivered.repositories["acme/web"].pulls[0].state = "CLOSED"
    batch("status", "--refresh")
    expected = {
        "api": "pull-request-merged",
        "web": "closed-by-human",
        "cli": "pull-request-open",
    }
    assert batch.states() == expected
    batch("apply", *QUICK)
    assert batch.states() == expected
    assert [p.state for p in delivered.repositories["acme/web"].pulls] == ["CLOSED"]


def test_close_leaves_what_others_did(delivered: GitHubStandIn, batch: Batch) -> None:
    delivered.repositories["acme/api"].pulls[0].state = "MERGED"
    web = delivered.repositories["acme/web"]
    commit_bare(web.folder, {"x": b"a commit of theirs"}, BRANCH)
    batch("close")
    assert batch.states() == {"api": "pull-request-merged", "web": "closed", "cli": "closed"}
    assert branches(web.folder) == [BRANCH, "main"]
    assert branches(delivered.repositories["acme/cli"].folder) == ["main"]
    batch("apply", *QUICK)
    assert [p.state for p in delivered.repositories["acme/cli"].pulls] == ["CLOSED"]


@pytest.mark.parametrize("operation", ["ClosePullRequest", "UpdateRef"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_closing_the_next_run_ends_alike(
    operation: str, moment: str, delivered: GitHubStandIn, batch: Batch
) -> None:
    kill_at(delivered, batch, "close", "api", operation=operation, moment=moment)
    batch("close", "api")
    assert batch.states()["api"] == "closed"
    api = delivered.repositories["acme/api"]
    assert [pull.state for pull in api.pulls] == ["CLOSED"]
    assert branches(api.folder) == ["main"]


def test_revert_of_a_merged_pull_request_is_opened_once(
    delivered: GitHubStandIn, batch: Batch
) -> None:
    api = delivered.repositories["acme/api"]
    api.pulls[0].state = "MERGED"
    git(api.folder, "update-ref", "refs/heads/main", f"refs/heads/{BRANCH}")
    delivered.watch = once("RevertPullRequest", ConnectionError, "after")
    batch("revert", "api", code=1)
    batch("revert", "api")
    assert batch.states()["api"] == "reverted"
    assert [pull.state for pull in api.pulls] == ["MERGED", "OPEN"]
    url = "https://github.example/acme/api/pull/2"
    assert batch.results()["api"]["cause"] == url
    assert f"acme/api: reverted ({url})" in batch("status", "--verbose", code=None).stdout
    batch("report", "--html", batch.folder / "report.html")
    assert f'<a href="{url}">' in (batch.folder / "report.html").read_text()


def test_revert_puts_local_files_back_unless_they_changed(tmp_path: Path, batch: Batch) -> None:
    first = checkout(tmp_path / "all" / "one", {CONFIG: PLAIN})
    two = checkout(tmp_path / "all" / "two", {CONFIG: PLAIN})
    batch("plan", tmp_path / "all", code=1)
    batch("apply")
    changed = (two / CONFIG).read_bytes() + b"# theirs\n"
    write_files(two, {CONFIG: changed})
    batch("revert", code=1)
    assert (first / CONFIG).read_bytes() == PLAIN
    assert (two / CONFIG).read_bytes() == changed
    assert batch.states() == {"one": "reverted", "two": "changed"}


def test_revert_deletes_a_pushed_branch(
    tmp_path: Path, batch: Batch, git_server: GitServer
) -> None:
    origin = bare(git_server.root / "origin.git", {CONFIG: PLAIN})
    git(tmp_path, "clone", "--quiet", git_server.url("origin.git"), "one")
    batch("plan", tmp_path / "one", code=1)
    batch("apply", "--local", "push")
    assert branches(origin) == [BRANCH, "main"]
    batch("revert")
    assert branches(origin) == ["main"]
    assert branches(tmp_path / "one") == ["main"]


@pytest.mark.parametrize(
    ("before", "after"), [("branch", "in-place"), ("in-place", "branch"), ("in-place", "push")]
)
def test_a_campaign_keeps_the_mode_that_its_checkouts_were_changed_in(
    before: str, after: str, tmp_path: Path, batch: Batch
) -> None:
    first = checkout(tmp_path / "all" / "one", {CONFIG: PLAIN})
    two = checkout(tmp_path / "all" / "two", {CONFIG: PLAIN})
    batch("plan", tmp_path / "all", code=1)
    batch("apply", "one", "--local", before, code=1)
    for dry_run in ((), ("--dry-run",)):
        refused = batch("apply", "two", "--local", after, *dry_run, code=2)
        assert f"already changed checkouts with --local {before}" in refused.stderr
    batch("apply", "two", "--local", before)
    assert (
        branches(first) == branches(two) == ([BRANCH, "main"] if before == "branch" else ["main"])
    )
    batch("revert")
    assert (first / CONFIG).read_bytes() == (two / CONFIG).read_bytes() == PLAIN
    assert branches(first) == branches(two) == ["main"]
    assert batch.states() == {"one": "reverted", "two": "reverted"}


def test_a_dry_run_of_apply_says_what_it_would_do_and_decides_on_no_mode(
    tmp_path: Path, batch: Batch
) -> None:
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN})
    batch("plan", folder, code=1)
    dry_run = batch("apply", "--dry-run", "--local", "branch", code=1)
    assert f"{folder}: planned (would get the branch)" in dry_run.stderr
    batch("apply")
    assert (folder / CONFIG).read_bytes() != PLAIN
    assert branches(folder) == ["main"]


def another_campaign(batch: Batch) -> Batch:
    """A campaign with the same branch, in which nothing is planned yet."""
    return Batch(batch.folder.parent / "another")


def test_what_another_campaign_opened_is_left_to_it(delivered: GitHubStandIn, batch: Batch) -> None:
    api = delivered.repositories["acme/api"]
    api.pulls[0].state = "MERGED"
    git(api.folder, "update-ref", "refs/heads/main", f"refs/heads/{BRANCH}")
    before = delivered.writes()
    other = another_campaign(batch)
    other("plan", "github:acme", code=1)
    expected = {"api": "nothing-to-do", "web": "branch-exists", "cli": "branch-exists"}
    for command in ("apply", "close", "revert"):
        other(command, code=1)
        assert other.states() == expected
    assert delivered.writes() == before
    assert "acme/web/pull/1 is open from the branch" in other.results()["web"]["cause"]


def test_where_an_earlier_pull_request_was_merged_the_next_branch_is_taken(
    delivered: GitHubStandIn, batch: Batch
) -> None:
    """Whether the earlier campaign's branch is there, was deleted, or has a number already."""
    names = ("api", "web", "cli")
    more = PLAIN.replace(b"20.1", b"22.0")
    for name in names:
        repository = delivered.repositories[f"acme/{name}"]
        repository.pulls[0].state = "MERGED"
        git(repository.folder, "update-ref", "refs/heads/main", f"refs/heads/{BRANCH}")
        commit_bare(repository.folder, {CONFIG: more})
    git(delivered.repositories["acme/web"].folder, "update-ref", "-d", f"refs/heads/{BRANCH}")
    cli = delivered.repositories["acme/cli"]
    cli.pulls.append(Pull(2, cli, f"{BRANCH}-2", "main", "", "", False, state="MERGED"))
    other = another_campaign(batch)
    delivered.operations.clear()
    other("plan", "github:acme", code=1)
    assert other.states() == dict.fromkeys(names, "planned")
    assert delivered.operations.count("Named") == 2
    other("apply", *QUICK)
    for name, number in {"api": 2, "web": 2, "cli": 3}.items():
        pull = delivered.repositories[f"acme/{name}"].pulls[-1]
        assert (pull.head, pull.state) == (f"{BRANCH}-{number}", "OPEN")
    other("plan", "github:acme", "--again")
    assert other.states() == dict.fromkeys(names, "pull-request-open")
    delivered.repositories["acme/api"].pulls[-1].state = "MERGED"
    other("status", "--refresh")
    other("close")
    assert other.states() == {"api": "pull-request-merged", "web": "closed", "cli": "closed"}
    assert branches(cli.folder) == [BRANCH, "main"]


def test_an_own_merged_change_that_is_not_enough_is_said(
    delivered: GitHubStandIn, batch: Batch
) -> None:
    for name, repository in delivered.repositories.items():
        repository.pulls[0].state = "MERGED"
        git(repository.folder, "update-ref", "refs/heads/main", f"refs/heads/{BRANCH}")
        if name != "acme/cli":
            commit_bare(repository.folder, {CONFIG: PLAIN})
    batch("plan", "github:acme", "--again", code=1)
    expected = {"api": "needs-decision", "web": "needs-decision", "cli": "pull-request-merged"}
    assert batch.states() == expected
    assert "plan that in a new campaign" in batch.results()["api"]["cause"]


def test_a_pull_request_that_no_longer_names_the_campaign_is_left(
    delivered: GitHubStandIn, batch: Batch
) -> None:
    api, web, cli = delivered.repositories.values()
    api.pulls[0].body = "Rewritten by somebody."
    # GitHub's editor ends lines like this.
    web.pulls[0].body = f"More text.\r\n{web.pulls[0].body}".replace("\n", "\r\n")
    output = batch("close", code=1).output
    assert "acme/api/pull/1 does not name this campaign any more; left as it is" in output
    assert batch.states() == {"api": "pull-request-open", "web": "closed", "cli": "closed"}
    assert [repository.pulls[0].state for repository in (api, web, cli)] == [
        "OPEN",
        "CLOSED",
        "CLOSED",
    ]


def test_a_dry_run_of_the_plan_knows_the_campaigns_own_pull_requests(
    delivered: GitHubStandIn, batch: Batch
) -> None:
    del delivered
    output = batch("plan", "github:acme", "--dry-run").output
    assert "3  pull-request-open" in output


def test_an_open_pull_request_is_brought_up_to_date(delivered: GitHubStandIn, batch: Batch) -> None:
    """After a change of the policy, and of the base; not where others committed to the branch."""
    api, web, cli = delivered.repositories.values()
    newer = PLAIN.replace(b"20.1", b"22.0")
    commit_bare(api.folder, {CONFIG: newer})
    foreign_tip = commit_bare(cli.folder, {"x": b"a commit of theirs"}, BRANCH)
    batch("plan", "github:acme", "--again", "--context", "hub", code=1)
    assert batch.states() == {"api": "planned", "web": "planned", "cli": "pull-request-open"}
    assert "others committed to it" in batch.results()["cli"]["cause"]
    diffs = {name: batch("diff", name).output for name in ("api", "web", "cli")}
    assert {name for name, diff in diffs.items() if "+            - hub" in diff} == {"api", "web"}
    assert "+            - docker-hub-creds" in diffs["cli"]
    assert "would update https://github.example/acme/api/pull/1" in (
        batch("apply", "--dry-run", code=1).output
    )
    batch("apply", *QUICK)
    assert set(batch.states().values()) == {"pull-request-open"}
    for repository in (api, web):
        assert [pull.state for pull in repository.pulls] == ["OPEN"]
        assert b"- hub\n" in content(repository.folder, BRANCH)
        assert git(repository.folder, "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert b"22.0" in content(api.folder, BRANCH)
    assert cli.tip(BRANCH) == foreign_tip
    # Nothing is left to do, and everything can be closed.
    batch("plan", "github:acme", "--again", "--context", "hub")
    batch("close")
    assert set(batch.states().values()) == {"closed"}


def test_a_commit_that_arrives_while_a_branch_is_brought_up_to_date_is_kept(
    delivered: GitHubStandIn, batch: Batch
) -> None:
    batch("plan", "github:acme", "--again", "--context", "hub", code=1)
    api = delivered.repositories["acme/api"]
    foreign_tips: list[str] = []

    def watch(request: Request) -> Canned | None:
        if request.operation == "UpdateRef" and request.moment == "before" and not foreign_tips:
            foreign_tips.append(commit_bare(api.folder, {"x": b"a commit of theirs"}, BRANCH))
        return None

    delivered.watch = watch
    batch("apply", "api", *QUICK, code=1)
    assert [api.tip(BRANCH)] == foreign_tips
    result = batch.results()["api"]
    assert (result["state"], result["files"], result["diff"]) == ("pull-request-open", [], "")
    assert result["group"] == ""


def test_a_pull_request_that_was_merged_before_it_was_brought_up_to_date(
    delivered: GitHubStandIn, batch: Batch
) -> None:
    batch("plan", "github:acme", "--again", "--context", "hub", code=1)
    for repository in delivered.repositories.values():
        repository.pulls[0].state = "MERGED"
        git(repository.folder, "update-ref", "refs/heads/main", f"refs/heads/{BRANCH}")
    batch("status", "--refresh")
    assert {record["state"] for record in batch.results().values()} == {"pull-request-merged"}
    assert not any(record["diff"] or record["group"] for record in batch.results().values())
    assert "no planned change" in batch("diff", "--stat").output
    batch("revert")
    assert set(batch.states().values()) == {"reverted"}


@pytest.mark.parametrize("at", [2, 3])
def test_killed_while_bringing_up_to_date_the_next_run_ends_alike(
    at: int, delivered: GitHubStandIn, batch: Batch
) -> None:
    batch("plan", "github:acme", "--again", "--context", "hub", code=1)
    kill_at(delivered, batch, "apply", "api", *QUICK, nth=at + 1)
    batch("apply", *QUICK)
    api = delivered.repositories["acme/api"]
    assert [pull.state for pull in api.pulls] == ["OPEN"]
    assert b"- hub\n" in content(api.folder, BRANCH)
    assert git(api.folder, "rev-list", "--count", f"main..{BRANCH}") == "1"


def test_other_filters_and_sources_are_said_and_applied(
    delivered: GitHubStandIn, batch: Batch
) -> None:
    for name in ("docs", "site"):
        delivered.add(f"acme/{name}", {CONFIG: PLAIN})
    delivered.add("other/lib", {CONFIG: PLAIN})
    output = batch("plan", "github:acme", "--exclude", "site", "--exclude", "api", code=1).output
    assert "The filters are not those of the last plan" in output
    # What has a pull request stays in the campaign.
    opened = dict.fromkeys(("api", "web", "cli"), "pull-request-open")
    assert batch.states() == {**opened, "docs": "planned", "site": "excluded"}
    output = batch("plan", "github:other", "--exclude", "docs", code=1).output
    assert "The filters are not those of the last plan" in output
    output = batch("plan", "github:acme", "github:other", "--exclude", "docs", code=1).output
    assert "filters" not in output
    expected = {**opened, "docs": "excluded", "site": "planned", "lib": "planned"}
    assert batch.states() == expected
    output = batch("plan", "github:other", "--exclude", "docs", code=1).output
    assert "The campaign keeps the repositories of github:127.0.0.1" in output
    assert batch.states() == expected


def test_a_repository_that_cannot_be_read_keeps_its_pull_request(
    delivered: GitHubStandIn, batch: Batch
) -> None:
    def watch(request: Request) -> Canned | None:
        if request.operation == "Owner" and request.moment == "after":
            nodes = request.body["data"]["repositoryOwner"]["repositories"]["nodes"]
            nodes[0]["isFork"] = "perhaps"
            return Canned(200, request.body)
        return None

    delivered.watch = watch
    batch("plan", "github:acme", "--again", "--context", "hub", code=3)
    assert batch.states()["api"] == "failed"
    delivered.watch = truly
    batch("close", "api", code=1)
    assert batch.states()["api"] == "closed"
    assert delivered.repositories["acme/api"].pulls[0].state == "CLOSED"


def test_a_host_that_is_down_is_a_failure(delivered: GitHubStandIn, batch: Batch) -> None:
    delivered.watch = lambda _: Canned(401, {"message": "Bad credentials"})
    for command in ("close", "revert"):
        assert "the token is not valid" in batch(command, code=3).output
    delivered.watch = truly
    batch("close")
    assert set(batch.states().values()) == {"closed"}
