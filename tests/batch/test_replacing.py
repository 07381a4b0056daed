"""Outdated pull requests that people commented on: closed, and opened again on request."""

from __future__ import annotations

import pytest

from tests.batch.github_stand_in import GitHubStandIn, Pull
from tests.batch.hosts import StandIn
from tests.batch.repositories import AT_ONCE, BRANCH, Batch, branches, content, git
from tests.batch.rest_stand_ins import GitLabStandIn
from tests.batch.test_commenting import say
from tests.batch.victims import kill_at
from tests.batch.watching import Canned, Request, truly

REPLACE = (*AT_ONCE, "--replace-discussed")


def body(host: StandIn, name: str) -> str:
    """The text of a repository's newest pull request."""
    pull = host.repositories[f"acme/{name}"].pulls[-1]
    if isinstance(pull, Pull):
        return pull.body
    return str(pull.get("description") or pull.get("body"))


def is_up_to_date(host: StandIn, name: str) -> bool:
    """Whether the branch has the newest change in one commit."""
    folder = host.repositories[f"acme/{name}"].folder
    return (
        branches(folder) == [BRANCH, "main"]
        and b"- hub\n" in content(folder, BRANCH)
        and git(folder, "rev-list", "--count", f"main..{BRANCH}") == "1"
    )


@pytest.fixture
def outdated(forge: StandIn, batch: Batch) -> StandIn:
    """Two outdated pull requests; people commented on that of ``api``, and this program on both."""
    forge.planned(batch, "api", "web")
    batch("apply", *AT_ONCE)
    batch("comment", "-m", "Please review", *AT_ONCE[:2])
    say(forge, "api", "Why?")
    batch("plan", forge.source, "--again", "--context", "hub", code=1)
    return forge


def test_what_people_commented_on_is_opened_again(outdated: StandIn, batch: Batch) -> None:
    batch("apply", *REPLACE)
    assert outdated.repositories["acme/api"].pull_states == ["closed", "open"]
    assert outdated.repositories["acme/web"].pull_states == ["open"]
    for name in ("api", "web"):
        assert is_up_to_date(outdated, name)
    assert "\n\nReplaces http" in body(outdated, "api")
    assert set(batch.states().values()) == {"pull-request-open"}


@pytest.mark.parametrize("forge", [GitHubStandIn], indirect=True)
def test_what_was_opened_again_stays_so(outdated: StandIn, batch: Batch) -> None:
    batch("apply", *REPLACE)
    before = outdated.writes()
    batch("apply", *REPLACE)
    batch("status", "--refresh")
    batch("plan", outdated.source, "--again", "--context", "hub")
    assert set(batch.states().values()) == {"pull-request-open"}
    assert outdated.writes() == before
    # What somebody closes then stays closed.
    pull = outdated.repositories["acme/api"].pulls[-1]
    assert isinstance(pull, Pull)
    pull.state = "CLOSED"
    batch("plan", outdated.source, "--again", "--context", "hub")
    assert batch.states()["api"] == "closed-by-human"


@pytest.mark.parametrize("forge", [GitHubStandIn], indirect=True)
def test_without_the_option_it_is_brought_up_to_date(outdated: StandIn, batch: Batch) -> None:
    batch("apply", *AT_ONCE)
    assert [outdated.repositories[f"acme/{name}"].pull_states for name in ("api", "web")] == [
        ["open"],
        ["open"],
    ]
    assert is_up_to_date(outdated, "api")


@pytest.mark.parametrize(
    ("forge", "at"),
    [(GitHubStandIn, 0), (GitHubStandIn, 1), (GitHubStandIn, 3), (GitLabStandIn, 1)],
    indirect=["forge"],
)
def test_killed_at_a_write_the_next_run_ends_alike(
    at: int, outdated: StandIn, batch: Batch
) -> None:
    """A look at what waits for whom, and another plan, change nothing in between."""
    kill_at(outdated, batch, "apply", "api", *REPLACE, nth=at + 1)
    batch("status", "--refresh", code=None)
    batch("plan", outdated.source, "--again", "--context", "hub", code=1)
    batch("apply", "api", *REPLACE, code=1)
    assert outdated.repositories["acme/api"].pull_states == ["closed", "open"]
    assert is_up_to_date(outdated, "api")
    assert batch.states()["api"] == "pull-request-open"


@pytest.mark.parametrize("forge", [GitHubStandIn], indirect=True)
def test_a_refusal_after_the_closing_is_made_good_by_the_next_run(
    outdated: StandIn, batch: Batch
) -> None:
    def watch(request: Request) -> Canned | None:
        if (request.operation, request.moment) == (outdated.opening, "before"):
            return Canned(403, {"message": "Not now", "type": "error", "error": {"message": "x"}})
        return None

    outdated.watch = watch
    batch("apply", "api", *REPLACE, code=1)
    assert batch.states()["api"] == "no-permission"
    outdated.watch = truly
    batch("plan", outdated.source, "--context", "hub", code=1)
    batch("apply", "api", *REPLACE, code=1)
    assert outdated.repositories["acme/api"].pull_states == ["closed", "open"]
    assert is_up_to_date(outdated, "api")


def test_reviews_of_people_count_and_bots_do_not(github: GitHubStandIn, batch: Batch) -> None:
    kinds = {"bot": ["Bot"], "user": ["Bot", "User"]}
    github.planned(batch, *kinds)
    batch("apply", *AT_ONCE)
    for name, of_reviews in kinds.items():
        github.repositories[f"acme/{name}"].pulls[0].reviewer_kinds = of_reviews
    batch("plan", "github:acme", "--again", "--context", "hub", code=1)
    batch("apply", *REPLACE)
    assert github.repositories["acme/" + "bot"].pull_states == ["open"]
    assert github.repositories["acme/" + "user"].pull_states == ["closed", "open"]
