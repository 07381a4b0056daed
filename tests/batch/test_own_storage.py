"""What git keeps for a checkout is read and written only where it is the checkout's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cci_migrate.files.discovery import discover
from tests.batch.git_server import GitServer
from tests.batch.repositories import BRANCH, CONFIG, PLAIN, Batch, bare, branches, checkout, git


def linked(folder: Path, other: Path, *names: str) -> None:
    """Put links to ``other``'s storage in the place of ``folder``'s own."""
    for name in names:
        place = folder / ".git" / name
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        place.symlink_to(other / ".git" / name)


def pointer(folder: Path, other: Path) -> None:
    shutil.rmtree(folder / ".git")
    (folder / ".git").write_text(f"gitdir: {other}/.git\n")


def link(folder: Path, other: Path) -> None:
    shutil.rmtree(folder / ".git")
    (folder / ".git").symlink_to(other / ".git")


def common_folder(folder: Path, other: Path) -> None:
    (folder / ".git/commondir").write_text(f"{other}/.git\n")


def false_work_tree(folder: Path, other: Path) -> None:
    """A git folder that says it is one of the other repository's work trees."""
    common_folder(folder, other)
    (folder / ".git/gitdir").write_text(f"{folder}/.git\n")


def commits_of_another(folder: Path, other: Path) -> None:
    """HEAD and its history are another repository's, and would be pushed."""
    (folder / ".git/objects/info/alternates").write_text(f"{other}/.git/objects\n")
    linked(folder, other, "refs/heads/main")


def objects_of_another(folder: Path, other: Path) -> None:
    """Every new object would be written to a folder outside."""
    for number in range(256):
        name = f"objects/{number:02x}"
        (other / ".git" / name).mkdir(exist_ok=True)
        linked(folder, other, name)


@pytest.mark.parametrize(
    "steer",
    [
        pointer,
        link,
        common_folder,
        false_work_tree,
        commits_of_another,
        objects_of_another,
        lambda folder, other: linked(folder, other, "refs", "objects"),
        lambda folder, other: linked(folder, other, "HEAD", "packed-refs", "objects"),
        lambda folder, other: linked(folder, other, "logs"),
    ],
    ids=lambda steer: steer.__name__,
)
def test_nothing_is_written_to_another_repository_or_read_from_it(
    steer: Callable[[Path, Path], None], git_server: GitServer, tmp_path: Path
) -> None:
    secret = checkout(tmp_path / "secret", {CONFIG: PLAIN, "secret": b"x"})
    git(secret, "pack-refs", "--all")
    git(secret, "update-ref", "refs/heads/main", "HEAD")
    bare(git_server.root / "theirs.git", {CONFIG: PLAIN})
    hostile = tmp_path / "hostile"
    git(tmp_path, "clone", "--quiet", git_server.url("theirs.git"), str(hostile))
    steer(hostile, secret)
    before = {path: path.stat().st_mtime_ns for path in (secret / ".git").rglob("*")}
    for mode in ("branch", "push"):
        batch = Batch(tmp_path / mode)
        batch("plan", hostile, code=None)
        batch("apply", "--local", mode, code=3)
        assert "git folder" in batch.results()["hostile"]["cause"]
    assert {path: path.stat().st_mtime_ns for path in (secret / ".git").rglob("*")} == before
    assert branches(git_server.root / "theirs.git") == ["main"]


def test_work_trees_and_submodules_have_storage_of_their_own(tmp_path: Path, batch: Batch) -> None:
    base = checkout(tmp_path / "base", {CONFIG: PLAIN})
    outer = checkout(tmp_path / "outer", {"x": b""})
    allowed = ("-c", "protocol.file.allow=always")
    git(outer, *allowed, "submodule", "--quiet", "add", str(base), "inner")
    git(base, "worktree", "add", "--quiet", str(tmp_path / "tree"))
    for folder in (outer / "inner", tmp_path / "tree"):
        batch("plan", folder, code=1)
        batch("apply", "--local", "branch")
        assert BRANCH in branches(folder)
        git(folder, "branch", "--quiet", "-D", BRANCH)


@pytest.mark.parametrize("text", [b"gitdir: a\0b", b"gitdir: loop", b"\xff", b""])
def test_a_git_file_that_leads_nowhere_is_no_repository(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / ".git").write_bytes(text)
    (tmp_path / ".circleci").mkdir()
    (tmp_path / CONFIG).write_bytes(PLAIN)
    assert [repository.files for repository in discover([tmp_path]).repositories] == [(CONFIG,)]
