"""Diffs are judged by git itself: it must take them, and give the same bytes."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cci_migrate.lossless.edits import Edit, EditConflictError, apply_edits, insertion
from cci_migrate.lossless.source import SourceText, Span
from cci_migrate.lossless.unified_diff import hunks, unified_diff
from tests.processes import git
from tests.proven_changes import whole_edit

CONFIG = b"".join(
    b"  job%d:\n    docker:\n      - image: cimg/base:%d\n    steps: [checkout]\n" % (n, n)
    for n in range(30)
)


def diff_of(
    before: bytes, edits: Iterable[Edit], context: int = 3, path: str = "c.yml"
) -> tuple[bytes, bytes]:
    """The diff of ``edits``, and what they make of ``before``."""
    source = SourceText.decode(path, before)
    after = source.with_text(apply_edits(source.text, edits)).encode()
    return unified_diff(path, hunks(source, edits, context)), after


def whole(before: bytes, after: bytes) -> tuple[Edit, ...]:
    texts = (SourceText.decode("c.yml", data).text for data in (before, after))
    return (whole_edit(*texts),)


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
    diff, result = diff_of(before, whole(before, after))
    assert apply(tmp_path, "c.yml", before, diff) == after == result


@pytest.mark.parametrize(
    "config", [CONFIG, b"\xef\xbb\xbf" + CONFIG, CONFIG.replace(b"\n", b"\n\r")[:-1]]
)
def test_each_place_has_its_hunk(tmp_path: Path, config: bytes) -> None:
    source = SourceText.decode("c.yml", config)
    places = [m.end() for m in re.finditer("base:(0|1|15|29)(?!\\d)", source.text)]
    diff, after = diff_of(config, [insertion(at, "  # new") for at in places])
    assert diff.count(b"\n@@ ") == 3
    assert apply(tmp_path, "c.yml", config, diff) == after
    assert after.count(b"# new") == 4


A_TO_B = [Edit(Span(0, 1), "a", "b")]


@pytest.mark.parametrize(
    "path",
    ["my folder/config.yml", 'a"b\\c.yml', "caf\u00e9/\u8a2d\u5b9a.yml", "tab\there.yml", "-x.yml"],
)
def test_odd_names_are_quoted_as_git_does(tmp_path: Path, path: str) -> None:
    assert apply(tmp_path, path, b"a\n", diff_of(b"a\n", A_TO_B, path=path)[0]) == b"b\n"


def test_the_header_is_the_one_git_writes(tmp_path: Path) -> None:
    path = 'sp ace/"q"-\u00e9.yml'
    file = tmp_path / path
    file.parent.mkdir()
    file.write_bytes(b"a\n")
    git(tmp_path, "init")
    git(tmp_path, "add", "-A")
    file.write_bytes(b"b\n")
    diff = git(tmp_path, "-c", "core.quotePath=true", "diff")
    gits = [line for line in diff.splitlines() if not line.startswith(b"index ")]
    assert diff_of(b"a\n", A_TO_B, path=path)[0].splitlines() == gits


def test_only_what_changed_is_in_the_diff() -> None:
    before = b"jobs:\n- build\n# keep\n- test\n- deploy\n"
    edits = [insertion(at, ":\n    context: c") for at in (13, 27)]
    lines = diff_of(before, edits)[0].splitlines()[4:]
    assert [line for line in lines if line.startswith(b"-")] == [b"-- build", b"-- test"]
    assert b" # keep" in lines


def test_no_change_is_no_diff() -> None:
    assert diff_of(b"a\n", []) == (b"", b"a\n")
    assert diff_of(b"a\n", [Edit(Span(0, 1), "a", "a")]) == (b"", b"a\n")


def test_edits_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EditConflictError):
        tuple(hunks(SourceText("c.yml", "a\n"), [Edit(Span(0, 1), "b", "c")]))


@pytest.mark.parametrize("line_end", ["\n", " "], ids=["many lines", "one line"])
def test_a_large_file_changed_at_many_places(line_end: str) -> None:
    part = f"    - run: make test{line_end}"
    before = part * 200_000
    edits = [insertion(at * len(part), f"new{line_end}") for at in range(0, 200_000, 10)]
    diff, after = diff_of(before.encode(), edits, 0)
    added = [line for line in diff.split(b"\n")[3:] if line[:1] == b"+"]
    assert sum(line.count(b"new") for line in added) == after.count(b"new") == len(edits)


@st.composite
def edited(draw: st.DrawFn) -> tuple[bytes, list[Edit]]:
    """A text with lines of all kinds, and edits anywhere in it."""
    line = st.sampled_from(["a\n", "b\n", "auth:\n", "\n", "a\r\n", "\u2028c\n", "é"])
    text = "".join(draw(st.lists(line, max_size=12)))
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    edits = []
    for start, end in zip(places[::2], places[1::2], strict=False):
        added = draw(st.sampled_from(["", "x", "x\n", "\n", "a\n", "b\na\n", "\nb", "\r\n"]))
        edits.append(Edit(Span(start, end), text[start:end], added))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode(), edits


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edited(), st.integers(1, 4))
def test_any_edits_of_any_text(
    tmp_path: Path, before_and_edits: tuple[bytes, list[Edit]], context: int
) -> None:
    before, edits = before_and_edits
    diff, after = diff_of(before, edits, context)
    if before == after:
        assert diff == b""
        return
    assert apply(tmp_path, "c.yml", before, diff) == after
