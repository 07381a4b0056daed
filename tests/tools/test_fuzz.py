"""The search for configs on which a promise is broken: a short one, and that it would see one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import pytest

from cci_migrate.engine.outcomes import Examined, Failed, Outcome
from tests.processing import process
from tools import fuzz

FIXABLE = b"version: 2.1\njobs: {j: {docker: [image: redis], steps: [checkout]}}\n"


def test_a_short_search_finds_no_fault() -> None:
    found = (fuzz.fault_of(data) for data in islice(fuzz.cases(1), 30))
    assert [(fault.problem, fault.data) for fault in found if fault is not None] == []


def test_the_search_ends_when_its_time_is_up() -> None:
    assert list(fuzz.faults(0, 1)) == []


def test_mutated_configs_are_others_and_mostly_still_read() -> None:
    drawn = list(islice(fuzz.cases(2), 80))
    assert len(set(drawn)) > 60


def test_the_same_seed_gives_the_same_configs() -> None:
    # Some that Hypothesis draws, and some that are changed.
    first = list(islice(fuzz.cases(3), fuzz.DRAWN + 5))
    assert list(islice(fuzz.cases(3), fuzz.DRAWN + 5)) == first


def test_a_seed_is_drawn_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    seeds = set()
    for _ in range(2):
        assert fuzz.main(["0"]) == 0
        seeds.add(capsys.readouterr().out.splitlines()[0])
    assert len(seeds) == 2
    assert fuzz.main(["0", "7"]) == 0
    assert capsys.readouterr().out.startswith("seed 7; again: make fuzz SECONDS=0 SEED=7\n")


def test_what_is_raised_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Outcome:
        raise ValueError("oops")

    monkeypatch.setattr("tools.fuzz.process", broken)
    fault = fuzz.fault_of(FIXABLE)
    assert fault is not None
    assert fault.problem == "ValueError: oops"


def test_a_second_fix_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes: list[Outcome] = []

    def other_the_second_time(files: Mapping[str, bytes]) -> Outcome:
        outcomes.append(Failed((), "no config any more") if outcomes else process(files))
        return outcomes[-1]

    monkeypatch.setattr("tools.fuzz.process", other_the_second_time)
    fault = fuzz.fault_of(FIXABLE)
    assert isinstance(outcomes[0], Examined)
    assert fault is not None
    assert "twice" in fault.problem


def test_a_lost_line_is_seen() -> None:
    before = "a:\n  - b c\n  auth: x\n  - docker login -p $P\nd: e\n"
    assert fuzz.lost_line(before, before) is None
    assert fuzz.lost_line(before, before.replace("  - b c\n", "")) == 2
    assert fuzz.lost_line(before, before.replace("  auth: x\n", "")) is None
