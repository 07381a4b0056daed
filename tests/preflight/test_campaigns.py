"""`doctor` and `context create` for all repositories of a campaign at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cci_migrate.forges.bitbucket.host import Bitbucket
from cci_migrate.forges.repository import Observation, RepositoryRef
from cci_migrate.transport.host_errors import HostError, HostUnavailable
from tests.batch.hosts import served
from tests.batch.repositories import CONFIG, FIXED, PLAIN, Batch, checkout, git
from tests.batch.rest_stand_ins import BitbucketStandIn
from tests.preflight.circleci_stand_in import CircleCiStandIn
from tests.preflight.conftest import Program

VALUES = {"DOCKERHUB_USERNAME": "ada", "DOCKERHUB_PASSWORD": "hunter2-hunter2"}
NAME = "docker-hub-creds"


SCRIPTED = b"""\
version: 2.1
jobs: {build: {machine: true, steps: [checkout, run: ./pull.sh]}}
workflows: {main: {jobs: [build]}}
"""


def fail(*_: object) -> None:
    raise HostError("the disk of the host is full")


@pytest.fixture
def campaign(tmp_path: Path, circleci: CircleCiStandIn) -> Path:
    """A campaign over checkouts of two organisations, one of which has the context."""
    folder = tmp_path / "checkouts"
    remotes = {
        "one": (PLAIN, "git@github.com:acme/one.git"),
        "two": (PLAIN, "https://github.com/acme/two"),
        "done": (FIXED, "https://github.com/acme/done.git"),
        "other": (PLAIN, "git@bitbucket.org:team/other.git"),
        "lost": (PLAIN, "https://gitlab.com/acme/lost.git"),
    }
    for name, (content, url) in remotes.items():
        git(checkout(folder / name, {CONFIG: content}), "remote", "add", "origin", url)
    acme, team = circleci.organisation("gh/acme"), circleci.organisation("bb/team")
    for name in ("one", "two", "done"):
        acme.project(f"gh/acme/{name}", (name == "two", False))
    acme.context("first")
    acme.context("second")
    context = acme.context(NAME, **VALUES)
    context.restrict("project", acme.projects["gh/acme/one"].id, "one")
    context.restrict("project", acme.projects["gh/acme/done"].id, "done")
    team.project("bb/team/other")
    Batch(tmp_path / "campaign")("plan", folder, code=1)
    return tmp_path / "campaign"


def test_each_organisation_is_looked_at_once(
    campaign: Path, run: Program, circleci: CircleCiStandIn
) -> None:
    done = run("doctor", "--campaign", campaign, "--only", "circleci", "--format", "json")
    assert done.code == 3  # nothing can be asked of the one on gitlab.com
    answers = json.loads(done.out)["answers"]
    problems = {answer["subject"]: answer for answer in answers if answer["status"] == "problem"}
    assert problems["organisation bb/team"]["text"].startswith(f"context {NAME}: does not exist")
    restricted = problems["organisation gh/acme"]
    assert "restricted to done and one; these jobs belong to another project" in restricted["text"]
    assert restricted["jobs"] == [f"gh/acme/two: build of main ({CONFIG}:11)"]
    (unknown,) = (answer for answer in answers if answer["subject"].startswith("repository "))
    assert unknown["subject"].endswith("/lost")
    assert "can't determine its organisation and project" in unknown["text"]
    forks = {
        tuple(answer["projects"]): answer["text"]
        for answer in answers
        if "from forks" in answer["text"]
    }
    assert forks["gh/acme/done", "gh/acme/one"] == "pull requests from forks are not built"
    # Two pages of gh/acme's contexts and one of bb/team's; each thing is asked once.
    assert circleci.calls.count("GET /context") == 3
    others = [call for call in circleci.calls if call != "GET /context"]
    assert len(others) == len(set(others))


def test_the_context_is_made_in_every_organisation(
    campaign: Path, run: Program, circleci: CircleCiStandIn
) -> None:
    arguments = ("context", "create", "--campaign", campaign, "--from-env", "--yes")
    done = run(*arguments, **VALUES)
    assert done.code == 2
    assert "gh/acme, context docker-hub-creds: nothing" in done.out
    assert "--yes does not send values to bb/team, which only the git remote origin" in done.err
    done = run(*arguments, "--org", "bb/team", **VALUES)
    assert done.code == 0, done.err
    assert "bb/team, context docker-hub-creds: done" in done.out
    assert circleci.organisations["bb/team"].contexts[NAME].values == VALUES


def test_repositories_of_a_host_are_read_there(
    tmp_path: Path, run: Program, circleci: CircleCiStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    circleci.organisation("bb/acme").project("bb/acme/api")
    with served(BitbucketStandIn, tmp_path, monkeypatch) as host:
        variables = {"BITBUCKET_API_URL": host.api, "BITBUCKET_TOKEN": host.token}
        host.add("acme/api", {CONFIG: PLAIN})
        host.add("acme/a-broken", {CONFIG: SCRIPTED})
        Batch(tmp_path / "campaign")("plan", "bitbucket:acme", code=1)
        monkeypatch.setattr(Bitbucket, "read", fail)
        done = run("doctor", "--campaign", tmp_path / "campaign", "--only", "circleci", **variables)
    assert done.code == 3
    assert f"context {NAME}: does not exist; the fix adds it to these jobs" in done.out
    assert f"jobs: bb/acme/api: build of main ({CONFIG}:11)" in done.out
    assert "configs of bb/acme/a-broken\n  not asked  the disk of the host is full" in done.out


@pytest.mark.parametrize(
    ("error", "is_asked"),
    [(HostError("a page of nonsense"), True), (HostUnavailable("the host is down"), False)],
    ids=["of-one", "of-the-host"],
)
def test_an_error_of_one_repository_is_not_that_of_the_others(
    error: Exception,
    is_asked: bool,
    tmp_path: Path,
    run: Program,
    circleci: CircleCiStandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    circleci.organisation("bb/acme").project("bb/acme/web")
    observe = Bitbucket.observe

    def failing(host: Bitbucket, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        for ref in refs:
            if ref.name == "acme/api":
                raise error
            yield from observe(host, [ref])

    with served(BitbucketStandIn, tmp_path, monkeypatch) as host:
        environment = {"BITBUCKET_API_URL": host.api, "BITBUCKET_TOKEN": host.token}
        for name in ("acme/api", "acme/web"):
            host.add(name, {CONFIG: PLAIN})
        Batch(tmp_path / "campaign")("plan", "bitbucket:acme", code=1)
        monkeypatch.setattr(Bitbucket, "observe", failing)
        done = run(
            "doctor", "--campaign", tmp_path / "campaign", "--only", "circleci", **environment
        )
    assert done.code == 3
    assert f"configs of bb/acme/api\n  not asked  {error}" in done.out
    assert (f"jobs: bb/acme/web: build of main ({CONFIG}:11)" in done.out) == is_asked
    assert (f"configs of bb/acme/web\n  not asked  {error}" in done.out) != is_asked
    # Nobody knows that yet, and no file is wrong.
    assert "no job uses a context" not in done.out
    assert "correct the file" not in done.out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--campaign", "nowhere"), "no campaign here"),
        (("--campaign", "nowhere", "--project", "gh/acme/api"), "can't be combined with"),
        (("--app-id", "123456"), "--app-id and --app-key require each other"),
        (("--token-command", "echo"), "--token-command require --campaign"),
    ],
)
def test_what_does_not_go(run: Program, arguments: tuple[str, ...], text: str) -> None:
    done = run("doctor", *arguments)
    assert done.code == 2
    assert text in done.err
