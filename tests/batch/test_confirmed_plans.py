"""``batch plan --verify``: only changes that CircleCI's compiler confirms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    QUICK,
    Batch,
    checkout,
    commit,
    commit_bare,
    content,
)
from tests.verification.compile_stand_in import CompileStandIn, serving

OWN_IMAGE = PLAIN.replace(b"cimg/node:20.1", b"acme/own")
#: The stand-in's registry has the Docker orb of version 3, which calls its parameters otherwise.
BREAKS = b"""\
version: 2.1
orbs: {docker: circleci/docker@2.8.2}
jobs: {build: {machine: true, steps: [{run: docker pull redis}]}}
workflows: {main: {jobs: [build]}}
"""
SECRET = "hq7-Wz2-9fK1-xx"


@pytest.fixture(autouse=True)
def _no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """CircleCI's own program is not used, whoever has it installed."""
    monkeypatch.setattr("cci_migrate.preflight.circleci_program.find_program", lambda _: None)


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[CompileStandIn]:
    """A host that compiles, and the one that commands ask."""
    with serving() as stand_in:
        monkeypatch.setenv("CIRCLE_API_URL", stand_in.url)
        yield stand_in


def test_what_the_compiler_confirms_is_planned_and_applied(
    tmp_path: Path, batch: Batch, compiler: CompileStandIn, clock: QuickClock
) -> None:
    here = tmp_path / "all"
    checkout(here / "api", {CONFIG: PLAIN})
    checkout(here / "web", {CONFIG: OWN_IMAGE})
    checkout(here / "done", {CONFIG: FIXED})
    batch("plan", here, "--verify", code=1)
    assert batch.states() == {"api": "planned", "web": "planned", "done": "nothing-to-do"}
    results = batch.results()
    assert {name: record["is_confirmed"] for name, record in results.items()} == {
        "api": True, "web": True, "done": False,
    }  # fmt: skip
    # What needs no change is not sent, and there is a second between two that are.
    assert len(compiler.configs) == 4
    assert clock.slept == [1.0]
    page = tmp_path / "report.html"
    batch("report", "--html", page)
    assert page.read_text().count("confirmed by CircleCI's compiler") == 2
    batch("apply")
    assert (here / "api" / CONFIG).read_bytes() == FIXED


def test_what_it_does_not_confirm_holds_the_repository_back(
    tmp_path: Path, batch: Batch, compiler: CompileStandIn
) -> None:
    here = tmp_path / "all"
    checkout(here / "breaks", {CONFIG: BREAKS, ".circleci/fine.yml": PLAIN})
    checkout(here / "broken", {CONFIG: PLAIN.replace(b"- build\n", b"- deploy\n")})
    secret = f"    environment: {{API_PASSWORD: {SECRET}}}\n    steps:\n".encode()
    checkout(here / "secret", {CONFIG: PLAIN.replace(b"    steps:\n", secret)})
    batch("plan", here, "--verify", code=3)
    assert batch.states() == {"breaks": "refused", "broken": "refused", "secret": "failed"}
    causes = {name: record["cause"] for name, record in batch.results().items()}
    assert causes["breaks"].startswith(
        f"{CONFIG}: not confirmed by CircleCI's compiler: does not compile with the change: "
        "Error calling command docker/check"
    )
    assert "does not compile even without the change: Cannot find" in causes["broken"]
    assert "it contains a secret" in causes["secret"]
    assert causes["secret"].endswith("; use --send-secrets to send it")
    assert SECRET not in "".join(compiler.configs)
    (finding, *_) = batch.results()["breaks"]["findings"]
    assert finding["state"] == "left"
    assert finding["reason"].startswith("not confirmed by CircleCI's compiler")
    # Nothing is written, of the other config of that repository neither.
    batch("apply", code=3)
    assert (here / "breaks" / CONFIG).read_bytes() == BREAKS
    assert (here / "breaks" / ".circleci" / "fine.yml").read_bytes() == PLAIN


