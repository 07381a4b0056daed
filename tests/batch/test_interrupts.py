"""A command that is ended from outside, and the pace of commands that undo."""

from __future__ import annotations

import signal

import pytest

from cci_migrate.bounds.limits import DEFAULT_WORK_LIMITS
from cci_migrate.workers.pool import Workers
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import QUICK, Batch, branches
from tests.batch.victims import Victim
from tests.batch.watching import Canned, Request, truly


def test_a_command_that_is_ended_from_outside_says_how_to_go_on(
    github: GitHubStandIn, batch: Batch
) -> None:
    github.planned(batch, "api")
    process: list[Victim] = []

    def watch(request: Request) -> Canned | None:
        if (request.operation, request.moment) == ("CreateCommit", "after"):
            process[0].interrupt()
            raise TimeoutError
        return None

    github.watch = watch
    with github.lock:
        process.append(batch.start("apply", *QUICK))
    code, output = process[0].wait()
    assert code == 130
    assert "interrupted; run the same command again to continue" in output
    github.silence.set()
    github.watch = truly
    batch("apply", *QUICK)
    assert [pull.state for pull in github.repositories["acme/api"].pulls] == ["OPEN"]


def test_what_undoes_has_a_pace_as_well(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    names = [f"r{at}" for at in range(4)]
    github.planned(batch, *names)
    batch("apply", *QUICK, "--canary", 0)
    before = len(clock.slept)
    batch("revert", "r0", "r1", *QUICK)
    assert sum(clock.slept[before:]) < 1
    before = len(clock.slept)
    batch("close", "r2")
    assert sum(clock.slept[before:]) >= 1
    before = len(clock.slept)
    # Sixteen writes were made, more than 4 an hour for pull requests allow.
    batch("revert", *QUICK, "--per-hour", 4)
    assert sum(clock.slept[before:]) > 3000
    assert set(batch.states().values()) == {"closed"}
    assert [branches(r.folder) for r in github.repositories.values()] == [["main"]] * 4


def _blocks_interrupts(_: object) -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no such system")
def test_ctrl_c_ends_no_process_that_is_just_starting() -> None:
    """With a traceback of what it imports: it would do so before it can ignore the signal."""
    workers: Workers[object, bool] = Workers(
        _blocks_interrupts, 2, DEFAULT_WORK_LIMITS, start_method="spawn"
    )
    try:
        for task in range(2):
            workers.submit(task)
        results = []
        while workers.pending:
            results += workers.collect()
    finally:
        workers.close()
    assert sorted(results) == [(0, True), (1, True)]
    assert not _blocks_interrupts(None)
