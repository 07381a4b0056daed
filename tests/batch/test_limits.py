"""A config past its limits is its own repository's failure."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from cci_migrate.campaign import planner
from cci_migrate.engine import examination, loading
from tests.batch.repositories import CONFIG, FIXED, PLAIN, Batch, checkout
from tests.hostile_work import MARK, install

LIMITS = ("--timeout", 0.2, "--memory-limit", 100)
TOO_LONG = "took too long: more than 0.2 s"
TOO_MUCH = "needs too much memory: more than 100 MB"


@pytest.fixture(autouse=True)
def _hostile_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that goes wrong on request, in workers too."""
    monkeypatch.setattr(examination, "load", loading.load)
    install()
    forked = multiprocessing.get_context("fork")
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: forked)


def hostile(way: str) -> bytes:
    return MARK + way.encode() + b"\n" + PLAIN


def test_planning_goes_on_in_the_process_itself(tmp_path: Path, batch: Batch) -> None:
    folder = tmp_path / "all"
    problems = {"loop": TOO_LONG, "hoard": TOO_MUCH}
    for way in problems:
        checkout(folder / way, {CONFIG: hostile(way)})
    checkout(folder / "fine", {CONFIG: PLAIN})
    batch("plan", folder, *LIMITS, code=3)
    assert batch.states() == {**dict.fromkeys(problems, "failed"), "fine": "planned"}
    for way, problem in problems.items():
        assert batch.results()[way]["cause"] == f"{CONFIG}: {problem}"


def test_planning_goes_on_whatever_a_worker_dies_of(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "processes_pay_off", lambda *_: True)
    folder = tmp_path / "all"
    ways = ("die", "hang")
    for way in ways:
        checkout(folder / way, {CONFIG: hostile(way)})
    fine = [f"fine{number}" for number in range(6)]
    for name in fine:
        checkout(folder / name, {CONFIG: PLAIN})
    batch("plan", folder, "--jobs", 2, *LIMITS, code=3)
    assert batch.states() == {
        **dict.fromkeys(ways, "failed"),
        **dict.fromkeys(fine, "planned"),
    }
    assert "killed" in batch.results()["die"]["cause"]
    assert TOO_LONG in batch.results()["hang"]["cause"]


def test_one_bad_config_leaves_the_others_of_its_repository(tmp_path: Path, batch: Batch) -> None:
    other = ".circleci/other.yml"
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN, other: hostile("loop")})
    batch("plan", folder, *LIMITS, code=1)
    assert batch.states() == {"one": "planned"}
    assert batch.results()["one"]["cause"] == f"1 config(s) failed: {other}: {TOO_LONG}"
    batch("apply", *LIMITS)
    assert (folder / CONFIG).read_bytes() == FIXED


def test_what_became_slow_since_it_was_planned_is_left(tmp_path: Path, batch: Batch) -> None:
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN})
    batch("plan", folder, code=1)
    large = hostile("hang") + b"# x\n" * 30_000
    (folder / CONFIG).write_bytes(large)
    batch("apply", *LIMITS, code=3)
    assert TOO_LONG in batch.results()["one"]["cause"]
    assert (folder / CONFIG).read_bytes() == large
