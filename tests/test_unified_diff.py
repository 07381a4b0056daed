"""Diffs are judged by git itself: it must take them, and give the same bytes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cci_migrate.lossless.unified_diff import unified_diff

CONFIG = b"".join(
    b"  job%d:\n    docker:\n      - image: cimg/base:%d\n    steps: [checkout]\n" % (n, n)
    for n in range(30)
)


def with_auth(config: bytes, *jobs: int) -> bytes:
    for job in jobs:
        line = b"      - image: cimg/base:%d\n" % job
        config = config.replace(line, line + b"        auth: {username: $U, password: $P}\n")
    return config


def apply(folder: Path, path: str, before: bytes, diff: bytes) -> bytes:
    """What git makes of ``before`` by ``diff``."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(before)
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(
        ["git", "apply", "-"], cwd=folder, input=diff, capture_output=True, env=environment
    )
    assert done.returncode == 0, done.stderr.decode() + diff.decode("utf-8", "replace")
    return file.read_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(CONFIG, with_auth(CONFIG, 0, 1, 15, 29), id="several hunks"),
        pytest.param(b"a\nb", b"a\nx\nb", id="no final newline, not touched"),
        pytest.param(b"a\nb", b"a\nb\nc", id="no final newline, grown"),
        pytest.param(b"a\nb", b"a\nb\n", id="final newline added"),
        pytest.param(b"a\nb\n", b"a\nb", id="final newline taken"),
        pytest.param(b"a\r\nb\r\n", b"a\r\nx\r\nb\r\n", id="CRLF"),
        pytest.param(b"a\r\nb\nc\rd\n", b"a\r\nb\nx\nc\rd\n", id="mixed line ends"),
        pytest.param(b"\xef\xbb\xbfa\nb\n", b"\xef\xbb\xbfa\nx\nb\n", id="byte order mark"),
        pytest.param(
            "a\u2028b\x0cc\x85\nd\n".encode(), "a\u2028b\x0cc\x85\nx\nd\n".encode(), id="odd breaks"
        ),
        pytest.param(b"", b"a\n", id="from empty"),
        pytest.param(b"a\n", b"", id="to empty"),
        pytest.param(b"x\n" * 50, b"x\n" * 30 + b"y\n" + b"x\n" * 20, id="lines all alike"),
        pytest.param(b"a\nb\n", b"c\nd\n", id="nothing in common"),
    ],
)
def test_git_apply_gives_the_same_bytes(tmp_path: Path, before: bytes, after: bytes) -> None:
    diff = unified_diff("config.yml", before, after)
    assert apply(tmp_path, "config.yml", before, diff) == after


@pytest.mark.parametrize(
    "path",
    ["my folder/config.yml", 'a"b\\c.yml', "caf\u00e9/\u8a2d\u5b9a.yml", "tab\there.yml", "-x.yml"],
)
def test_odd_names_are_quoted_as_git_does(tmp_path: Path, path: str) -> None:
    assert apply(tmp_path, path, b"a\n", unified_diff(path, b"a\n", b"b\n")) == b"b\n"


def test_the_header_is_the_one_git_writes(tmp_path: Path) -> None:
    path = 'sp ace/"q"-\u00e9.yml'
    file = tmp_path / path
    file.parent.mkdir()
    file.write_bytes(b"a\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    file.write_bytes(b"b\n")
    diff = subprocess.run(
        ["git", "-c", "core.quotePath=true", "diff"], cwd=tmp_path, check=True, capture_output=True
    ).stdout
    gits = [line for line in diff.splitlines() if not line.startswith(b"index ")]
    assert unified_diff(path, b"a\n", b"b\n").splitlines() == gits


def test_only_what_changed_is_in_the_diff() -> None:
    before = b"jobs:\n- build\n# keep\n- test\n- deploy\n"
    after = b"jobs:\n- build:\n    context: c\n# keep\n- test:\n    context: c\n- deploy\n"
    lines = unified_diff("c.yml", before, after).splitlines()[4:]
    assert [line for line in lines if line.startswith(b"-")] == [b"-- build", b"-- test"]
    assert b" # keep" in lines


def test_no_change_is_no_diff() -> None:
    assert unified_diff("c.yml", b"a\n", b"a\n") == b""


def test_a_large_file_changed_at_both_ends() -> None:
    lines = [b"    - run: make test\n"] * 200_000
    before = b"".join(lines)
    after = b"".join([b"new\n", *lines[:100_000], b"mid\n", *lines[100_000:], b"end\n"])
    added = [line for line in unified_diff("c.yml", before, after).splitlines() if line[:1] == b"+"]
    assert added == [b"+++ b/c.yml", b"+new", b"+mid", b"+end"]


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"auth:\n", b"\n", b"a\r\n"]), max_size=12)
TAIL = st.sampled_from([b"", b"a", b"\r"])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.tuples(LINES, TAIL), st.tuples(LINES, TAIL), st.integers(0, 4))
def test_any_two_texts(
    tmp_path: Path, old: tuple[list[bytes], bytes], new: tuple[list[bytes], bytes], context: int
) -> None:
    before, after = b"".join(old[0]) + old[1], b"".join(new[0]) + new[1]
    diff = unified_diff("c.yml", before, after, max(context, 1))
    if before == after:
        assert diff == b""
        return
    assert apply(tmp_path, "c.yml", before, diff) == after
