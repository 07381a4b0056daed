"""A campaign over git URLs: git's own server, over real HTTP."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest

from tests.batch.clocks import QuickClock
from tests.batch.git_server import GitServer
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    Batch,
    bare,
    branches,
    commit_bare,
    content,
    git,
)
from tests.batch.victims import Victim
from tests.batch.watching import Canned

LARGE = os.urandom(1_000_000)


@pytest.fixture
def served(git_server: GitServer) -> GitServer:
    """Two repositories that want the change, and some that do not."""
    bare(git_server.root / "acme" / "api.git", {CONFIG: PLAIN, "large.bin": LARGE})
    bare(git_server.root / "acme" / "web.git", {CONFIG: PLAIN, "src/x.py": b"1\n"})
    bare(git_server.root / "acme" / "docs.git", {"README": b"x"})
    bare(git_server.root / "acme" / "empty.git", None)
    return git_server


def listing(served: GitServer, folder: Path, *names: str) -> str:
    """``@FILE``, a list of the URLs of ``names``."""
    path = folder / "list.txt"
    path.write_text("# all of them\n" + "".join(f"{served.url(name)}  # one\n" for name in names))
    return f"@{path}"


def test_from_a_list_to_pushed_branches(served: GitServer, tmp_path: Path, batch: Batch) -> None:
    names = ("acme/api.git", "acme/web.git", "acme/docs.git", "acme/empty.git", "acme/gone.git")
    batch("plan", listing(served, tmp_path, *names), code=3)
    assert batch.states() == {
        "api": "planned",
        "web": "planned",
        "docs": "no-config",
        "empty": "empty",
        "gone": "failed",
    }
    assert served.bytes_sent < len(LARGE) / 10, "a full clone was made"
    assert branches(served.root / "acme" / "api.git") == ["main"]

    batch("apply", "--seconds-between", 0, code=3)
    for name in ("api", "web"):
        assert batch.states()[name] == "changed"
        repository = served.root / "acme" / f"{name}.git"
        assert content(repository, BRANCH) == FIXED
        assert git(repository, "rev-list", "--count", BRANCH) == "2"
        assert git(repository, "diff", "--name-only", "main", BRANCH) == CONFIG


LIMITED = Canned(429, b"slow down", {"Retry-After": "23"})


def test_a_pause_that_the_server_asks_of_git_is_waited_out(
    served: GitServer, batch: Batch, clock: QuickClock
) -> None:
    """At every request of a fetch, of the files and of a push."""
    for suffix in ("info/refs", "git-upload-pack"):
        waiting = [LIMITED]
        served.answer_git = lambda path, suffix=suffix, waiting=waiting: (  # type: ignore[misc]
            waiting.pop() if path.endswith(suffix) and waiting else None
        )
        before = len(clock.slept)
        batch("plan", served.url("acme/api.git"), "--again", code=1)
        assert waiting == []
        assert clock.slept[before:] == [pytest.approx(23, abs=0.5)]
    waiting = [LIMITED]
    served.answer_git = lambda path: waiting.pop() if "receive" in path and waiting else None
    batch("apply", "--seconds-between", 0)
    assert waiting == []
    assert batch.states() == {"api": "changed"}


def test_the_last_pause_is_not_waited_for(
    served: GitServer, batch: Batch, clock: QuickClock
) -> None:
    served.answer_git = lambda _path: LIMITED
    output = batch("plan", served.url("acme/api.git"), code=1).output
    assert "still limited after 4 pauses" in output
    assert len(clock.slept) == 4
    served.answer_git = lambda _path: None
    batch("plan", served.url("acme/api.git"), code=1)
    assert batch.states() == {"api": "planned"}
    assert sum(clock.slept[4:]) == pytest.approx(23, abs=2)


def test_a_git_server_that_is_down_is_not_asked_for_every_repository(
    served: GitServer, tmp_path: Path, batch: Batch
) -> None:
    served.answer_git = lambda _path: Canned(502, b"")
    names = [f"acme/r{number}.git" for number in range(40)]
    output = batch("plan", listing(served, tmp_path, *names), code=3).output
    assert "does not answer" in output
    assert served.requests < 20


@pytest.mark.parametrize("status", [401, 403])
def test_a_brief_refusal_of_git_is_not_for_good(
    status: int, served: GitServer, batch: Batch
) -> None:
    served.answer_git = lambda _path: Canned(status, b"", {"WWW-Authenticate": "Basic"})
    batch("plan", served.url("acme/api.git"), code=None)
    served.answer_git = lambda _path: None
    batch("plan", served.url("acme/api.git"), code=1)
    assert batch.states() == {"api": "planned"}


def test_the_scratch_of_a_killed_process_is_removed_by_the_next(
    served: GitServer, batch: Batch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    process: list[Victim] = []
    started = threading.Event()

    def kill(_path: str) -> None:
        started.wait(60)
        process[0].kill()

    served.answer_git = kill
    process.append(batch.start("plan", served.url("acme/api.git")))
    started.set()
    assert process[0].was_killed
    assert len(list(scratch.glob("cci-migrate-scratch-*"))) == 1
    served.answer_git = lambda _path: None
    batch("plan", served.url("acme/api.git"), code=1)
    assert list(scratch.iterdir()) == []


def test_a_repository_that_moved_on_is_not_clobbered(served: GitServer, batch: Batch) -> None:
    repository = served.root / "acme" / "web.git"
    batch("plan", served.url("acme/web.git"), code=1)
    commit_bare(repository, {CONFIG: PLAIN.replace(b"20.1", b"22.0")})
    batch("apply", code=1)
    assert branches(repository) == ["main"]
    assert "it changed" in batch.results()["web"]["cause"]


def test_an_unrelated_commit_does_not_stop_it(served: GitServer, batch: Batch) -> None:
    repository = served.root / "acme" / "web.git"
    batch("plan", served.url("acme/web.git"), code=1)
    head = commit_bare(repository, {"README": b"new"})
    batch("apply")
    assert content(repository, BRANCH) == FIXED
    assert git(repository, "rev-parse", f"{BRANCH}^") == head


def test_a_branch_of_somebody_else_is_left_alone(served: GitServer, batch: Batch) -> None:
    repository = served.root / "acme" / "web.git"
    foreign_tip = commit_bare(repository, {"x": b"theirs"}, BRANCH, base="main")
    batch("plan", served.url("acme/web.git"), code=1)
    assert batch.states() == {"web": "branch-exists"}
    batch("apply", code=1)
    assert git(repository, "rev-parse", BRANCH) == foreign_tip


def test_a_branch_of_another_campaign_with_another_change_is_left_alone(
    served: GitServer, batch: Batch
) -> None:
    repository = served.root / "acme" / "web.git"
    batch("plan", served.url("acme/web.git"), code=1)
    batch("apply")
    own_tip = git(repository, "rev-parse", BRANCH)
    other = Batch(batch.folder.parent / "other")
    other("plan", served.url("acme/web.git"), "--context", "hub", code=1)
    assert other.states() == {"web": "branch-exists"}
    other("apply", "--seconds-between", 0, code=1)
    assert git(repository, "rev-parse", BRANCH) == own_tip


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lost_answer_to_a_push_is_looked_into(
    moment: str, served: GitServer, batch: Batch
) -> None:
    batch("plan", served.url("acme/web.git"), code=1)
    drops = iter([moment])

    def drop_once(now: str) -> None:
        if now == moment and next(drops, None):
            raise ConnectionError

    served.watch_push = drop_once
    batch("apply", "--seconds-between", 0)
    assert next(drops, None) is None
    assert batch.states() == {"web": "changed"}
    assert git(served.root / "acme" / "web.git", "rev-list", "--count", BRANCH) == "2"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_a_push_the_next_run_ends_alike(
    moment: str, served: GitServer, tmp_path: Path, batch: Batch
) -> None:
    batch("plan", listing(served, tmp_path, "acme/api.git", "acme/web.git"), code=1)
    victims: list[Victim] = []

    def kill(now: str) -> None:
        if now == moment and victims:
            victims.pop().kill()

    served.watch_push = kill
    process = batch.start("apply", "--seconds-between", 0)
    victims.append(process)
    assert process.was_killed
    batch("apply", "--seconds-between", 0)
    assert batch.states() == {"api": "changed", "web": "changed"}
    for name in ("api", "web"):
        repository = served.root / "acme" / f"{name}.git"
        assert branches(repository) == [BRANCH, "main"]
        assert content(repository, BRANCH) == FIXED
        assert git(repository, "rev-list", "--count", BRANCH) == "2"
