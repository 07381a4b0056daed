"""What open pull requests wait for, on each kind of host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from cci_migrate.cli.batch_sessions import print_lines
from cci_migrate.forges.github import queries
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn, published_schema
from tests.batch.hosts import delivered, opened
from tests.batch.repositories import AT_ONCE, BRANCH, CONFIG, PLAIN, Batch
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn
from tests.batch.watching import Canned, Request, truly


def reviews(batch: Batch) -> dict[str, dict[str, Any]]:
    """What `status --json` says of the open pull requests, by the repository's name."""
    lines = batch("status", "--json").stdout.splitlines()
    return {line["name"].rpartition("/")[2]: line["review"] for line in map(json.loads, lines)}


def test_the_queries_for_reviews_fit_the_published_schema() -> None:
    schema = published_schema()
    for name in ("reviewRequests", "latestOpinionatedReviews"):
        assert validate(schema, parse(queries.further(name))) == []


def test_status_shows_whom_each_pull_request_waits_for(github: GitHubStandIn, batch: Batch) -> None:
    names = (*"abcdefghijk", "merged")
    delivered(github, batch, *names)
    pulls = {name: github.repositories[f"acme/{name}"].pulls[0] for name in names}
    for repository in github.repositories.values():
        repository.otherwise = "SUCCESS"
    pulls["a"].decision, pulls["a"].requested = "REVIEW_REQUIRED", ["acme/ops"]
    pulls["a"].reviewers = [f"r{at}" for at in range(5)]
    pulls["b"].decision = "APPROVED"
    pulls["b"].approve()
    for name in names[2:]:
        pulls[name].approve()
    github.repositories["acme/c"].otherwise = "FAILURE"
    pulls["d"].mergeable = "CONFLICTING"
    pulls["e"].opinions["bob"] = "CHANGES_REQUESTED"
    github.repositories["acme/f"].otherwise = "PENDING"
    pulls["g"].auto_merge = "MERGE"
    pulls["h"].status = "BEHIND"
    pulls["i"].draft = True
    pulls["j"].status = "BLOCKED"
    pulls["k"].status = "UNKNOWN"
    pulls["merged"].state = "MERGED"
    pulls["d"].updated_at = "2026-01-01T10:00:00Z"
    output = batch("status", "--refresh").stdout
    # One request for all, one for the second page of the reviewers of one, and one more for what
    # GitHub had not looked at yet.
    assert github.operations == ["Reviews", "Further", "Reviews"]
    assert (
        "\n\n11 open: 1 wait for review, 1 approved and green, 1 CI failed, 1 with conflicts, "
        "1 with changes requested, 1 wait for CI, 1 merge automatically, 1 behind their base, "
        "1 drafts, 1 blocked by a rule, 1 not checked by the host yet"
    ) in output
    lines = output.splitlines()
    rows = [line for line in lines if "https://github.example/" in line]
    assert len(rows) == 11
    assert "acme/d/pull/1" in rows[0]
    waits = {name: text["text"] for name, text in reviews(batch).items() if text}
    assert waits == {
        "a": "review by code owner acme/ops, r0, r1, r2, r3, r4",
        "b": "the merge button: approved and green",
        "c": "author campaigner: CI failed",
        "d": "author campaigner: conflicts with its base",
        "e": "author campaigner: changes requested",
        "f": "CI, which is running",
        "g": "the host, which merges it",
        "h": "author campaigner: behind its base",
        "i": "author campaigner: a draft",
        "j": "a rule of the host",
        "k": "the host, which checks whether it can be merged",
    }
    assert batch.states()["merged"] == "pull-request-merged"
    assert reviews(batch)["a"]["since"] == "2026-11-01T10:00:00Z"
    assert reviews(batch)["c"]["since"] == "2026-11-02T10:00:00Z"


