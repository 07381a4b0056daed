"""What `apply --check-access` says of tokens, on each kind of host, and that it writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.hosts import StandIn
from tests.batch.repositories import CONFIG, PLAIN, Batch, checkout
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn
from tests.batch.watching import Canned


def check(batch: Batch, code: int, *arguments: object) -> list[str]:
    """The lines of the report."""
    output: str = batch("apply", "--check-access", *arguments, code=code).stdout
    return output.splitlines()


def test_on_github_by_role_and_scope(github: GitHubStandIn, batch: Batch) -> None:
    github.add("acme/api", {CONFIG: PLAIN})
    github.add("acme/open", {CONFIG: PLAIN}, visibility="PUBLIC")
    github.add("acme/theirs", {CONFIG: PLAIN}, permission="READ")
    batch("plan", "github:acme", code=1)
    github.scopes = "read:org, repo"
    assert check(batch, 1) == [
        "1 without access, 2 with access",
        "  acme/theirs: can't push: the token's owner has no write access to the repository",
    ]
    lacks = "the token lacks the scope repo; make one that has it"
    github.scopes = "public_repo"
    assert check(batch, 1, "api", "open", "-v") == [
        "1 without access, 1 with access",
        f"  acme/api: can't push: {lacks}",
        "  acme/open: can push and open pull requests",
    ]
    github.scopes = ""
    assert check(batch, 1, "open")[1] == f"  acme/open: can't push: {lacks}"
    github.scopes = None
    assert check(batch, 0, "api", "open")[0] == "2 not known"
    assert check(batch, 0, "api", "open")[1].startswith("  2 x not known: GitHub does not show the")
    assert github.writes() == []


def test_a_token_without_a_role_is_not_taken_for_one_that_may_not_write(
    github: GitHubStandIn, batch: Batch
) -> None:
    """As GitHub answers Apps."""
    repository = github.add("acme/api", {CONFIG: PLAIN})
    repository.permission = None  # type: ignore[assignment]
    batch("plan", "github:acme", code=1)
    assert batch.states() == {"api": "planned"}
    assert check(batch, 0)[0] == "1 not known"


@pytest.mark.parametrize("forge", [GitLabStandIn], indirect=True)
def test_on_gitlab_by_role_and_scope(forge: RestStandIn, batch: Batch) -> None:
    forge.add("acme/api", {CONFIG: PLAIN})
    forge.add("acme/closed", {CONFIG: PLAIN}, can_create_merge_request_in=False)
    forge.add(
        "acme/theirs",
        {CONFIG: PLAIN},
        permissions={"project_access": None, "group_access": {"access_level": 20}},
    )
    batch("plan", forge.source, code=1)
    forge.scopes = "api,read_user"
    forge.operations.clear()
    assert check(batch, 1) == [
        "2 without access, 1 with access",
        "  acme/closed: can't open pull requests: the project does not accept merge requests of "
        "this token's owner",
        "  acme/theirs: can't push: the token's role is below Developer; pushing needs that role",
    ]
    assert forge.operations.count("GET self") == 1
    forge.scopes = "read_api"
    assert check(batch, 1, "api")[1] == (
        "  acme/api: can't push: the token lacks the scope api; make one that has it"
    )
    forge.scopes = None
    assert check(batch, 0, "api") == [
        "1 not known",
        "  1 x not known: GitLab does not show the scopes of this token; it needs api",
    ]
    assert forge.writes() == []


@pytest.mark.parametrize("forge", [BitbucketStandIn], indirect=True)
def test_on_bitbucket_by_permission_and_scope(forge: RestStandIn, batch: Batch) -> None:
    for at in range(11):
        forge.add(f"acme/r{at}", {CONFIG: PLAIN})
    forge.repositories["acme/r10"].permission = "read"
    batch("plan", forge.source, code=1)
    forge.scopes = "pullrequest:write, account"
    assert check(batch, 1) == [
        "1 without access, 10 with access",
        "  acme/r10: can't push: the token's owner has no write access to the repository",
    ]
    assert forge.operations.count("GET permissions") == 2
    forge.scopes = "write:repository:bitbucket"
    assert check(batch, 1, "r1")[1].startswith("  acme/r1: can't open pull requests: the token")
    forge.scopes = None
    assert check(batch, 0, "r1") == [
        "1 not known",
        "  1 x not known: Bitbucket does not show the permission of this token's owner; Bitbucket "
        "does not show the scopes of this token",
    ]
    assert forge.writes() == []


def test_a_host_that_is_down_is_not_checked(github: GitHubStandIn, batch: Batch) -> None:
    github.planned(batch, "api")
    github.watch = lambda _: Canned(401, {"message": "Bad credentials"})
    lines = check(batch, 3)
    assert lines[0] == "1 not checked"
    assert "the token is not valid" in lines[1]


@pytest.mark.parametrize("forge", [GitHubStandIn, BitbucketStandIn], indirect=True)
def test_planning_notes_a_scope_that_every_write_needs(forge: StandIn, batch: Batch) -> None:
    forge.add("acme/api", {CONFIG: PLAIN})
    forge.scopes = "read:user"
    before = len(forge.operations)
    output = batch("plan", forge.source, code=1).output
    assert output.count("the token lacks the scope") == 1
    requests, forge.operations[:] = forge.operations[before:], []
    forge.scopes = "repo, pullrequest:write"
    assert "scope" not in Batch(batch.folder / "other")("plan", forge.source, code=1).output
    assert forge.operations == requests


def test_git_is_not_asked(tmp_path: Path, batch: Batch) -> None:
    checkout(tmp_path / "one", {CONFIG: PLAIN})
    batch("plan", tmp_path / "one", code=1)
    assert check(batch, 0) == [
        "1 not known",
        "  1 x not known: git can't be asked without pushing",
    ]
