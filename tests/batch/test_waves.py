"""The canary that is chosen, the waves after it, and the most that may be open."""

from __future__ import annotations

import time

import pytest

from cci_migrate.campaign.canary_choice import Candidate, choose
from cci_migrate.forges.repository import Kind, RepositoryRef
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import BRANCH, CONFIG, PLAIN, QUICK, Batch
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn
from tests.batch.watching import Request

WAVES = (*QUICK, "--canary", 1, "--wave", 2)


@pytest.fixture
def planned(github: GitHubStandIn, batch: Batch) -> GitHubStandIn:
    """Seven planned repositories, whose CI passes."""
    for name in "abcdefg":
        github.add(f"acme/{name}", {CONFIG: PLAIN}, otherwise="SUCCESS")
    batch("plan", "github:acme", code=1)
    return github


def opened(github: GitHubStandIn) -> str:
    """The names of the repositories with a pull request."""
    return "".join(
        name.removeprefix("acme/")
        for name, repository in github.repositories.items()
        if repository.pulls
    )


def set_ci(github: GitHubStandIn, name: str, state: str) -> None:
    """Have the CI of a repository's pull request end so."""
    repository = github.repositories[f"acme/{name}"]
    repository.statuses[str(repository.tip(BRANCH))] = state


@pytest.mark.usefixtures("planned")
def test_waves_follow_the_canary_and_each_other(batch: Batch) -> None:
    output = batch("apply", *WAVES).output
    assert "no CI failed in wave 2 (2 pull requests); wave 3 begins" in output
    results = batch.results()
    assert [results[name]["wave"] for name in "abcdefg"] == [0, 1, 1, 2, 2, 3, 3]
    assert results["a"]["is_canary"]
    assert "the CI of the first pull request passed" in output


def test_a_wave_whose_ci_turns_red_is_the_last(planned: GitHubStandIn, batch: Batch) -> None:
    batch("apply", *WAVES, "--max-prs", 3, code=1)
    set_ci(planned, "c", "FAILURE")
    problem = "stopped with 4 left: CI failed on https://github.example/acme/c/pull/1, and not on"
    for _ in range(2):  # what the ledger records holds in a later run
        assert problem in batch("apply", *WAVES, code=1).output
    assert opened(planned) == "abc"
    planned.repositories["acme/c"].otherwise = "FAILURE"  # as red as its base
    batch("apply", *WAVES)
    assert opened(planned) == "abcdefg"


