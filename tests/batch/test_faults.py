"""One table of faults, injected alike into a campaign on each kind of host."""

from __future__ import annotations

import pytest
from click.testing import Result

from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.github_stand_in import GitHubStandIn, Repository
from tests.batch.repositories import CONFIG, FIXED, PLAIN, Batch, branches, content, git
from tests.batch.rest_stand_ins import GitLabStandIn, Hosted, RestStandIn
from tests.batch.watching import Canned, Request, once, truly

BRANCH = "cci-migrate/registry-auth"
QUICK = ("--seconds-between", 0, "--canary", 0)
pytestmark = pytest.mark.usefixtures("clock")

StandIn = GitHubStandIn | RestStandIn
PAGE = Canned(200, b"<html>Sign in</html>", {"Content-Type": "text/html; charset=utf-8"})

#: What is answered in place of an answer, the moment, and what is said of it; None: the true
#: answer, cut off half-way.
FAULTS: dict[str, tuple[str, Canned | None]] = {
    "cut": ("after", None),
    "page": ("after", PAGE),
    "invalid": ("before", Canned(422, {"message": "Title is too long"})),
    "null": ("after", Canned(200, None)),
}


def put_watch(host: StandIn, watch: object) -> None:
    """Have ``watch`` see each request to the API."""
    setattr(host, "watch" if isinstance(host, GitHubStandIn) else "watch_call", watch)


@pytest.fixture
def host(forge: StandIn) -> StandIn:
    """Each kind of host, without repositories."""
    return forge


def is_delivered(repository: Repository | Hosted) -> bool:
    """Whether a repository has exactly one branch, one commit and one pull request of ours."""
    states = [pull["state"] if isinstance(pull, dict) else pull.state for pull in repository.pulls]
    return (
        branches(repository.folder) == [BRANCH, "main"]
        and content(repository.folder, BRANCH) == FIXED
        and git(repository.folder, "rev-list", "--count", f"main..{BRANCH}") == "1"
        and [state.lower() for state in states] in (["opened"], ["open"])
    )


def test_a_fault_of_any_write_ends_in_one_delivery(host: StandIn, batch: Batch) -> None:
    """Each repository has a fault of its own, once; the runs end by themselves."""
    waiting = {
        f"{step}-{fault}": (getattr(host, step), moment, canned)
        for step in ("committing", "opening")
        for fault, (moment, canned) in FAULTS.items()
    }
    for name in waiting:
        host.add(f"acme/{name}", {CONFIG: PLAIN})
    batch("plan", host.source, code=1)

    def watch(request: Request) -> Canned | None:
        name = host.concerned(request)
        operation, moment, canned = waiting.get(name, ("", "", None))
        if (request.operation, request.moment) != (operation, moment):
            return None
        del waiting[name]
        return canned or Canned(200, request.body, is_cut=True)

    put_watch(host, watch)
    runs: list[Result] = []
    while not runs or (runs[-1].exit_code and len(runs) < 9):
        runs.append(batch("apply", *QUICK, code=None))
    assert waiting == {}
    assert {run.exit_code for run in runs} <= {0, 1, 3}
    for name, repository in host.repositories.items():
        assert is_delivered(repository), (name, [run.output for run in runs])
    output = "".join(run.output for run in runs)
    assert "internal error" not in output


SSO = "https://github.com/orgs/acme/sso?authorization_request=A1"


@pytest.mark.parametrize(
    ("canned", "said"),
    [
        (Canned(404, {"message": "Not Found"}), "Not Found"),
        (Canned(401, {"message": "Bad credentials"}), "the token is not valid, or has expired"),
        (PAGE, "answers with a web page"),
        (
            Canned(
                403,
                {"message": "Resource protected by organization SAML enforcement."},
                {"X-GitHub-SSO": f"required; url={SSO}"},
            ),
            f"SAML enforcement.; authorize the token at {SSO}",
        ),
    ],
    ids=["404", "401", "page", "sso"],
)
def test_a_source_that_cannot_be_listed_is_a_failure(
    canned: Canned, said: str, host: StandIn, batch: Batch
) -> None:
    host.add("acme/api", {CONFIG: PLAIN})
    put_watch(host, lambda _: canned)
    result = batch("plan", host.source, code=3)
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    put_watch(host, truly)
    batch("plan", host.source, code=1)
    assert batch.states() == {"api": "planned"}


def test_a_cut_off_listing_is_asked_for_again(host: StandIn, batch: Batch) -> None:
    host.add("acme/api", {CONFIG: PLAIN})
    put_watch(host, once(host.listing, Canned(200, {"x": "y" * 100}, is_cut=True)))
    batch("plan", host.source, code=1)
    assert batch.states() == {"api": "planned"}


def test_files_are_bytes_whatever_they_are_labelled(host: StandIn, batch: Batch) -> None:
    """A byte order mark keeps GraphQL from showing a file; one answer with it is cut off."""
    marked = b"\xef\xbb\xbf" + PLAIN
    repository = host.add("acme/api", {CONFIG: marked})
    raw = {
        GitHubStandIn: "GET /api/v3/repos/acme/api/git/blobs/N",
        GitLabStandIn: "GET raw",
        GiteaStandIn: "GET raw",
    }
    operation = raw.get(type(host), "")
    put_watch(host, once(operation, Canned(200, marked, is_cut=True)))
    batch("plan", host.source, code=1)
    assert batch.states() == {"api": "planned"}
    batch("apply", *QUICK)
    assert content(repository.folder, BRANCH) == b"\xef\xbb\xbf" + FIXED
