"""What the exit code of a campaign's command says, also where the command itself goes wrong."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests import program
from tests.batch.repositories import CONFIG, FIXED, PLAIN, Batch, checkout, commit


def fill_disk() -> None:
    """Let no file of this process grow further, as if its disk were full."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def crash() -> None:
    """Put a mistake into the program."""
    from cci_migrate.campaign import plan_run

    def broken(*_: object) -> None:
        raise ZeroDivisionError("with a $ecret")

    plan_run.PlanRun.run = broken  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        ("fill_disk", "error: can't write the campaign's ledger: "),
        ("crash", "error: internal error, please report it: ZeroDivisionError at "),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_fault_of_the_run_is_one_sentence_and_never_something_left(
    prepare: str, problem: str, tmp_path: Path
) -> None:
    checkout(tmp_path / "all" / "one", {CONFIG: PLAIN})
    done = program.run(
        tmp_path,
        *("batch", "plan", "all", "--campaign", "campaign"),
        environment=dict(os.environ),
        prepare=f"{__name__}:{prepare}",
    )
    assert done.returncode == 3
    assert done.stderr.decode().startswith(problem)
    assert done.stderr.count(b"\n") == 1
    assert b"$ecret" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="has no such pipes")
@pytest.mark.parametrize(
    ("arguments", "prepare", "code"),
    [("batch plan all --campaign campaign", f"{__name__}:crash", 3), ("--no-such-option", "", 2)],
)
def test_an_error_that_nobody_reads_has_its_code(
    arguments: str, prepare: str, code: int, tmp_path: Path
) -> None:
    checkout(tmp_path / "all" / "one", {CONFIG: PLAIN})
    reading, stderr = os.pipe()
    os.close(reading)
    with Path(os.devnull).open("r+b") as void:
        streams = (void.fileno(), void.fileno(), stderr)
        words = tuple(arguments.split())
        running = program.start(tmp_path, words, dict(os.environ), streams, prepare=prepare)
        os.close(stderr)
        assert running.wait() == code


def test_a_full_standard_output_is_one_sentence(tmp_path: Path, batch: Batch) -> None:
    checkout(tmp_path / "one", {CONFIG: FIXED})
    batch("plan", tmp_path / "one")
    try:
        full = os.open("/dev/full", os.O_WRONLY)
    except OSError:
        pytest.skip("has no /dev/full")
    stderr = os.open(tmp_path / "stderr", os.O_WRONLY | os.O_CREAT)
    arguments = ("batch", "status", "--campaign", str(batch.folder))
    running = program.start(tmp_path, arguments, dict(os.environ), (full, full, stderr))
    assert running.wait() == 3
    os.close(full)
    os.close(stderr)
    assert (tmp_path / "stderr").read_text() == "error: No space left on device\n"


def test_a_folder_without_checkouts_is_an_error(tmp_path: Path, batch: Batch) -> None:
    folders = [tmp_path / "src", tmp_path / "other"]
    for folder in folders:
        (folder / "docs").mkdir(parents=True)
    output = batch("plan", *folders, code=3).output
    assert all(f"{folder}: no checkout in it" in output for folder in folders)


def test_a_broken_config_is_counted_accepted_and_seen_once_mended(
    tmp_path: Path, batch: Batch
) -> None:
    for name in ("yaml", "text"):
        checkout(tmp_path / name, {CONFIG: PLAIN})
    commit(tmp_path / "yaml", {CONFIG: b"jobs: ["})
    commit(tmp_path / "text", {CONFIG: b"# \xe9t\xe9\n" + PLAIN})
    sources = (tmp_path / "yaml", tmp_path / "text")
    assert "2  broken-config" in batch("plan", *sources, code=1).output
    assert "2  broken-config" in batch("status", code=1).output
    listed = batch("status", "--verbose", code=1).stdout.splitlines()
    assert [line.partition(" (")[0] for line in listed[:2]] == [
        f"{tmp_path / name}: broken-config" for name in ("yaml", "text")
    ]
    commit(tmp_path / "text", {CONFIG: FIXED})
    # What only one repository has is shown with its name and place.
    summary = batch("plan", *sources, code=1).stdout
    assert f"1 x {tmp_path / 'yaml'}: {CONFIG}:1:" in summary
    batch("plan", *sources, "--exclude", "yaml")
    assert batch.states() == {"yaml": "excluded", "text": "nothing-to-do"}
