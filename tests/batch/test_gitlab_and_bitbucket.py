"""A campaign on GitLab and on Bitbucket: one API or the other, and git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.repositories import (
    CONFIG,
    FIXED,
    PLAIN,
    Batch,
    branches,
    commit_bare,
    content,
    git,
)
from tests.batch.rest_stand_ins import TOKEN, BitbucketStandIn, GitLabStandIn, RestStandIn

BRANCH = "cci-migrate/registry-auth"
pytestmark = pytest.mark.usefixtures("clock")
QUICK = ("--seconds-between", 0)


@pytest.fixture(params=[GitLabStandIn, BitbucketStandIn], ids=["gitlab", "bitbucket"])
def host(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RestStandIn]:
    """A host without repositories."""
    kind: type[RestStandIn] = request.param
    root = tmp_path / "served"
    root.mkdir()
    with kind.serving(root) as server:
        monkeypatch.setenv("CI_API_V4_URL", server.api)
        monkeypatch.setenv("BITBUCKET_API_URL", server.api)
        monkeypatch.setenv(kind.variable, TOKEN)
        yield server


def owner(host: RestStandIn) -> str:
    """The source that stands for everything on the host."""
    return f"{'gitlab' if isinstance(host, GitLabStandIn) else 'bitbucket'}:acme"


def pull(host: RestStandIn, name: str, state: str) -> None:
    """A pull request of ours that somebody dealt with."""
    repository = host.repositories[name]
    if isinstance(host, GitLabStandIn):
        host.merge_request(repository, {"source_branch": BRANCH, "state": state})
    elif isinstance(host, BitbucketStandIn):
        given = {"source": {"branch": {"name": BRANCH}}}
        host.merge_request(repository, given)["state"] = {
            "opened": "OPEN",
            "closed": "DECLINED",
            "merged": "MERGED",
        }[state]


def test_an_owner_from_plan_to_pull_requests(host: RestStandIn, batch: Batch) -> None:
    for name in ("api", "web", "open", "closed"):
        host.add(f"acme/{name}", {CONFIG: PLAIN})
    host.add("acme/docs", {"README": b"x"})
    host.add("acme/empty", None)
    pull(host, "acme/open", "opened")
    pull(host, "acme/closed", "closed")
    batch("plan", owner(host), code=1)
    expected = {
        "api": "planned",
        "web": "planned",
        "open": "pull-request-open",
        "closed": "closed-by-human",
        "docs": "no-config",
        "empty": "empty",
    }
    assert batch.states() == expected
    assert {call.split()[0] for call in host.calls} == {"GET"}

    batch("apply", *QUICK)
    assert batch.states() == {**expected, "api": "pull-request-open", "web": "pull-request-open"}
    for name in ("api", "web"):
        repository = host.repositories[f"acme/{name}"]
        assert content(repository.folder, BRANCH) == FIXED
        assert git(repository.folder, "rev-list", "--count", f"main..{BRANCH}") == "1"
        assert len(repository.pulls) == 1
    assert len(host.repositories["acme/closed"].pulls) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_lost_answer_to_a_write_is_looked_into(
    at: int, moment: str, host: RestStandIn, batch: Batch
) -> None:
    repository = host.add("acme/api", {CONFIG: PLAIN})
    batch("plan", owner(host), code=1)
    seen: list[str] = []

    def lose(call: str, now: str) -> None:
        if call.startswith("POST") and now == moment:
            seen.append(call)
            if len(seen) == at + 1:
                raise ConnectionError

    host.watch_call = lose
    batch("apply", *QUICK)
    assert len(seen) >= 2
    assert batch.states() == {"api": "pull-request-open"}
    assert len(repository.pulls) == 1
    assert git(repository.folder, "rev-list", "--count", f"main..{BRANCH}") == "1"


def test_an_own_branch_without_pull_request_is_brought_up_to_date(
    host: RestStandIn, batch: Batch
) -> None:
    repository = host.add("acme/api", {CONFIG: PLAIN})
    batch("plan", owner(host), code=1)
    batch("apply", *QUICK)
    repository.pulls.clear()
    other = Batch(batch.folder.parent / "other")
    other("plan", owner(host), "--context", "hub", code=1)
    other("apply", *QUICK)
    assert b"- hub\n" in content(repository.folder, BRANCH)
    assert len(repository.pulls) == 1


def test_a_file_with_an_odd_mode_keeps_it(host: RestStandIn, batch: Batch) -> None:
    repository = host.add("acme/api", {"README": b"x"})
    commit_bare(repository.folder, {CONFIG: PLAIN}, mode="100755")
    batch("plan", owner(host), code=1)
    batch("apply", *QUICK)
    assert git(repository.folder, "ls-tree", BRANCH, "--", CONFIG).startswith("100755 ")
    assert len(repository.pulls) == 1


def test_close_takes_pull_request_and_branch_away(host: RestStandIn, batch: Batch) -> None:
    repository = host.add("acme/api", {CONFIG: PLAIN})
    batch("plan", owner(host), code=1)
    batch("apply", *QUICK)
    batch("close")
    assert batch.states() == {"api": "closed"}
    assert branches(repository.folder) == ["main"]
    assert repository.pulls[0]["state"] in ("closed", "DECLINED")


@pytest.mark.parametrize(
    ("gitlab", "bitbucket", "said"),
    [
        ("failed", "FAILED", "CI failed on"),
        ("running", "INPROGRESS", "CI has not ended on"),
        (None, None, "CI has not begun on"),
    ],
)
def test_the_rest_waits_for_the_canary(
    gitlab: str | None, bitbucket: str | None, said: str, host: RestStandIn, batch: Batch
) -> None:
    for name in ("api", "web"):
        host.add(f"acme/{name}", {CONFIG: PLAIN})
    batch("plan", owner(host), code=1)
    batch("apply", *QUICK, "--canary", 1, "--max-prs", 1, code=1)
    api = host.repositories["acme/api"]
    tip = api.tip(BRANCH)
    status = gitlab if isinstance(host, GitLabStandIn) else bitbucket
    if status and tip:
        api.statuses[tip] = status
    output = batch("apply", *QUICK, "--canary", 1, "--canary-wait", 0, code=1).output
    assert said in output
    assert host.repositories["acme/web"].pulls == []


def test_the_token_is_in_nothing_that_is_written(host: RestStandIn, batch: Batch) -> None:
    host.add("acme/api", {CONFIG: PLAIN})
    output = batch("plan", owner(host), "-v", code=1).output
    for path in batch.folder.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()
    assert TOKEN not in output
