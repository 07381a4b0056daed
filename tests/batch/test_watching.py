"""`batch watch`: the open pull requests until all are merged or closed."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click
import pytest

from cci_migrate.campaign.folder import open_campaign
from cci_migrate.cli import watch_output
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.hosts import delivered
from tests.batch.repositories import Batch
from tests.batch.watching import Canned, Request
from tests.program import start


def script(github: GitHubStandIn, clock: QuickClock) -> None:
    """What happens to two pull requests while they are watched: a thing before each pass."""
    first, second = (repository.pulls[0] for repository in github.repositories.values())
    for pull in (first, second):
        pull.decision = "REVIEW_REQUIRED"
        pull.reviewers = ["ada"]
    events: list[Callable[[], None]] = [
        lambda: None,
        first.approve,
        lambda: setattr(github.repositories["acme/api"], "otherwise", "SUCCESS"),
        lambda: setattr(first, "state", "MERGED"),
        lambda: setattr(second, "state", "CLOSED"),
    ]

    def watch(request: Request) -> Canned | None:
        if (request.operation, request.moment) == ("Reviews", "before") and events:
            events.pop(0)()
        return None

    github.watch = watch
    clock.slept.clear()


def test_each_change_is_a_line_until_nothing_is_open(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    delivered(github, batch, "api", "web")
    script(github, clock)
    lines = batch("watch").stdout.splitlines()
    api, web = (f"https://github.example/acme/{name}/pull/1" for name in ("api", "web"))
    assert [re.sub(r"^[\d: -]{8,}  ", "", line) for line in lines] == [
        "2 open: 2 wait for review",
        f"{api}: waits for CI, which has not started (before: review by ada)",
        f"{api}: waits for the merge button: approved and green (before: CI, which has not "
        "started)",
        f"{api}: pull-request-merged",
        f"{web}: closed-by-human",
    ]
    assert github.operations == ["Reviews"] * 5
    assert [round(seconds) for seconds in clock.slept] == [60] * 4
    assert batch.states() == {"api": "pull-request-merged", "web": "closed-by-human"}


def test_only_some_are_watched_and_not_longer_than_until(
    github: GitHubStandIn, batch: Batch, clock: QuickClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered(github, batch, "api", "web")
    ends_at = clock.now() + 90
    monkeypatch.setattr("cci_migrate.cli.batch_options.time.mktime", lambda _: ends_at)
    before = len(clock.slept)
    output = batch("watch", "w*", "--until", "12:00").stdout
    assert output == "1 open: 1 wait for review\n"
    assert len(clock.slept) - before == 1


def test_a_slow_host_is_asked_less_often(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    delivered(github, batch, "api", "web")
    script(github, clock)
    happens = github.watch

    def watch(request: Request) -> Canned | None:
        if request.moment == "before":
            clock.sleep(100)
        return happens(request)

    github.watch = watch
    batch("watch")
    assert {round(seconds, -1) for seconds in clock.slept} == {100, 900}


def test_a_host_that_is_down_ends_the_watch_after_three_passes(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    delivered(github, batch, "api")
    github.watch = lambda _: Canned(200, b"<html>", {"Content-Type": "text/html"})
    before = len(clock.slept)
    output = batch("watch", code=3).output
    assert output.count("answers with a web page") == 3
    assert len(clock.slept) - before == 2


def test_other_commands_work_on_the_campaign_meanwhile(
    github: GitHubStandIn, batch: Batch, clock: QuickClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered(github, batch, "api", "web")
    working = ExitStack()
    passes: list[int] = []
    sleep = clock.sleep

    def sleep_and_work(seconds: float) -> None:
        sleep(seconds)
        passes.append(github.operations.count("Reviews"))
        if len(passes) == 1:
            batch("close", "web", "--seconds-between", 0)
        elif len(passes) == 2:
            working.enter_context(open_campaign(batch.folder))
        elif len(passes) == 3:
            working.close()
            github.repositories["acme/api"].pulls[0].state = "MERGED"

    monkeypatch.setattr(clock, "sleep", sleep_and_work)
    output = batch("watch").stdout
    assert "acme/web/pull/1: closed\n" in output
    assert "acme/api/pull/1: pull-request-merged\n" in output
    # The third pass is left out: a command works on the campaign.
    assert passes == [1, 1, 2, 2] or passes == [1, 2, 2]


def test_a_terminal_shows_a_table(
    github: GitHubStandIn, batch: Batch, clock: QuickClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered(github, batch, "api", "web")
    script(github, clock)
    monkeypatch.setattr("cci_migrate.cli.batch_following.watch_output", watch_output.WatchTable)
    for name, value in {"COLUMNS": "120", "LINES": "24", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    output = click.unstyle(batch("watch").stdout)
    rows = [line for line in output.splitlines() if "acme/api/pull/1" in line]
    assert "review by ada" in rows[0]
    assert "the merge button: approved and green" in rows[-1]
    assert "Ctrl-C ends" in output
    assert output.endswith("0 open\n")


def test_json_lines_for_a_log(github: GitHubStandIn, batch: Batch, clock: QuickClock) -> None:
    delivered(github, batch, "api", "web")
    script(github, clock)
    result = batch("watch", "--log-format", "json")
    events = [json.loads(line) for line in result.stderr.splitlines()]
    states = [e["state"] for e in events if e["event"] == "repository" and "api" in e["url"]]
    assert states == ["pull-request-open"] * 3 + ["pull-request-merged"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(
    number: signal.Signals, github: GitHubStandIn, batch: Batch, tmp_path: Path
) -> None:
    delivered(github, batch, "api")
    words = ("batch", "watch", "--campaign", str(batch.folder))
    stderr_file = tmp_path / "said"
    with stderr_file.open("w+b") as stderr, Path(os.devnull).open("r+b") as nowhere:
        reading, writing = os.pipe()
        running = start(tmp_path, words, os.environ, (nowhere.fileno(), writing, stderr.fileno()))
        os.close(writing)
        with os.fdopen(reading, "rb") as stdout:
            assert stdout.readline() == b"1 open: 1 wait for review\n"
            # It sleeps for a minute now.
            os.kill(running.pid, number)
            assert running.wait() == 130
    assert "interrupted; run the same command again to continue" in stderr_file.read_text()
