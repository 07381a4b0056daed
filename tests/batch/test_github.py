"""A campaign on GitHub: its schema, real repositories, real HTTP, and what goes wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from cci_migrate.campaign import planner
from cci_migrate.forges.github import queries
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn, Pull, published_schema
from tests.batch.hosts import is_delivered
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    QUICK,
    Batch,
    branches,
    commit_bare,
    git,
)
from tests.batch.watching import Canned, Request, always, meanwhile, once, truly


def test_every_query_fits_the_published_schema() -> None:
    schema = published_schema()
    texts = [text for name, text in vars(queries).items() if name.isupper() and name[0] != "_"]
    assert len(texts) > 8
    texts += [queries.named(40), queries.named(4, [1, 3]), queries.files([3, 1])]
    texts += [queries.branch_content(2), queries.branch_content(2, is_in_fork=True)]
    for text in texts:
        assert validate(schema, parse(text)) == []


def test_an_organisation_from_plan_to_pull_requests(github: GitHubStandIn, batch: Batch) -> None:
    for name in ("api", "web"):
        github.add(f"acme/{name}", {CONFIG: PLAIN})
    github.add("acme/done", {CONFIG: FIXED})
    github.add("acme/docs", {"README": b"x"})
    github.add("acme/empty", None)
    github.add("acme/old", {CONFIG: PLAIN}, archived=True)
    github.add("acme/theirs", {CONFIG: PLAIN}, permission="READ")
    github.add("acme/copy", {CONFIG: PLAIN}, fork=True)
    open_one = github.add("acme/open", {CONFIG: PLAIN})
    closed = github.add("acme/closed", {CONFIG: PLAIN})
    taken = github.add("acme/taken", {CONFIG: PLAIN})
    commit_bare(open_one.folder, {CONFIG: FIXED}, BRANCH, base="main")
    open_one.pulls.append(Pull(1, open_one, BRANCH, "main", "", "", False))
    closed.pulls.append(Pull(1, closed, BRANCH, "main", "", "", False, state="CLOSED"))
    closed.pulls.append(Pull(2, closed, BRANCH, "main", "", "", False, cross=True))
    commit_bare(taken.folder, {"x": b"theirs"}, BRANCH, base="main")

    batch("plan", "github:acme", code=1)
    assert github.operations[0] == "Owner"
    assert len([name for name in github.operations if name == "Owner"]) == 1
    assert github.writes() == []
    expected = {
        "api": "planned",
        "web": "planned",
        "done": "nothing-to-do",
        "docs": "no-config",
        "empty": "empty",
        "old": "archived",
        "theirs": "no-permission",
        "copy": "excluded",
        "open": "branch-exists",
        "closed": "closed-by-human",
        "taken": "branch-exists",
    }
    assert batch.states() == expected

    batch(
        "apply",
        *QUICK,
        "--label",
        "ci",
        "--reviewer",
        "ada",
        "--reviewer",
        "acme/ops",
        "--draft",
        code=1,
    )
    assert batch.states() == {**expected, "api": "pull-request-open", "web": "pull-request-open"}
    assert all(is_delivered(github.repositories[f"acme/{name}"]) for name in ("api", "web"))
    pull = github.repositories["acme/api"].pulls[0]
    assert (pull.draft, pull.labels, pull.reviewers) == (True, ["ci"], ["ada", "ops"])
    assert "docker-hub-creds" in pull.body
    assert [p.state for p in closed.pulls] == ["CLOSED", "OPEN"]
    assert github.token not in (batch.folder / "results.jsonl").read_text()


def test_a_dry_run_costs_no_more_than_the_scan(
    github: GitHubStandIn, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(45):
        github.add(f"acme/r{at}", {CONFIG: PLAIN})
    batch("plan", "github:acme", "--dry-run", "--jobs", 1, code=1)
    dry, github.operations[:] = list(github.operations), []
    monkeypatch.setattr(planner, "processes_pay_off", lambda *_: True)
    batch("plan", "github:acme", "--jobs", 2, code=1)
    assert dry == github.operations == ["Owner", "Named", "Named"]
    assert set(batch.states().values()) == {"planned"}
    assert len(batch.states()) == 45


def test_what_is_named_is_looked_at_forty_at_a_time(
    github: GitHubStandIn, batch: Batch, tmp_path: Path
) -> None:
    names = [f"r{at}" for at in range(45)]
    for name in names:
        github.add(f"acme/{name}", {CONFIG: FIXED})
    listing = tmp_path / "list"
    listing.write_text("".join(f"github:acme/{name}\n" for name in (*names, "gone")))
    batch("plan", f"@{listing}", code=3)
    assert github.operations == ["Named", "Named"]
    states = batch.states()
    assert states.pop("gone") == "failed"
    assert set(states.values()) == {"nothing-to-do"}


MACHINE = b"""\
version: 2.1
jobs:
  build:
    machine:
      image: ubuntu-2404:current
    steps:
      - checkout
      - run: docker build .
