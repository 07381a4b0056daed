"""A command that is ended from outside, and the pace of commands that undo."""

from __future__ import annotations

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