def test_a_run_asks_about_so_many_configs(
    tmp_path: Path, batch: Batch, compiler: CompileStandIn
) -> None:
    here = tmp_path / "all"
    for at in range(3):
        checkout(here / f"r{at}", {CONFIG: PLAIN.replace(b"20.1", b"20.%d" % at)})
    done = batch("plan", here, "--verify", "--verify-limit", "2", code=1)
    assert sorted(batch.states().values()) == ["listed", "planned", "planned"]
    assert "reached --verify-limit; run it again to continue" in done.output
    assert len(compiler.configs) == 4
    batch("plan", here, "--verify", "--verify-limit", "2", code=1)
    assert [*batch.states().values()] == ["planned"] * 3
    assert len(compiler.configs) == 6


def test_no_answer_is_made_up_for_by_the_next_run(
    tmp_path: Path, batch: Batch, compiler: CompileStandIn
) -> None:
    here = tmp_path / "all"
    checkout(here / "api", {CONFIG: PLAIN})
    compiler.faults = [(403, {"Content-Type": "application/json"}, '{"message": "Blocked"}')]
    batch("plan", here, "--verify", code=3)
    (record,) = batch.results().values()
    assert record["state"] == "failed"
    assert "no answer from the compiler: Blocked" in record["cause"]
    batch("plan", here, "--verify", code=1)
    assert batch.states() == {"api": "planned"}


@pytest.mark.parametrize("is_patient", [True, False])
def test_a_pause_is_waited_out_however_late(
    tmp_path: Path, batch: Batch, compiler: CompileStandIn, clock: QuickClock, is_patient: bool
) -> None:
    checkout(tmp_path / "all" / "api", {CONFIG: PLAIN})
    compiler.faults = [(429, {"Retry-After": "900"}, "")] if is_patient else []
    batch("plan", tmp_path / "all", "--verify", code=1)
    assert batch.states() == {"api": "planned"}
    assert (sum(clock.slept) > 800) == is_patient


def test_a_repository_that_moved_on_is_confirmed_again(
    tmp_path: Path, batch: Batch, compiler: CompileStandIn
) -> None:
    here = tmp_path / "all"
    checkout(here / "api", {CONFIG: PLAIN})
    batch("plan", here, "--verify", code=1)
    commit(here / "api", {CONFIG: OWN_IMAGE})
    batch("apply", code=1)
    (record,) = batch.results().values()
    assert record["state"] == "listed"
    assert "changed after CircleCI's compiler confirmed the plan" in record["cause"]
    batch("apply", code=1)
    assert (here / "api" / CONFIG).read_bytes() == OWN_IMAGE
    batch("plan", here, "--verify", code=1)
    batch("apply")
    assert b"auth:" in (here / "api" / CONFIG).read_bytes()
    assert len(compiler.configs) == 4


@pytest.mark.usefixtures("compiler")
def test_its_pull_request_stays_the_campaigns(github: GitHubStandIn, batch: Batch) -> None:
    repository = github.add("acme/api", {CONFIG: PLAIN})
    batch("plan", "github:acme", "--verify", code=1)
    batch("apply", *QUICK)
    again = ("plan", "github:acme", "--again", "--verify", "--context", "hub")
    batch(*again, code=1)
    commit_bare(repository.folder, {CONFIG: b"# new\n" + PLAIN})
    batch("apply", *QUICK, code=1)
    assert batch.states() == {"api": "listed"}
    assert batch.results()["api"]["pull_request"] == "https://github.example/acme/api/pull/1"
    batch(*again, code=1)
    assert batch.states() == {"api": "planned"}
    batch("apply", *QUICK)
    assert content(repository.folder, BRANCH).startswith(b"# new\n")
    assert len(repository.pulls) == 1


def test_usage(tmp_path: Path, batch: Batch, compiler: CompileStandIn) -> None:
    checkout(tmp_path / "all" / "api", {CONFIG: PLAIN})
    done = batch("plan", tmp_path / "all", "--send-secrets", code=2)
    assert "--org and --send-secrets require --verify" in done.output
    batch("plan", tmp_path / "all", "--verify", code=1)
    done = batch("plan", tmp_path / "all", code=2)
    assert "this campaign was planned with --verify; use the same," in done.output
    done = batch("plan", tmp_path / "all", "--verify", "--api-url", "http://ci.acme.io", code=2)
    assert "not https" in done.output
    assert len(compiler.configs) == 2