def test_the_report_shows_what_pull_requests_wait_for(
    github: GitHubStandIn, batch: Batch, tmp_path: Path
) -> None:
    delivered(github, batch, "api", "web")
    page = tmp_path / "page.html"
    batch("report", "--html", page)
    assert "waits for" not in page.read_text()
    github.repositories["acme/api"].pulls[0].reviewers = ["<b>ada"]
    batch("status", "--refresh")
    batch("report", "--html", page)
    text = page.read_text()
    assert "<p>Pull requests: 2 open: 2 wait for review.</p>" in text
    assert "waits for review by &lt;b&gt;ada, since 2026-11-01</div>" in text


def test_a_wait_begins_when_it_is_first_seen(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    delivered(github, batch, "api")
    repository = github.repositories["acme/api"]
    batch("status", "--refresh")
    clock.sleep(3600)
    repository.pulls[0].approve()
    batch("status", "--refresh")
    first = reviews(batch)["api"]
    assert first["text"] == "CI, which has not started"
    clock.sleep(7200)
    output = batch("status", "--refresh").stdout
    assert reviews(batch)["api"]["since"] == first["since"]
    assert "2 h  https://github.example/acme/api/pull/1" in output


def test_what_the_host_looks_at_when_asked_is_asked_for_again(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    delivered(github, batch, "api", "web")
    for repository in github.repositories.values():
        repository.otherwise = "SUCCESS"
        repository.pulls[0].approve()
    web = github.repositories["acme/web"].pulls[0]
    web.status = "UNKNOWN"

    def watch(request: Request) -> Canned | None:
        if (request.operation, request.moment) == ("Reviews", "after"):
            web.status = "CLEAN"
        return None

    github.watch = watch
    before = len(clock.slept)
    batch("status", "--refresh")
    assert clock.slept[before:] == [5]
    assert {review["waits_for"] for review in reviews(batch).values()} == {"merge"}


def test_a_token_that_may_not_read_teams_still_shows_the_rest(
    github: GitHubStandIn, batch: Batch
) -> None:
    delivered(github, batch, "api")
    pull = github.repositories["acme/api"].pulls[0]
    pull.decision, pull.requested, pull.reviewers = "REVIEW_REQUIRED", ["acme/ops"], ["ada"]
    github.reads_teams = False
    batch("status", "--refresh")
    assert reviews(batch)["api"]["text"] == "review by code owner a team, ada"


def test_a_summary_is_wrapped_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"        1 x {'acme/api: what its host says of it ' * 3}"
    print_lines([line])
    assert capsys.readouterr().out == f"{line}\n"
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_lines([line])
    first, *others = capsys.readouterr().out.splitlines()
    assert len(first) <= 60
    assert {len(other) - len(other.lstrip()) for other in others} == {12}


def test_a_link_is_not_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    link = "https://git.example.com/acme/the-api-of-the-shop/-/merge_requests/7"
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_lines([f"    12 d  {link}  review by ada"])
    assert link in capsys.readouterr().out


def test_a_host_may_name_times_that_mean_none(github: GitHubStandIn, batch: Batch) -> None:
    never = "0001-01-01T00:00:00Z"
    github.add("acme/api", {CONFIG: PLAIN}, pushed_at=never)
    batch("plan", "github:acme", code=1)
    batch("apply", *AT_ONCE)
    pull = github.repositories["acme/api"].pulls[0]
    pull.created_at = pull.updated_at = never
    batch("status", "--refresh")
    assert "review; nobody is asked" in batch("status").output


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("commits", ["commits", "nodes", 0, "commit", "statusCheckRollup"]),
        ("latestOpinionatedReviews", ["latestOpinionatedReviews"]),
        ("reviewRequests", None),
    ],
)
def test_without_its_ci_or_its_reviews_a_pull_request_is_not_ready(
    field: str, path: list[str | int] | None, github: GitHubStandIn, batch: Batch
) -> None:
    delivered(github, batch, "api")
    github.repositories["acme/api"].otherwise = "SUCCESS"
    github.repositories["acme/api"].pulls[0].approve()

    def watch(request: Request) -> Canned | None:
        if (request.operation, request.moment) != ("Reviews", "after"):
            return None
        request.body["data"]["nodes"][0][field] = {"nodes": []} if field == "commits" else None
        if path is not None:
            message = "Resource not accessible by personal access token"
            error = {"type": "FORBIDDEN", "message": message, "path": ["nodes", 0, *path]}
            request.body["errors"] = [error]
        return Canned(200, request.body)

    github.watch = watch
    output = batch("merge-when-green", "--unreviewed", code=3).output
    reason = "Resource not accessible" if path is not None else "GitHub does not show its review"
    assert f"acme/api: {reason}" in output
    assert github.writes() == []


