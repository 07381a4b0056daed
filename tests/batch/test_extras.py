"""Labels, reviewers and assignees of pull requests, on each kind of host."""

from __future__ import annotations

import pytest

from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.hosts import StandIn
from tests.batch.repositories import AT_ONCE, CONFIG, PLAIN, Batch
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn
from tests.batch.victims import kill_at
from tests.batch.watching import Canned, once


def extras_of(host: StandIn, name: str = "acme/api") -> tuple[list[object], ...]:
    """The labels, reviewers and assignees of a repository's only pull request."""
    (pull,) = host.repositories[name].pulls
    if isinstance(pull, dict):
        roles = (pull.get(role, []) for role in ("reviewers", "assignees"))
        people = (
            [user.get("uuid") or user.get("login") or user["id"] for user in users or ()]
            for users in roles
        )
        labels = pull.get("labels", [])
        return ([label["name"] if isinstance(label, dict) else label for label in labels], *people)
    return (list(pull.labels), list(pull.reviewers), list(pull.assignees))


@pytest.fixture
def planned(forge: StandIn, batch: Batch) -> StandIn:
    """Two planned repositories."""
    forge.planned(batch, "api", "web")
    return forge


def test_a_pull_request_has_what_was_asked_for(planned: StandIn, batch: Batch) -> None:
    if isinstance(planned, BitbucketStandIn):
        reviewers = ("--reviewer", "Ada", "--reviewer", "id-member3", "--reviewer", "{x-1}")
        batch("apply", *AT_ONCE, *reviewers)
        assert extras_of(planned) == ([], ["{ada}", "{member3}", "{x-1}"], [])
        assert planned.operations.count("GET members") == 2
        return
    extras = ("--label", "ci", "--reviewer", "ada", "--assignee", "bert", "--assignee", "ada")
    batch("apply", *AT_ONCE, *extras)
    if isinstance(planned, GitLabStandIn):
        assert extras_of(planned) == (["ci"], [3], [4, 3])
        assert planned.operations.count("GET users") == 2
    else:
        assert extras_of(planned) == (["ci"], ["ada"], ["ada", "bert"])
    assert set(batch.states().values()) == {"pull-request-open"}


def test_what_no_pull_request_can_have_is_said_before_anything_is_written(
    planned: StandIn, batch: Batch
) -> None:
    planned.strangers = {"ghost"}
    has_labels = not isinstance(planned, BitbucketStandIn)
    for role in ("reviewer", "assignee", *(() if has_labels else ("label",))):
        result = batch("apply", *AT_ONCE, f"--{role}", "ghost", code=2)
        assert f"error: {role} ghost: " in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert planned.writes() == []
    assert set(batch.states().values()) == {"planned"}


@pytest.mark.parametrize("option", ["--label", "--reviewer", "--assignee"])
def test_a_name_that_is_blank_is_an_error(option: str, github: GitHubStandIn, batch: Batch) -> None:
    """Such as that of a variable that is not set."""
    github.planned(batch, "api")
    assert f"{option} needs a name" in batch("apply", option, "ada", option, " ", code=2).output


@pytest.mark.parametrize("status", [403, 409, 422])
def test_where_the_host_does_not_say_it_is_asked_to_add_them(
    status: int, github: GitHubStandIn, batch: Batch
) -> None:
    github.planned(batch, "api")
    github.watch = once("GET /api/v3/users/ada", Canned(status, {"message": "Not now"}))
    batch("apply", *AT_ONCE, "--reviewer", "ada")
    assert extras_of(github) == ([], ["ada"], [])


def test_a_team_of_another_owner_reviews_nothing(github: GitHubStandIn, batch: Batch) -> None:
    github.planned(batch, "api")
    result = batch("apply", *AT_ONCE, "--reviewer", "other/ops", code=2)
    assert "reviewer other/ops: not a team of acme" in result.stderr
    assert github.writes() == []
    batch("apply", *AT_ONCE, "--reviewer", "ACME/ops")


def test_an_assignee_that_github_leaves_out_is_lacking(github: GitHubStandIn, batch: Batch) -> None:
    github.add("acme/api", {CONFIG: PLAIN}, outsiders=("bert",))
    batch("plan", "github:acme", code=1)
    people = ("--assignee", "Ada", "--assignee", "bert")
    batch("apply", *AT_ONCE, *people, code=1)
    assert batch.results()["api"]["cause"] == (
        "assignee bert: GitHub does not accept them in this repository"
    )
    github.repositories["acme/api"].outsiders = ()
    batch("apply", *AT_ONCE, *people)
    assert extras_of(github) == ([], [], ["Ada", "bert"])


def test_what_was_not_added_by_a_killed_run_is_added_once(planned: StandIn, batch: Batch) -> None:
    """It is killed once the pull request is open; people then add a reviewer of their own."""
    kill_at(planned, batch, "apply", "api", *AT_ONCE, operation=planned.opening)
    (pull,) = planned.repositories["acme/api"].pulls
    if not isinstance(pull, dict):
        pull.reviewers = ["theirs"]
    elif isinstance(planned, GitLabStandIn):
        pull.update(labels=["theirs"], reviewers=[{"id": 99}], assignees=[])
    elif isinstance(planned, GiteaStandIn):
        pull.update(reviewers=[{"login": "theirs"}])
    else:
        pull.update(reviewers=[{"uuid": "{theirs}"}])
    extras = () if isinstance(planned, BitbucketStandIn) else ("--label", "ci", "--assignee", "bob")
    for _ in range(2):
        batch("apply", "api", *AT_ONCE, "--reviewer", "ada", *extras, code=1)
    if isinstance(planned, GitLabStandIn):
        assert extras_of(planned) == (["theirs", "ci"], [3, 99], [3])
    elif isinstance(planned, BitbucketStandIn):
        assert extras_of(planned) == ([], ["{theirs}", "{ada}"], [])
    else:
        assert extras_of(planned) == (["ci"], ["ada", "theirs"], ["bob"])


@pytest.mark.parametrize("forge", [BitbucketStandIn], indirect=True)
def test_where_members_cannot_be_listed_a_reviewer_needs_an_id(
    planned: RestStandIn, batch: Batch
) -> None:
    refusal = {"type": "error", "error": {"message": "Your credentials lack a scope."}}
    planned.watch = lambda request: (
        Canned(403, refusal)
        if (request.operation, request.moment) == ("GET members", "before")
        else None
    )
    result = batch("apply", *AT_ONCE, "--reviewer", "ada", code=2)
    assert "reviewer ada: not a member of acme that the token can list; Bitbucket takes" in (
        result.stderr
    )
    assert planned.writes() == []
    batch("apply", *AT_ONCE, "--reviewer", "{ada}")
    assert extras_of(planned) == ([], ["{ada}"], [])
