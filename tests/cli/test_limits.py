"""What a config costs: past the limits it fails, and the others do not notice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG, FIXED, Done, environment
from tests.hostile_work import ENDED_BY_ITSELF, MARK

START = (
    # What is installed goes wrong in its workers too.
    "import multiprocessing, sys; multiprocessing.set_start_method('fork'); "
    "from tests.hostile_work import install; install(); "
    "from cci_migrate.__main__ import main; sys.exit(main())"
)
LIMITS = ("--timeout", "0.5", "--memory-limit", "200")
TOO_LONG = "took too long: more than 0.5 s"
TOO_MUCH = "needs too much memory: more than 200 MB"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository without configs."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".circleci").mkdir()
    return tmp_path


def hostile(way: str) -> bytes:
    return MARK + way.encode() + b"\n" + CONFIG.encode()


def run(folder: Path, *arguments: str, given: bytes = b"") -> Done:
    """The program, with an engine that goes wrong on request."""
    done = subprocess.run(
        [sys.executable, "-c", START, *arguments],
        cwd=folder,
        input=given,
        capture_output=True,
        env=environment(),
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr.decode())


def problems(done: Done) -> dict[str, str]:
    """The problem of each config that failed, by its name."""
    return {
        Path(config["paths"][0]).stem: config["problem"]
        for config in json.loads(done.out)["configs"]
        if config["state"] == "failed"
    }


@pytest.mark.parametrize("way", sorted(ENDED_BY_ITSELF))
def test_one_small_file_is_bounded_in_the_process_itself(folder: Path, way: str) -> None:
    path = folder / ".circleci/config.yml"
    path.write_bytes(hostile(way))
    done = run(folder, ".circleci/config.yml", *LIMITS, "--timeout", "0.2")
    assert done.code == 3
    problem = TOO_MUCH if way == "hoard" else TOO_LONG.replace("0.5", "0.2")
    assert f"error: .circleci/config.yml: {problem}" in done.err
    assert "Traceback" not in done.err
    assert path.read_bytes() == hostile(way)


def test_the_others_go_on_and_are_not_blamed(folder: Path) -> None:
    for way in ("loop", "hoard", "die", "crash", "hang"):
        (folder / f".circleci/{way}.yml").write_bytes(hostile(way))
    for number in range(24):
        (folder / f".circleci/c{number:02}.yml").write_text(CONFIG)
    done = run(folder, "--jobs", "2", "--format", "json", *LIMITS)
    by_config = problems(done)
    assert by_config.pop("hoard") == TOO_MUCH
    assert "killed its process" in by_config.pop("die")
    assert "crashed (exit code -6)" in by_config.pop("crash")
    assert by_config == {"loop": TOO_LONG, "hang": TOO_LONG}
    assert done.code == 3
    for number in range(24):
        assert (folder / f".circleci/c{number:02}.yml").read_text() == FIXED


def test_the_time_of_a_config_is_not_spent_on_the_others(folder: Path) -> None:
    jobs = "".join(f"  j{n}:\n    docker: [image: redis]\n    steps: []\n" for n in range(8_000))
    entries = "".join(f"      - j{n}\n" for n in range(8_000))
    large = f"version: 2.1\njobs:\n{jobs}workflows:\n  w:\n    jobs:\n{entries}"
    (folder / ".circleci/a.yml").write_text(large)
    (folder / ".circleci/config.yml").write_text(CONFIG)
    done = run(folder, ".circleci", "--timeout", "1")
    assert f"error: .circleci/a.yml: {TOO_LONG.replace('0.5', '1')}" in done.err
    assert (folder / ".circleci/config.yml").read_text() == FIXED


def test_a_large_file_and_standard_input_have_a_process_of_their_own(folder: Path) -> None:
    large = hostile("hang") + b"# x\n" * 30_000
    (folder / ".circleci/config.yml").write_bytes(large)
    (folder / ".circleci/small.yml").write_text(CONFIG)
    done = run(folder, ".circleci", *LIMITS)
    assert done.code == 3
    assert TOO_LONG in done.err
    assert (folder / ".circleci/small.yml").read_text() == FIXED
    done = run(folder, "-", *LIMITS, given=large)
    assert (done.code, done.out) == (3, "")
    assert TOO_LONG in done.err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(folder: Path, number: signal.Signals) -> None:
    for name in ("one", "two"):
        large = hostile("loop") + b"# x\n" * 30_000
        (folder / f".circleci/{name}.yml").write_bytes(large)
    parent = subprocess.Popen(
        [sys.executable, "-c", START, "--jobs", "2", "--timeout", "60"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    workers = until(lambda: children(parent.pid) if len(children(parent.pid)) > 0 else [])
    parent.send_signal(number)
    parent.wait(120)
    assert until(lambda: [True] if not any(map(is_running, workers)) else [])


def children(parent: int) -> list[int]:
    listing = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(word) for word in listing.read_text().split()] if listing.exists() else []


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def until(attempt: object) -> list[int]:
    """What ``attempt`` returns once that is something."""
    assert callable(attempt)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        result: list[int] = attempt()
        if result:
            return result
        time.sleep(0.05)
    return []