def test_a_wave_is_waited_for_and_continued_by_a_later_run(
    planned: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    batch("apply", *WAVES, "--max-prs", 2, code=1)  # half a wave
    for repository in planned.repositories.values():
        repository.otherwise = "PENDING"
    set_ci(planned, "b", "SUCCESS")
    set_ci(planned, "a", "SUCCESS")
    output = batch("apply", *WAVES, "--canary-wait", 2, code=1).output
    assert "4 left: CI has not finished on https://github.example/acme/c/pull/1; run" in output
    assert clock.slept[-2:] == pytest.approx([60, 60], abs=5)
    assert opened(planned) == "abc"

    def watch(_request: Request) -> None:
        if sum(clock.slept) > 500:
            for name in opened(planned):
                set_ci(planned, name, "SUCCESS")

    planned.watch = watch
    batch("apply", *WAVES)
    assert opened(planned) == "abcdefg"


def test_the_end_of_the_run_ends_the_wait(
    planned: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    for repository in planned.repositories.values():
        repository.otherwise = "PENDING"
    until = time.strftime("%H:%M", time.localtime(time.time() + 180))
    output = batch("apply", *QUICK, "--canary", 1, "--until", until, code=1).output
    assert "CI has not finished on" in output
    assert 100 < sum(clock.slept) <= 180
    assert len(opened(planned)) == 1


def test_repositories_without_ci_do_not_keep_a_wave_waiting(
    planned: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    for repository in planned.repositories.values():
        repository.otherwise = None
    batch("apply", *QUICK, "--canary", 0, "--wave", 4)
    assert sum(clock.slept) == pytest.approx(300, abs=60)
    assert opened(planned) == "abcdefg"


def test_a_closed_pull_request_is_no_red_one(planned: GitHubStandIn, batch: Batch) -> None:
    batch("apply", *WAVES, "--max-prs", 3, code=1)
    planned.repositories["acme/b"].pulls[0].state = "CLOSED"
    planned.repositories["acme/c"].pulls[0].state = "MERGED"
    batch("apply", *WAVES)
    assert opened(planned) == "abcdefg"


def test_no_more_are_opened_than_may_be_open(planned: GitHubStandIn, batch: Batch) -> None:
    most = (*QUICK, "--canary", 0, "--max-open", 3)
    problem = "stopped with 4 left: 3 pull requests are open (--max-open). Merge or close some"
    for _ in range(2):
        assert problem in batch("apply", *most, code=1).output
        assert opened(planned) == "abc"
    for name, state in (("a", "MERGED"), ("b", "CLOSED")):
        planned.repositories[f"acme/{name}"].pulls[0].state = state
    assert "stopped with 2 left: 3" in batch("apply", *most, code=1).output
    assert opened(planned) == "abcde"


def test_what_is_to_be_updated_is_open_too(planned: GitHubStandIn, batch: Batch) -> None:
    most = (*QUICK, "--canary", 0, "--max-open", 2)
    batch("apply", "acme/f", "acme/g", *most, code=1)
    batch("plan", "github:acme", "--again", "--context", "hub", code=1)
    output = batch("apply", *most, code=1).output
    assert "stopped with 5 left: 2 pull requests are open (--max-open)" in output
    assert opened(planned) == "fg"
    assert batch.states()["g"] == "pull-request-open"


def test_the_canary_that_is_named_comes_first(planned: GitHubStandIn, batch: Batch) -> None:
    named = ("--canary-repo", "acme/f", "--canary-repo", "ACME/C")
    batch("apply", *QUICK, "--canary", 1, *named, "--max-prs", 2, code=1)
    assert opened(planned) == "cf"
    assert [name for name, result in batch.results().items() if result["is_canary"]] == ["c", "f"]
    batch("apply", *QUICK, "--canary", 1, *named)
    result = batch("apply", *QUICK, "--canary-repo", "acme/x", code=2)
    assert "error: --canary-repo acme/x: the campaign has no repository of that name" in (
        result.stderr
    )
    batch("apply", "--canary", 0, *named, code=2)


def test_the_canary_is_active_and_has_ci(planned: GitHubStandIn, batch: Batch) -> None:
    times = {"b": "2026-01-05T10:00:00Z", "d": "2026-03-01T00:00:00Z", "f": "2026-02-01T00:00:00Z"}
    for name, at in times.items():
        planned.repositories[f"acme/{name}"].pushed_at = at
    planned.repositories["acme/d"].otherwise = "FAILURE"
    other = Batch(batch.folder / "other")
    other("plan", "github:acme", code=1)
    other("apply", *QUICK, "--canary", 2, "--max-prs", 2, code=1)
    assert opened(planned) == "bf"


@pytest.mark.parametrize("forge", [GitLabStandIn, BitbucketStandIn], indirect=True)
def test_other_hosts_show_activity_and_ci(forge: RestStandIn, batch: Batch) -> None:
    is_gitlab = isinstance(forge, GitLabStandIn)
    field, passed = ("last_activity_at", "success") if is_gitlab else ("updated_on", "SUCCESSFUL")
    for month, name in enumerate("abcd", 1):
        repository = forge.add(
            f"acme/{name}", {CONFIG: PLAIN}, **{field: f"2026-0{month}-01T00:00:00.123456+00:00"}
        )
        if name in "bc":
            repository.statuses[str(repository.tip("main"))] = passed
    batch("plan", forge.source, code=1)
    batch("apply", *QUICK, "--canary", 1, "--max-prs", 1, code=1)
    assert [name for name, result in batch.results().items() if result["is_canary"]] == ["c"]


def candidates(text: str) -> list[Candidate]:
    """Candidates from words: the kind of change, a name, and when it was active."""
    return [
        Candidate(RepositoryRef(Kind.GITHUB, "h", word[1:-1], ""), word[0], float(word[-1]))
        for word in text.split()
    ]


@pytest.mark.parametrize(
    ("text", "with_ci", "size", "chosen"),
    [
        ("xa1 xb2 xc3", "abc", 2, "cb"),
        ("xa1 xb2 xc3 yd1 ye1 zf9", "abcdef", 3, "cdf"),  # of each kind, the largest first
        ("xa1 xb2 xc3 yd1 ye1 zf9", "abcdef", 4, "cdfb"),
        ("xa1 xb2 xc3 yd1", "ad", 2, "ad"),
        ("xa1 xb2 xc3 yd1", "d", 2, "dc"),  # the rest by activity
        ("xa0 xb0 xc0", "", 2, "ab"),
        ("xa0", "a", 3, "a"),
    ],
)
def test_the_choice(text: str, with_ci: str, size: int, chosen: str) -> None:
    canary = choose(candidates(text), size, lambda ref: ref.name in with_ci)
    assert "".join(ref.name for ref in canary) == chosen


def test_the_choice_asks_a_bounded_number_of_times() -> None:
    queried: list[str] = []

    def has_ci(ref: RepositoryRef) -> bool:
        queried.append(ref.name)
        return False

    many = [
        Candidate(RepositoryRef(Kind.GITHUB, "h", f"r{at}", ""), f"g{at % 7}", 0.0)
        for at in range(1_000)
    ]
    assert [ref.name for ref in choose(many, 3, has_ci)] == ["r0", "r1", "r2"]
    assert len(queried) == len(set(queried)) == 30