workflows:
  main:
    jobs: [build]
"""


def test_a_renamed_repository_is_followed(github: GitHubStandIn, batch: Batch) -> None:
    """GraphQL takes the old name; writes by the REST API do not."""
    repository = github.add("acme/new", {"README": b"x"})
    commit_bare(repository.folder, {CONFIG: PLAIN}, mode="100755")
    github.moved["acme/old"] = "acme/new"
    batch("plan", "github:acme/old", code=1)
    batch("apply", *QUICK, "--label", "ci")
    assert batch.states() == {"old": "pull-request-open"}
    assert git(repository.folder, "ls-tree", BRANCH, "--", CONFIG).startswith("100755 ")
    assert repository.pulls[0].labels == ["ci"]


def test_a_dockerfile_that_a_step_builds_is_fetched(github: GitHubStandIn, batch: Batch) -> None:
    hub = github.add("acme/hub", {CONFIG: MACHINE, "Dockerfile": b"FROM node:20\n"})
    github.add("acme/quay", {CONFIG: MACHINE, "Dockerfile": b"FROM quay.io/acme/base\n"})
    batch("plan", "github:acme", code=1)
    files = github.operations.count("Files")
    # One request for both, and one for each if that fails.
    github.watch = once("Files", Canned(200, {"errors": [{"message": "Something went wrong"}]}))
    other = Batch(batch.folder.parent / "other")
    other("plan", "github:acme", code=1)
    assert other.states() == batch.states()
    assert github.operations.count("Files") == 2 * files + 2
    registries = {
        name: [count["registry"] for count in record["pulls"]]
        for name, record in batch.results().items()
    }
    assert registries == {"hub": ["docker.io"], "quay": ["quay.io"]}
    assert batch.states()["hub"] == "planned"
    batch("apply", "hub", *QUICK)
    assert "docker/check" in git(hub.folder, "diff", "main", BRANCH)


def test_what_a_task_names_is_fetched_in_a_few_rounds(github: GitHubStandIn, batch: Batch) -> None:
    files = {
        CONFIG: MACHINE.replace(b"docker build .", b"make -C ci image"),
        "ci/Makefile": b"include common.mk\n",
        "ci/common.mk": b"image:\n\tnpm run --prefix ../web build\n",
        "web/package.json": b'{"scripts": {"build": "../ci/build.sh"}}',
        "ci/build.sh": b"docker build ../app\n",
        "app/Dockerfile": b"FROM node:20\n",
    }
    github.add("acme/tasks", files)
    # Names more files than are fetched, in and outside of the repository.
    many = b"\n".join(b"      - run: x/%d.sh; ../%d.sh" % (n, n) for n in range(400))
    github.add("acme/many", {CONFIG: MACHINE.replace(b"      - checkout", many)})
    batch("plan", "github:acme", code=1)
    assert [count["registry"] for count in batch.results()["tasks"]["pulls"]] == ["docker.io"]
    assert batch.states()["tasks"] == "planned"
    assert github.operations.count("Files") <= 12


def limit(message: str) -> dict[str, Any]:
    """The body of a refusal for a limit."""
    return {"message": message}


SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."
FAULTS = {
    "retry-after": (Canned(403, limit(SECONDARY), {"Retry-After": "17"}), 17),
    "secondary without a header": (Canned(403, limit(SECONDARY)), 60),
    "too many requests": (Canned(429, limit("Too many")), 60),
    "rate limited with 200": (
        Canned(200, {"errors": [{"type": "RATE_LIMITED", "message": "limit"}]}),
        60,
    ),
    "submitted too quickly": (
        Canned(200, {"data": None, "errors": [{"message": "was submitted too quickly"}]}),
        60,
    ),
}


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        *(("Owner", fault) for fault in FAULTS),
        *(("CreatePullRequest", fault) for fault in FAULTS),
        ("Named", "retry-after"),
        ("CreateRef", "rate limited with 200"),
        ("CreateCommit", "submitted too quickly"),
    ],
)
def test_a_limit_is_waited_out(
    operation: str, fault: str, github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    github.add("acme/api", {CONFIG: PLAIN})
    canned, seconds = FAULTS[fault]
    github.watch = once(operation, canned)
    batch("plan", "github:acme", code=1)
    batch("apply", *QUICK)
    assert max(clock.slept) == pytest.approx(seconds, abs=0.5)
    assert is_delivered(github.repositories["acme/api"])


def test_the_reset_time_is_waited_for(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    github.add("acme/api", {CONFIG: PLAIN})
    headers = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(clock.now()) + 1200),
    }
    github.watch = once("Owner", Canned(403, limit("API rate limit exceeded"), headers))
    batch("plan", "github:acme", code=1)
    assert sum(clock.slept) == pytest.approx(1200, abs=5)


def test_a_host_that_goes_on_refusing_is_left_alone(github: GitHubStandIn, batch: Batch) -> None:
    github.planned(batch, "api")
    github.watch = always(Canned(403, limit(SECONDARY)), "CreateRef")
    output = batch("apply", *QUICK, code=1).output
    assert "still limits requests after 4 pauses; try again at " in output
    assert batch.states() == {"api": "applying"}
    # The host's wish is remembered by the next run, which then goes on.
    github.watch = truly
    batch("apply", *QUICK)
    assert is_delivered(github.repositories["acme/api"])


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    "canned",
    [Canned(502, {}), Canned(200, {"data": {"made": {"ref": 1}}}), ConnectionError],
    ids=["502", "of another shape", "dropped"],
)
@pytest.mark.parametrize("operation", ["CreateRef", "CreateCommit", "CreatePullRequest"])
def test_a_write_of_unknown_effect_is_looked_into(
    operation: str,
    canned: Canned | type[ConnectionError],
    moment: str,
    github: GitHubStandIn,
    batch: Batch,
) -> None:
    github.planned(batch, "api")
    github.watch = once(operation, canned, moment)
    github.operations.clear()
    batch("apply", *QUICK)
    assert is_delivered(github.repositories["acme/api"])
    assert github.operations.count("Named") == 2


@pytest.mark.parametrize("repositories", [[], {"pageInfo": {}}, {"pageInfo": None, "nodes": []}])
def test_a_listing_of_another_shape_is_told_in_a_line(
    repositories: Any, github: GitHubStandIn, batch: Batch
) -> None:
    github.watch = once(
        "Owner", Canned(200, {"data": {"repositoryOwner": {"repositories": repositories}}})
    )
    output = batch("plan", "github:acme", code=None).output
    assert "returned an unexpected answer: repositoryOwner.repositories" in output
    assert "internal error" not in output


def test_a_repository_of_another_shape_fails_alone(github: GitHubStandIn, batch: Batch) -> None:
    for name in ("api", "web"):
        github.add(f"acme/{name}", {CONFIG: PLAIN})

    def watch(request: Request) -> Canned | None:
        if request.operation != "Owner" or request.moment == "before":
            return None
        first = request.body["data"]["repositoryOwner"]["repositories"]["nodes"][0]
        first["isFork"] = "perhaps"
        return Canned(200, request.body)

    github.watch = watch
    batch("plan", "github:acme", code=3)
    assert batch.states() == {"api": "failed", "web": "planned"}
    assert "isFork: expected true or false, got a string" in batch.results()["api"]["cause"]


@pytest.mark.parametrize("last", ["CreateRef", "CreateCommit"])
def test_a_branch_that_is_no_longer_wanted_is_taken_away(
    last: str, github: GitHubStandIn, batch: Batch
) -> None:
    (repository,) = github.planned(batch, "api")
    following = {"CreateRef": "CreateCommit", "CreateCommit": "CreatePullRequest"}[last]
    github.watch = always(Canned(403, limit(SECONDARY)), following)
    batch("apply", *QUICK, code=1)
    assert branches(repository.folder) == [BRANCH, "main"]
    github.watch = truly
    commit_bare(repository.folder, {CONFIG: FIXED}, message="By hand")
    batch("apply", *QUICK)
    assert batch.states() == {"api": "nothing-to-do"}
    assert branches(repository.folder) == ["main"]
    assert repository.pulls == []


def test_an_overloaded_scan_asks_for_less_until_it_gets_answers(
    github: GitHubStandIn, batch: Batch
) -> None:
    for at in range(12):
        github.add(f"acme/r{at}", {CONFIG: FIXED})
    sizes = []

    def watch(request: Request) -> Canned | None:
        if request.operation == "Owner" and request.moment == "before":
            sizes.append(request.variables["first"])
            if sizes[-1] > 5:
                return Canned(502, {})
        return None

    github.watch = watch
    batch("plan", "github:acme")
    assert sizes[:6] == [100, 50, 25, 12, 6, 3]
    assert len(batch.states()) == 12


def test_a_repository_that_breaks_every_query_stops_no_other(
    github: GitHubStandIn, batch: Batch, tmp_path: Path
) -> None:
    for at in range(6):
        github.add(f"acme/r{at}", {CONFIG: FIXED})

    def watch(request: Request) -> Canned | None:
        names = [v for k, v in request.variables.items() if k[0] == "n" and k[1:].isdecimal()]
        return Canned(502, {}) if "r3" in names else None

    github.watch = watch
    listing = tmp_path / "list"
    listing.write_text("".join(f"github:acme/r{at}\n" for at in range(6)))
    batch("plan", f"@{listing}", code=3)
    states = batch.states()
    assert states.pop("r3") == "failed"
    assert list(states.values()) == ["nothing-to-do"] * 5


def test_partial_data_is_never_taken_for_no_config(github: GitHubStandIn, batch: Batch) -> None:
    for name in ("api", "web"):
        github.add(f"acme/{name}", {CONFIG: PLAIN})

    def watch(request: Request) -> Canned | None:
        if request.operation != "Owner" or request.moment != "after":
            return None
        nodes = request.body["data"]["repositoryOwner"]["repositories"]["nodes"]
        nodes[1]["circleci"] = None
        path = ["repositoryOwner", "repositories", "nodes", 1, "circleci"]
        return Canned(200, {**request.body, "errors": [{"message": "timeout", "path": path}]})

    github.watch = watch
    batch("plan", "github:acme", code=1)
    assert batch.states() == {"api": "planned", "web": "planned"}
    assert github.operations == ["Owner", "Named", "Named"]


def test_a_stale_head_is_looked_at_again(github: GitHubStandIn, batch: Batch) -> None:
    (repository,) = github.planned(batch, "api")
    github.watch = meanwhile(
        "CreateRef", lambda: commit_bare(repository.folder, {"README": b"pushed meanwhile"})
    )
    batch("apply", *QUICK)
    assert is_delivered(github.repositories["acme/api"])


def test_an_old_branch_without_own_commits_is_used(github: GitHubStandIn, batch: Batch) -> None:
    repository = github.add("acme/api", {CONFIG: PLAIN})
    git(repository.folder, "branch", BRANCH, "main")
    commit_bare(repository.folder, {"README": b"later"})
    batch("plan", "github:acme", code=1)
    batch("apply", *QUICK)
    assert is_delivered(github.repositories["acme/api"])


def test_a_token_is_renewed_by_gh(
    github: GitHubStandIn, batch: Batch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    github.add("acme/api", {CONFIG: PLAIN})
    tool = tmp_path / "bin" / "gh"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\necho {github.token}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    monkeypatch.setenv("GH_TOKEN", "ghp_expired000000000")
    batch("plan", "github:acme", code=1)
    assert github.operations == ["Owner", "Owner", "Named"]


def test_a_command_gives_the_token_and_a_new_one_when_it_expired(
    github: GitHubStandIn, batch: Batch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As an app's installation token does after an hour, it expires between two writes."""
    monkeypatch.delenv("GH_TOKEN")
    for name in ("api", "web"):
        github.add(f"acme/{name}", {CONFIG: PLAIN})
    store = tmp_path / "token"
    store.write_text(f"{github.token}\n")
    calls = tmp_path / "asked"
    script = tmp_path / "give token.sh"
    script.write_text(f'echo "$CCI_MIGRATE_HOST" >> "{calls}"; cat "{store}"\n')
    command = ("--token-command", f"sh '{script}'")
    batch("plan", "github:acme", *command, code=1)
    host = github.api.split("/")[2]
    assert calls.read_text().splitlines() == [host]

    def watch(request: Request) -> Canned | None:
        if request.operation == "CreatePullRequest" and request.moment == "after":
            github.token = f"ghs_{len(github.operations):020}"
            store.write_text(github.token)
        return None

    github.watch = watch
    batch("apply", *QUICK, *command)
    assert len(calls.read_text().splitlines()) == 3
    assert all(is_delivered(github.repositories[f"acme/{name}"]) for name in ("api", "web"))
    for path in batch.folder.rglob("*"):
        assert not path.is_file() or b"ghs_0" not in path.read_bytes()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("sh -c 'echo the vault is sealed >&2; exit 3'", "exit code 3: the vault is sealed"),
        ("sh -c 'echo two words'", "printed 2 words; expected one"),
        ("/nowhere/tool", "can't run --token-command"),
        ("sh -c 'unclosed", "can't run --token-command: No closing quotation"),
    ],
)
def test_a_command_that_gives_no_token_is_said_in_a_line(
    command: str, problem: str, github: GitHubStandIn, batch: Batch
) -> None:
    output = batch("plan", "github:acme", "--token-command", command, code=2).output
    assert problem in output
    assert len(output.splitlines()) == 1
    assert github.operations == []


