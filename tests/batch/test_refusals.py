"""Writes that the host refuses: one repository's, and those of every repository."""

from __future__ import annotations

from typing import Any

import pytest

from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.refusals import Attempt, RefusalStreak, RefusedWrite
from cci_migrate.campaign.states import State
from cci_migrate.forges.extras import ExtraKind, MissingExtra
from cci_migrate.forges.repository import Kind, RepositoryRef
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import CONFIG, PLAIN, QUICK, Batch, branches
from tests.batch.watching import Canned, Request, Watch, truly

LABELS = "/labels"
REVIEWERS = "/requested_reviewers"


def refused(kind: str, message: str) -> Canned:
    """GraphQL's answer to a mutation that GitHub refuses."""
    return Canned(200, {"data": {"done": None}, "errors": [{"type": kind, "message": message}]})


NO_RIGHT = refused("FORBIDDEN", "Resource not accessible by personal access token")
TITLE = refused("UNPROCESSABLE", "Title is too long (maximum is 256 characters)")
RULE = refused("UNPROCESSABLE", "Repository rule violations found\n\nInvalid branch name")
NOT_A_COLLABORATOR = Canned(422, {"message": "Reviews may only be requested from collaborators."})


def always(operation: str, canned: Canned) -> Watch:
    """Answer every ``operation`` (the end of its name is enough) in this way."""
    return lambda request: (
        canned if request.operation.endswith(operation) and request.moment == "before" else None
    )


@pytest.fixture
def planned(github: GitHubStandIn, batch: Batch) -> GitHubStandIn:
    """Six planned repositories."""
    for name in "abcdef":
        github.add(f"acme/{name}", {CONFIG: PLAIN})
    batch("plan", "github:acme", code=1)
    return github


@pytest.mark.parametrize(
    ("operation", "canned", "state", "advice"),
    [
        ("CreateRef", NO_RIGHT, "no-permission", "Give the token write access to the contents"),
        ("CreateCommit", RULE, "failed", "See what rule of the repositories refuses the branch"),
        ("CreateCommit", Canned(502, {}), "failed", "Wait until the host works again"),
        ("CreatePullRequest", NO_RIGHT, "no-permission", "Give the token the right to open pull"),
        ("CreatePullRequest", TITLE, "failed", "Change --title, --body or --draft"),
    ],
)
def test_what_every_repository_is_refused_stops_the_run(
    operation: str, canned: Canned, state: str, advice: str, planned: GitHubStandIn, batch: Batch
) -> None:
    planned.watch = always(operation, canned)
    code = 3 if state == "failed" else 1
    for canary in ((), ("--canary", 0)):
        output = batch("apply", *QUICK, *canary, code=code).output
        assert output.count("stopped after 3 failures of the same kind in a row") == 1
        assert f"). {advice}" in output
    # What failed came last in the second run.
    assert list(batch.states().values()) == [state] * 6
    assert not any(repository.pulls for repository in planned.repositories.values())
    if canned.status == 200:
        assert {len(branches(r.folder)) for r in planned.repositories.values()} == {1}
    planned.watch = truly
    batch("apply", *QUICK, "--canary", 0)
    assert set(batch.states().values()) == {"pull-request-open"}
    for repository in planned.repositories.values():
        assert [pull.state for pull in repository.pulls] == ["OPEN"]


def test_refusals_of_some_repositories_do_not_stop_the_others(
    planned: GitHubStandIn, batch: Batch
) -> None:
    """Each for a reason of its own, or with others between them."""
    reasons = {"a": ("CreateRef", NO_RIGHT), "b": ("CreatePullRequest", TITLE)}
    reasons |= dict.fromkeys("df", ("CreateCommit", RULE))
    current = ""

    def watch(request: Request) -> Canned | None:
        nonlocal current
        if request.operation == "CreateRef" and request.moment == "before":
            node = request.variables["input"]["repositoryId"]
            current = next(name for name in "abcdef" if planned.node(f"acme/{name}") == node)
        operation, canned = reasons.get(current, ("", None))
        return canned if (request.operation, request.moment) == (operation, "before") else None

    planned.watch = watch
    output = batch("apply", *QUICK, "--canary", 0, code=3).output
    assert "stopped" not in output
    assert batch.states() == {
        "a": "no-permission",
        "b": "failed",
        "c": "pull-request-open",
        "d": "failed",
        "e": "pull-request-open",
        "f": "failed",
    }
    causes = {name: result["cause"] for name, result in batch.results().items()}
    assert causes["b"] == "pull request refused: Title is too long (maximum is 256 characters)"
    assert branches(planned.repositories["acme/b"].folder) == ["main"]


def invalid(code: str, field: str, message: str = "") -> dict[str, Any]:
    """What GitHub answers with status 422."""
    error = {"resource": "PullRequest", "code": code, "field": field, "message": message}
    return {"message": "Validation Failed", "errors": [error]}


