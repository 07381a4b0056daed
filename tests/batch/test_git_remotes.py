"""A campaign over git URLs: git's own server, over real HTTP."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.batch.git_server import GitServer
from tests.batch.repositories import (
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

BRANCH = "cci-migrate/registry-auth"
pytestmark = pytest.mark.usefixtures("clock")
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
    theirs = commit_bare(repository, {"x": b"theirs"}, BRANCH, base="main")
    batch("plan", served.url("acme/web.git"), code=1)
    assert batch.states() == {"web": "branch-exists"}
    batch("apply", code=1)
    assert git(repository, "rev-parse", BRANCH) == theirs


def test_a_branch_of_another_campaign_with_another_change_is_left_alone(
    served: GitServer, batch: Batch
) -> None:
    repository = served.root / "acme" / "web.git"
    batch("plan", served.url("acme/web.git"), code=1)
    batch("apply")
    ours = git(repository, "rev-parse", BRANCH)
    other = Batch(batch.folder.parent / "other")
    other("plan", served.url("acme/web.git"), "--context", "hub", code=1)
    assert other.states() == {"web": "branch-exists"}
    other("apply", "--seconds-between", 0, code=1)
    assert git(repository, "rev-parse", BRANCH) == ours


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lost_answer_to_a_push_is_looked_into(
    moment: str, served: GitServer, batch: Batch
) -> None:
    batch("plan", served.url("acme/web.git"), code=1)
    drops = iter([moment])

    def drop_once(now: str) -> None:
        if now == moment and next(drops, None):
            raise ConnectionError

    served.watch = drop_once
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

    served.watch = kill
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