@pytest.mark.parametrize("kind", ["null", "error", "html", "cut"])
def test_what_cannot_be_read_is_said_and_the_others_go_on(
    kind: str, github: GitHubStandIn, batch: Batch
) -> None:
    delivered(github, batch, "api", "web")
    faults = []

    def watch(request: Request) -> Canned | None:
        if request.operation != "Reviews" or request.moment != "after":
            return None
        if kind == "html":
            return Canned(200, b"<html>", {"Content-Type": "text/html"})
        if kind == "cut":
            faults.append(kind)
            return Canned(200, request.body, is_cut=True) if len(faults) == 1 else None
        request.body["data"]["nodes"][0] = None
        if kind == "error":
            problem = {"type": "NOT_FOUND", "message": "gone", "path": ["nodes", 0]}
            request.body["errors"] = [problem]
        return Canned(200, request.body)

    github.watch = watch
    output = batch("status", "--refresh", code=0 if kind == "cut" else 3).output
    reviewed = {name for name, review in reviews(batch).items() if review}
    if kind == "html":
        assert "answers with a web page" in output
        assert not reviewed
    elif kind == "cut":
        assert reviewed == {"api", "web"}
    else:
        assert f"acme/api: {'gone' if kind == 'error' else 'not found'}" in output
        assert reviewed == {"web"}
    github.watch = truly


def test_other_hosts_say_whom_a_pull_request_waits_for(host: RestStandIn, batch: Batch) -> None:
    repositories = opened(host, batch, *"abcdefg")
    repositories["a"].review.reviewers = ["ada", "bob"]
    for name in "bcdefg":
        repositories[name].review.approve()
    repositories["c"].otherwise = host.verdicts.failed
    repositories["d"].otherwise = host.verdicts.running
    repositories["e"].review.is_draft = True
    repositories["f"].review.refused_by = ["bob"]
    repositories["f"].review.status = "requested_changes"
    repositories["g"].merge(BRANCH)
    batch("status", "--refresh")
    name = "Campaigner" if isinstance(host, BitbucketStandIn) else "campaigner"
    author = f"author {name}"
    assert {name: review["text"] for name, review in reviews(batch).items() if review} == {
        "a": "review by ada, bob",
        "b": "the merge button: approved and green",
        "c": f"{author}: CI failed",
        "d": "CI, which is running",
        "e": f"{author}: a draft",
        "f": f"{author}: changes requested",
    }
    assert batch.states()["g"] == "pull-request-merged"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("conflict", "author campaigner: conflicts with its base"),
        ("need_rebase", "author campaigner: behind its base"),
        ("discussions_not_resolved", "a rule of the host: discussions not resolved"),
        ("checking", "the host, which checks whether it can be merged"),
        ("code_owners_approval", "review by code owner ada"),
        ("a_word_of_a_later_version", "a rule of the host: a word of a later version"),
    ],
)
@pytest.mark.parametrize("host", [GitLabStandIn], ids=["gitlab"], indirect=True)
def test_what_gitlab_says_of_a_merge(
    status: str, text: str, host: RestStandIn, batch: Batch
) -> None:
    review = opened(host, batch, "api")["api"].review
    review.reviewers = ["ada"]
    review.approve("bob")
    review.status = status
    batch("status", "--refresh")
    assert reviews(batch)["api"]["text"] == text