@pytest.mark.parametrize(
    ("answers", "stops"),
    [
        ([{"message": text} for text in ("No commits", "Base is invalid", "Not now")], False),
        (
            [
                {"message": f"acme/{name}: rule {number} of '{name} x' refuses {name}."}
                for number, name in enumerate("abc")
            ],
            True,
        ),
        ([invalid("invalid", "base", text) for text in ("One", "Two", "Three")], True),
        ([invalid("invalid", "base"), invalid("invalid", "a"), invalid("missing", "a")], False),
        # The code that means only that the message says it.
        ([invalid("custom", "base", text) for text in ("No commits", "Not now", "No")], False),
    ],
)
def test_only_refusals_for_one_reason_stop_the_run(
    answers: list[dict[str, Any]], stops: bool, planned: GitHubStandIn, batch: Batch
) -> None:
    refusals = iter(answers)

    def watch(request: Request) -> Canned | None:
        if (request.operation, request.moment) != ("CreatePullRequest", "before"):
            return None
        return Canned(422, answer) if (answer := next(refusals, None)) else None

    planned.watch = watch
    output = batch("apply", *QUICK, "--canary", 0, code=3).output
    assert ("stopped after 3 failures of the same kind in a row" in output) is stops
    assert (
        list(batch.states().values())
        == ["failed"] * 3 + ["planned" if stops else "pull-request-open"] * 3
    )


@pytest.mark.parametrize(
    ("reviewers", "stops"),
    [(["ghost", "ghost", "ghost"], True), (["ghost", "ghost", "ada"], False), (["ghost"], False)],
)
def test_only_the_same_missing_extra_stops_the_run(reviewers: list[str], stops: bool) -> None:
    streak = RefusalStreak()
    ref = RepositoryRef(Kind.GITHUB, "github.example", "acme/a", "https://github.example")
    entry = LedgerEntry(ref, State.PULL_REQUEST_INCOMPLETE)
    owner = MissingExtra(ExtraKind.CODE_OWNER, "ops", "unknown")
    reasons = []
    for number, name in enumerate(reviewers):
        missing = MissingExtra(ExtraKind.REVIEWER, name, f"refused as number {number}")
        reasons.append(streak.add(Attempt(entry, True, RefusedWrite.of_extras([missing, owner]))))
    assert bool(reasons[-1]) is stops
    assert not any(reasons[:-1])


def test_a_canary_that_opens_nothing_stops_the_run(planned: GitHubStandIn, batch: Batch) -> None:
    answers = iter([NO_RIGHT, TITLE, RULE])
    planned.watch = lambda request: (
        next(answers) if request.operation == "CreateRef" and request.moment == "before" else None
    )
    output = batch("apply", *QUICK, code=3).output
    assert "stopped with 3 left: none of the first 3 pull requests could be opened" in output
    assert list(batch.states().values()).count("planned") == 3


def test_labels_and_reviewers_are_added_one_by_one_until_all_are(
    planned: GitHubStandIn, batch: Batch
) -> None:
    def watch(request: Request) -> Canned | None:
        if request.moment == "before" and request.operation.endswith(REVIEWERS):
            return NOT_A_COLLABORATOR if "ghost" in request.variables["reviewers"] else None
        return None

    planned.watch = watch
    extras = ("--label", "ci", "--label", "docker", "--reviewer", "ghost", "--reviewer", "ada")
    batch("apply", "a", *QUICK, *extras, code=1)
    (pull,) = planned.repositories["acme/a"].pulls
    assert (pull.labels, pull.reviewers) == (["ci", "docker"], ["ada"])
    lacking = "reviewer ghost: Reviews may only be requested from collaborators."
    for command in (("status",), ("plan", "github:acme", "--again")):
        batch(*command, code=1)
        result = batch.results()["a"]
        assert (result["state"], result["cause"]) == ("pull-request-incomplete", lacking)
    before = len(planned.operations)
    output = batch("apply", "a", "--dry-run", *extras, code=1).output
    people = [f"GET /api/v3/users/{name}" for name in ("ghost", "ada")]
    assert planned.operations[before:] == [*people, "Named"]
    assert "pull-request-incomplete" in output
    # The same for everybody is the options' fault.
    output = batch("apply", *QUICK, "--canary", 0, *extras, code=1).output
    assert "stopped after 3 failures of the same kind in a row" in output
    assert "Change --label, --reviewer or --assignee" in output
    planned.watch = truly
    batch("apply", *QUICK, "--canary", 0, *extras)
    for repository in planned.repositories.values():
        assert repository.pulls[0].reviewers == ["ada", "ghost"]
    assert set(batch.states().values()) == {"pull-request-open"}
