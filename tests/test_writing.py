"""Files are replaced whole or not at all."""

from __future__ import annotations

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cci_migrate.engine.proof import ProvenChange
from cci_migrate.files.config_writing import WriteError, write
from tests.proven_changes import proven_file
from tests.samples import files_under

BEFORE, AFTER = b"a: 1\r\n", b"a: 1\r\nb: 2\r\n"


def change(*paths: str, after: bytes = AFTER) -> ProvenChange:
    return ProvenChange(tuple(proven_file(path, BEFORE, after) for path in paths))


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(BEFORE)


@contextmanager
def no_room_for_files_above(size: int) -> Iterator[None]:
    """As a full disk does, this makes a write end part-way with an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_bytes_are_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    put(tmp_path, "a/x.yml", "b/y.yml")
    write(change("a/x.yml", "b/y.yml"), tmp_path)
    assert files_under(tmp_path) == {"a/x.yml": AFTER, "b/y.yml": AFTER}


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o664])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    put(tmp_path, "x.yml")
    (tmp_path / "x.yml").chmod(mode)
    write(change("x.yml"), tmp_path)
    assert stat.S_IMODE((tmp_path / "x.yml").stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_is_kept(tmp_path: Path) -> None:
    put(tmp_path, "x.yml")
    os.chown(tmp_path / "x.yml", 1234, 4321)
    write(change("x.yml"), tmp_path)
    status = (tmp_path / "x.yml").stat()
    assert (status.st_uid, status.st_gid) == (1234, 4321)


@pytest.mark.parametrize("linked", ["config.yml", "ci"])
def test_a_link_that_came_since_it_was_read_is_refused(tmp_path: Path, linked: str) -> None:
    put(tmp_path, "outside/config.yml", "repository/ci/config.yml")
    root = tmp_path / "repository"
    if linked == "ci":
        shutil.rmtree(root / "ci")
        (root / "ci").symlink_to("../outside")
    else:
        (root / "ci" / "config.yml").unlink()
        (root / "ci" / "config.yml").symlink_to("../../outside/config.yml")
    with pytest.raises(WriteError, match="became a symbolic link"):
        write(change("ci/config.yml"), root)
    assert set(files_under(tmp_path).values()) == {BEFORE}


@pytest.mark.parametrize("path", ["../outside.yml", "/outside.yml", "a/../../outside.yml"])
def test_a_path_that_leaves_the_repository_is_refused(tmp_path: Path, path: str) -> None:
    put(tmp_path, "outside.yml", "repository/a/x.yml")
    with pytest.raises(WriteError, match=r"cannot be written: (it is outside|No such)"):
        write(change(path), tmp_path / "repository")


def test_a_pipe_that_came_since_it_was_read_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yml")
    with pytest.raises(WriteError, match="no longer a regular file"):
        write(change("x.yml"), tmp_path)


def test_the_longest_name_is_written(tmp_path: Path) -> None:
    put(tmp_path, "x" * 251 + ".yml")
    write(change("x" * 251 + ".yml"), tmp_path)
    assert files_under(tmp_path) == {"x" * 251 + ".yml": AFTER}


def test_another_name_of_the_file_keeps_the_old_content(tmp_path: Path) -> None:
    put(tmp_path, "x.yml")
    (tmp_path / "other").hardlink_to(tmp_path / "x.yml")
    write(change("x.yml"), tmp_path)
    assert files_under(tmp_path) == {"x.yml": AFTER, "other": BEFORE}


def test_a_file_that_changed_since_it_was_read_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "x.yml", "y.yml")
    (tmp_path / "y.yml").write_bytes(b"someone else's\n")
    with pytest.raises(WriteError, match="changed since it was read") as caught:
        write(change("x.yml", "y.yml"), tmp_path)
    assert caught.value.path == "y.yml"
    assert files_under(tmp_path) == {"x.yml": BEFORE, "y.yml": b"someone else's\n"}


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "x.yml")
    with pytest.raises(WriteError, match="No such file"):
        write(change("x.yml", "gone.yml"), tmp_path)
    assert files_under(tmp_path) == {"x.yml": BEFORE}


def test_a_read_only_file_is_refused_to_root_as_well(tmp_path: Path) -> None:
    put(tmp_path, "x.yml")
    (tmp_path / "x.yml").chmod(0o444)
    with pytest.raises(WriteError, match="read-only"):
        write(change("x.yml"), tmp_path)
    assert files_under(tmp_path) == {"x.yml": BEFORE}


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, "x.yml", "y.yml")
    big = change("x.yml", "y.yml", after=b"x" * 10_000)
    with no_room_for_files_above(5_000), pytest.raises(WriteError, match="cannot be written: "):
        write(big, tmp_path)
    assert files_under(tmp_path) == {"x.yml": BEFORE, "y.yml": BEFORE}


@pytest.mark.parametrize("stop", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_stops_it_between_two_files_takes_the_first_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    put(tmp_path, "x.yml", "y.yml")
    rename = os.replace

    def fail_at_y(old: str, new: str, **folders: int) -> None:
        if new == "y.yml":
            # The first file is in place by now: that is the moment this is about.
            assert (tmp_path / "x.yml").read_bytes() == AFTER
            raise stop
        rename(old, new, **folders)

    monkeypatch.setattr(os, "replace", fail_at_y)
    with pytest.raises(WriteError if isinstance(stop, OSError) else KeyboardInterrupt):
        write(change("x.yml", "y.yml"), tmp_path)
    assert files_under(tmp_path) == {"x.yml": BEFORE, "y.yml": BEFORE}