def test_a_command_that_breaks_on_the_way_ends_the_run_in_a_line(
    github: GitHubStandIn, batch: Batch, tmp_path: Path
) -> None:
    github.add("acme/api", {CONFIG: PLAIN})
    store = tmp_path / "token"
    store.write_text(github.token)
    command = ("--token-command", f"cat {store}")
    batch("plan", "github:acme", *command, code=1)

    def watch(request: Request) -> Canned | None:
        if request.operation == "CreateCommit":
            github.token = "ghs_another0000000000"
            store.unlink(missing_ok=True)
        return None

    github.watch = watch
    output = batch("apply", *QUICK, *command, code=3).output
    assert "the token has expired (Bad credentials), and --token-command ended" in output
    store.write_text(github.token)
    github.watch = truly
    batch("apply", *QUICK, *command)
    assert is_delivered(github.repositories["acme/api"])


NESTED = {
    CONFIG: PLAIN,
    "services/api/.circleci/config.yml": PLAIN,
    "src/@orb.yml": b"version: 2.1\n",
    "src/jobs/test.yml": b"docker:\n  - image: cimg/node:20.1\nsteps:\n  - checkout\n",
    "k8s/deployment.yml": b"image: x\n",
}


def test_configs_below_the_root_are_seen_on_request(github: GitHubStandIn, batch: Batch) -> None:
    repository = github.add("acme/mono", NESTED)
    batch("plan", "github:acme", code=1)
    assert len(batch.results()["mono"]["files"]) == 1
    assert "planned without --nested" in batch("plan", "github:acme", "--nested", code=2).output
    github.operations.clear()
    other = Batch(batch.folder.parent / "other")
    other("plan", "github:acme", "--nested", code=1)
    trees = "GET /api/v3/repos/acme/mono/git/trees/N"
    assert github.operations == ["Owner", "Named", trees, "Files"]
    other("apply", *QUICK)
    changed = git(repository.folder, "diff", "--name-only", "main", BRANCH).splitlines()
    assert changed == [CONFIG, "services/api/.circleci/config.yml"]


