"""One table of faults, injected alike into a campaign on each kind of host.

Each repository of a run has a fault of its own, once, so that a whole table costs a few runs.
GitHub and GitLab have all of them; Bitbucket and Gitea, which do the same by the same code, those
that their own reading of answers meets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stamina
from click.testing import Result
from msgspec import Struct

from cci_migrate.transport import http
from tests.batch.clocks import QuickClock
from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.hosts import HOSTS, ONE_OF_EACH, StandIn, is_delivered, on_one_of_each
from tests.batch.repositories import (
    AT_ONCE,
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    Batch,
    commit_bare,
    content,
    git,
)
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn
from tests.batch.victims import kill_at
from tests.batch.watching import Canned, Request, meanwhile, once, truly

TOKENS = ("GH_TOKEN", "GITLAB_TOKEN", "BITBUCKET_TOKEN", "GITEA_TOKEN")
PAGE = Canned(200, b"<html>Sign in</html>", {"Content-Type": "text/html; charset=utf-8"})
LIMITED = Canned(429, {"message": "Retry later"}, {"Retry-After": "23"})
SECONDARY = {"message": "You have exceeded a secondary rate limit."}


def without_first_item(body: Any) -> Any:
    """``body`` with null in place of the first item of the first list that has any."""
    if isinstance(body, list) and body:
        return [None, *body[1:]]
    if isinstance(body, dict):
        for key, value in body.items():
            if value != (new := without_first_item(value)):
                return {**body, key: new}
    return body


class Fault(Struct, frozen=True):
    """What happens to a request. ``moment`` is "before" or "after" it is carried out.

    ``answer`` takes the place of the true one, an error drops the connection, a function changes
    the true answer, and None cuts it off half-way.
    """

    moment: str
    answer: Canned | type[OSError] | Callable[[Any], Any] | None = None

    def strike(self, request: Request) -> Canned:
        """The answer to ``request``. Raises an error to drop the connection."""
        if self.answer is None:
            return Canned(200, request.body, is_cut=True)
        if isinstance(self.answer, Canned):
            return self.answer
        if isinstance(self.answer, type):
            raise self.answer
        return Canned(200, self.answer(request.body))


FAULTS = {
    "cut": Fault("after"),
    "page": Fault("after", PAGE),
    "null": Fault("after", Canned(200, None)),
    "list": Fault("after", Canned(200, [5])),
    "null item": Fault("after", without_first_item),
    "bad request": Fault("before", Canned(400, {"message": "Bad request"})),
    "invalid": Fault("before", Canned(422, {"message": "Title is too long"})),
    "out of order": Fault("before", Canned(503, {"message": "Try again"})),
    "lost in a gateway": Fault("after", Canned(502, b"<html>")),
    "reset": Fault("before", ConnectionError),
    "reset later": Fault("after", ConnectionError),
    "limited": Fault("before", LIMITED),
    "limited otherwise": Fault("before", Canned(403, SECONDARY, {"Retry-After": "5"})),
}


#: Those that the second write has too, and those that both have on every host.
LATER_FAULTS = ("cut", "null", "invalid", "lost in a gateway", "reset")
OWN_FAULTS = ("null", "lost in a gateway")
#: Those that reading has, and those that it has on every host.
OWN_READ_FAULTS = ("cut", "null", "null item")
READ_FAULTS = (
    "cut",
    "page",
    "null",
    "list",
    "null item",
    "bad request",
    "out of order",
    "reset",
    "limited",
)


def until_done(run: Callable[[], Result], most: int) -> str:
    """The output of ``run``, which is repeated until it exits with 0, at most ``most`` times."""
    runs: list[Result] = []
    while not runs or (runs[-1].exit_code and len(runs) < most):
        runs.append(run())
    output = "".join(result.output for result in runs)
    assert {result.exit_code for result in runs} <= {0, 1, 3}, output
    assert "internal error" not in output
    assert "Traceback" not in output
    return output


def test_a_fault_of_any_write_ends_in_one_delivery(forge: StandIn, batch: Batch) -> None:
    has_all = type(forge) in ONE_OF_EACH
    faults = (tuple(FAULTS), LATER_FAULTS) if has_all else (OWN_FAULTS, OWN_FAULTS)
    waiting = {
        f"{step}-{name.replace(' ', '-')}": (getattr(forge, step), FAULTS[name])
        for step, names in zip(("committing", "opening"), faults, strict=True)
        for name in names
    }
    forge.planned(batch, *waiting)

    def watch(request: Request) -> Canned | None:
        name = forge.concerned(request)
        operation, fault = waiting.get(name, ("", None))
        if fault is None or (request.operation, request.moment) != (operation, fault.moment):
            return None
        del waiting[name]
        return fault.strike(request)

    forge.watch = watch
    output = until_done(lambda: batch("apply", *AT_ONCE, code=None), 12)
    assert waiting == {}, output
    for name, repository in forge.repositories.items():
        assert is_delivered(repository), (name, output)


def strike_each_read(forge: StandIn, fault: Fault) -> None:
    """Every request that reads has the fault the first time that it is made."""
    struck: set[Any] = set()

    def watch(request: Request) -> Canned | None:
        key = (request.operation, repr(request.variables))
        if request.is_write or request.moment != fault.moment or key in struck:
            return None
        struck.add(key)
        return fault.strike(request)

    forge.watch = watch


def until_state(batch: Batch, state: str, *words: object) -> str:
    """The output of a command, which is repeated until acme/api has a ``state``."""

    def run() -> Result:
        result = batch(str(words[0]), *words[1:], code=None)
        is_there = batch.states() == {"api": state}
        result.exit_code = 0 if is_there and result.exit_code < 2 else result.exit_code or 1
        return result

    output = until_done(run, 16)
    assert batch.states() == {"api": state}, output
    return output


@pytest.mark.parametrize(
    ("forge", "name"),
    [
        (kind, name)
        for kind in HOSTS.values()
        for name in (READ_FAULTS if kind in ONE_OF_EACH else OWN_READ_FAULTS)
    ],
    indirect=["forge"],
)
def test_a_fault_of_each_read_ends_in_one_plan(name: str, forge: StandIn, batch: Batch) -> None:
    repository = forge.add("acme/api", {CONFIG: PLAIN, "ci/Dockerfile": b"FROM cimg/base:1\n"})
    strike_each_read(forge, FAULTS[name])
    until_state(batch, "planned", "plan", forge.source)
    forge.watch = truly
    batch("apply", *AT_ONCE)
    assert is_delivered(repository)


@pytest.mark.parametrize(
    ("forge", "name"),
    [*((kind, "null item") for kind in HOSTS.values()), *((kind, "cut") for kind in ONE_OF_EACH)],
    indirect=["forge"],
)
def test_a_fault_of_each_read_of_the_later_commands_changes_nothing(
    name: str, forge: StandIn, batch: Batch
) -> None:
    (repository,) = forge.planned(batch, "api")
    strike_each_read(forge, FAULTS[name])
    until_state(batch, "pull-request-open", "apply", *AT_ONCE)
    assert is_delivered(repository)
    until_state(batch, "pull-request-open", "status", "--refresh")
    repository.merge(BRANCH)
    strike_each_read(forge, FAULTS[name])
    until_state(batch, "reverted", "revert", "--seconds-between", 0)
    assert len(repository.pulls) == 2


@on_one_of_each
def test_a_pause_is_waited_out(forge: StandIn, batch: Batch, clock: QuickClock) -> None:
    for name in ("api", "web"):
        forge.add(f"acme/{name}", {CONFIG: PLAIN})
    forge.watch = once(forge.listing, LIMITED)
    batch("plan", forge.source, code=1)
    assert max(clock.slept) == pytest.approx(23, abs=0.5)
    for name, write in (("api", forge.committing), ("web", forge.opening)):
        before = len(clock.slept)
        forge.watch = once(write, LIMITED)
        batch("apply", name, *AT_ONCE, code=None)
        assert max(clock.slept[before:]) == pytest.approx(23, abs=0.5)
        assert is_delivered(forge.repositories[f"acme/{name}"])


@on_one_of_each
@pytest.mark.parametrize("step", ["listing", "committing"])
def test_a_host_that_does_not_answer_is_not_waited_for(
    step: str, forge: StandIn, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = forge.add("acme/api", {CONFIG: PLAIN})
    waiting = [getattr(forge, step)]

    def watch(request: Request) -> Canned | None:
        if request.moment == "after" and request.operation in waiting:
            waiting.clear()
            monkeypatch.setattr(http, "TIMEOUT", (60, 60))
            raise TimeoutError
        return None

    forge.watch = watch
    for command in (("plan", forge.source), ("apply", *AT_ONCE)):
        if waiting:
            monkeypatch.setattr(http, "TIMEOUT", (60, 0.3))
        batch(*command, code=None)
    assert waiting == []
    assert is_delivered(repository)


@on_one_of_each
def test_a_host_that_is_down_ends_the_run(forge: StandIn, batch: Batch) -> None:
    for at in range(10):
        forge.add(f"acme/r{at}", {CONFIG: PLAIN})
    batch("plan", forge.source, code=1)
    forge.operations.clear()
    stamina.set_testing(True, attempts=1)
    forge.watch = lambda _: Canned(503, {})
    output = batch("apply", *AT_ONCE, code=3).output
    assert "does not answer (HTTP 503); run it again later" in output
    assert forge.writes() == []
    # Nothing is lost: what could not be seen goes on with the next run.
    forge.watch = truly
    batch("apply", *AT_ONCE, "--max-prs", 2, code=None)
    assert sorted(batch.states().values()).count("pull-request-open") == 2


@on_one_of_each
def test_an_expired_token_is_said_in_a_line_and_the_next_run_goes_on(
    forge: StandIn, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge.planned(batch, "api", "web")
    old = forge.token

    def watch(request: Request) -> Canned | None:
        if request.operation == forge.opening and request.moment == "after":
            forge.token = "glpat-thenewone00000"
        return None

    forge.watch = watch
    output = batch("apply", *AT_ONCE, code=3).output
    assert output.count("the token is not valid, or has expired") == 1
    assert old not in output
    forge.watch = truly
    for variable in TOKENS:
        monkeypatch.setenv(variable, forge.token)
    batch("apply", *AT_ONCE)
    assert all(is_delivered(repository) for repository in forge.repositories.values())


def test_a_fault_of_git_is_not_for_good(gitlab: GitLabStandIn, batch: Batch) -> None:
    """A file with an odd mode is committed by git, where the API has no modes."""
    statuses = {"login": 401, "forbidden": 403, "limited": 429, "gateway": 502}
    for name in statuses:
        repository = gitlab.add(f"acme/{name}", {"README": b"x"})
        commit_bare(repository.folder, {CONFIG: PLAIN}, mode="100755")
    failed: set[str] = set()

    def answer(path: str) -> Canned | None:
        is_first = path not in failed
        failed.add(path)
        headers = {"WWW-Authenticate": "Basic", "Retry-After": "7"}
        status = statuses[path.split("/")[2].removesuffix(".git")]
        return Canned(status, b"", headers) if is_first else None

    gitlab.answer_git = answer

    def deliver() -> Result:
        batch("plan", gitlab.source, code=None)
        return batch("apply", *AT_ONCE, code=None)

    until_done(deliver, 6)
    for repository in gitlab.repositories.values():
        assert git(repository.folder, "ls-tree", BRANCH, "--", CONFIG).startswith("100755 ")
        assert len(repository.pulls) == 1


SSO = "https://github.com/orgs/acme/sso?authorization_request=A1"


UNLISTED = {
    "404": (Canned(404, {"message": "Not Found"}), "Not Found"),
    "401": (
        Canned(401, {"message": "Bad credentials"}),
        "the token is not valid, or has expired",
    ),
    "page": (PAGE, "answers with a web page"),
    "sso": (
        Canned(
            403,
            {"message": "Resource protected by organization SAML enforcement."},
            {"X-GitHub-SSO": f"required; url={SSO}"},
        ),
        f"SAML enforcement.; authorize the token at {SSO}",
    ),
}


@pytest.mark.parametrize(
    ("forge", "answer"),
    [
        *((GitHubStandIn, answer) for answer in UNLISTED),
        *((GitLabStandIn, answer) for answer in ("404", "401", "page")),
        *((kind, "404") for kind in (BitbucketStandIn, GiteaStandIn)),
    ],
    indirect=["forge"],
)
def test_a_source_that_cannot_be_listed_is_a_failure(
    answer: str, forge: StandIn, batch: Batch
) -> None:
    canned, problem = UNLISTED[answer]
    forge.add("acme/api", {CONFIG: PLAIN})
    forge.watch = lambda _: canned
    result = batch("plan", forge.source, code=3)
    assert problem in result.stderr
    assert len(result.stderr.splitlines()) == 1
    forge.watch = truly
    batch("plan", forge.source, code=1)
    assert batch.states() == {"api": "planned"}


def test_files_are_bytes_whatever_they_are_labelled(forge: StandIn, batch: Batch) -> None:
    """A byte order mark keeps GraphQL from showing a file; one answer with it is cut off."""
    marked = b"\xef\xbb\xbf" + PLAIN
    repository = forge.add("acme/api", {CONFIG: marked})
    raw = {
        GitHubStandIn: "GET /api/v3/repos/acme/api/git/blobs/N",
        GitLabStandIn: "GET raw",
        GiteaStandIn: "GET raw",
    }
    operation = raw.get(type(forge), "")
    forge.watch = once(operation, Canned(200, marked, is_cut=True))
    batch("plan", forge.source, code=1)
    assert batch.states() == {"api": "planned"}
    batch("apply", *AT_ONCE)
    assert content(repository.folder, BRANCH) == b"\xef\xbb\xbf" + FIXED


@pytest.mark.parametrize(
    ("forge", "at", "moment"),
    [
        *((kind, 0, "before") for kind in ONE_OF_EACH),
        *((kind, at, "after") for kind in HOSTS.values() for at in range(len(kind.delivering))),
    ],
    indirect=["forge"],
)
def test_killed_at_any_write_the_next_run_ends_alike(
    at: int, moment: str, forge: StandIn, batch: Batch
) -> None:
    """The process is killed before the first write that a repository takes, and after each."""
    (repository,) = forge.planned(batch, "api")
    kill_at(forge, batch, "apply", *AT_ONCE, moment=moment, nth=at + 1)
    batch("apply", *AT_ONCE)
    assert batch.states() == {"api": "pull-request-open"}
    assert is_delivered(repository)
    assert len(forge.writes()) == len(forge.delivering) + (moment == "before")


def test_a_branch_that_appears_meanwhile_is_left_alone(forge: StandIn, batch: Batch) -> None:
    (repository,) = forge.planned(batch, "api")
    forge.watch = meanwhile(
        forge.delivering[0],
        lambda: commit_bare(repository.folder, {"x": b"theirs"}, BRANCH, base="main"),
    )
    batch("apply", *AT_ONCE, code=1)
    assert batch.states() == {"api": "branch-exists"}
    assert git(repository.folder, "show", f"{BRANCH}:x") == "theirs"
    assert repository.pulls == []


def test_a_file_with_an_odd_mode_keeps_it(forge: StandIn, batch: Batch) -> None:
    repository = forge.add("acme/api", {"README": b"x"})
    commit_bare(repository.folder, {CONFIG: PLAIN}, mode="100755")
    batch("plan", forge.source, code=1)
    batch("apply", *AT_ONCE)
    assert git(repository.folder, "ls-tree", BRANCH, "--", CONFIG).startswith("100755 ")
    assert len(repository.pulls) == 1


ODD = {
    "byte-order-mark": b"\xef\xbb\xbf" + PLAIN,
    "windows": PLAIN.replace(b"\n", b"\r\n"),
    "not-utf-8": b"# \xe9t\xe9\n" + PLAIN,
}


@pytest.mark.parametrize("forge", [GitHubStandIn, GitLabStandIn], indirect=True)
def test_bytes_that_graphql_cannot_show_come_by_rest(forge: StandIn, batch: Batch) -> None:
    for name, data in ODD.items():
        forge.add(f"acme/{name}", {CONFIG: data})
    batch("plan", forge.source, code=1)
    assert len([name for name in forge.operations if name.startswith("GET ")]) == 2
    assert batch.states() == {
        "byte-order-mark": "planned",
        "windows": "planned",
        "not-utf-8": "broken-config",
    }
    batch("apply", *AT_ONCE, code=1)
    for name in ("byte-order-mark", "windows"):
        after = content(forge.repositories[f"acme/{name}"].folder, BRANCH)
        assert after.replace(b"\r\n", b"\n").removeprefix(b"\xef\xbb\xbf") == FIXED
        assert after[:3] == ODD[name][:3]