def test_no_token_is_said_before_anything_is_sent(
    github: GitHubStandIn, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GH_TOKEN")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert "no token for 127.0.0.1" in batch("plan", "github:acme", code=2).output
    assert github.operations == []


@pytest.mark.usefixtures("github")
def test_a_token_that_is_not_valid_is_said_once(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "wrong")
    owners = [f"github:{name}" for name in ("acme", "ada", "bob", "eve")]
    output = batch("plan", *owners, code=3).output
    assert output.count("the token is not valid") == 1
    assert "/ada, " in output
    assert "/bob and 1 more: " in output


@pytest.fixture
def canaries(github: GitHubStandIn, batch: Batch) -> GitHubStandIn:
    """Four planned repositories; a canary of two is opened, and its CI runs."""
    for name in "abcd":
        repository = github.add(f"acme/{name}", {CONFIG: PLAIN})
        repository.otherwise = "PENDING"
    batch("plan", "github:acme", code=1)
    output = batch("apply", *QUICK, "--canary", 2, "--canary-wait", 0, code=1).output
    assert "CI has not finished on" in output
    assert [len(r.pulls) for r in github.repositories.values()] == [1, 1, 0, 0]
    return github


def test_the_rest_follows_a_canary_that_passed(
    canaries: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    def watch(_request: Request) -> Canned | None:
        if sum(clock.slept) > 100:
            for repository in canaries.repositories.values():
                repository.otherwise = "SUCCESS"
        return None

    canaries.watch = watch
    batch("apply", *QUICK, "--canary", 2)
    assert clock.slept[:2] == [60, 60]
    assert [len(r.pulls) for r in canaries.repositories.values()] == [1, 1, 1, 1]


def test_nothing_follows_a_canary_that_failed(canaries: GitHubStandIn, batch: Batch) -> None:
    repository = canaries.repositories["acme/b"]
    tip = repository.tip(BRANCH)
    assert tip
    repository.statuses[tip] = "FAILURE"
    output = batch("apply", *QUICK, "--canary", 2, code=1).output
    assert "CI failed on https://github.example/acme/b/pull/1" in output
    assert [len(r.pulls) for r in canaries.repositories.values()] == [1, 1, 0, 0]


def test_a_canary_as_red_as_its_base_is_not_held_against_it(
    canaries: GitHubStandIn, batch: Batch
) -> None:
    canaries.repositories["acme/a"].otherwise = "SUCCESS"
    canaries.repositories["acme/b"].otherwise = "FAILURE"
    output = batch("apply", *QUICK, "--canary", 2).output
    assert "CI of the first 2 pull requests passed, but that of 1 fails as on the base" in output
    assert [len(r.pulls) for r in canaries.repositories.values()] == [1, 1, 1, 1]


def test_the_budget_of_the_hour_holds_across_runs(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    for at in range(5):
        github.add(f"acme/r{at}", {CONFIG: PLAIN})
    batch("plan", "github:acme", code=1)
    pace = ("--canary", 0, "--per-hour", 2, "--seconds-between", 5)
    batch("apply", *pace, "--max-prs", 2, code=1)
    assert sum(clock.slept) < 20
    before = sum(clock.slept)
    batch("apply", *pace)
    assert sum(clock.slept) - before == pytest.approx(7200, abs=60)
