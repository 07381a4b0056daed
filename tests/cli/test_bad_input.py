"""Whatever it is given: a clear line each, the other files done, nothing half-written."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG, FIXED, Program, environment, put

ALIAS_BOMB = "version: 2.1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)

BAD = {
    "binary.yml": (b"\x00\x01\x02", "binary.yml:1:1: the file is binary"),
    "latin.yml": (b"version: 2.1\n# caf\xe9\n", "latin.yml:2:1: the file is not UTF-8 text"),
    "broken.yml": (b"version: 2.1\njobs: [\n", "broken.yml:3:1: not valid YAML"),
    "tab.yml": (b"version: 2.1\njobs:\n\tbuild: {}\n", "tab.yml:3:1: not valid YAML"),
    "conflict.yml": (
        b"version: 2.1\n<<<<<<< HEAD\njobs: {}\n=======\njobs: []\n>>>>>>> x\n",
        "conflict.yml:",
    ),
}


def test_bad_files_are_told_in_a_line_each_and_the_good_ones_are_done(
    program: Program, config: Path
) -> None:
    folder = config.parent
    for name, (data, _) in BAD.items():
        put(folder / name, data)
    with (folder / "large.yml").open("wb") as large:
        large.truncate(8 * 1024 * 1024 + 1)
    os.mkfifo(folder / "pipe.yml")
    (folder / "dangling.yml").symlink_to("nowhere.yml")
    done = program()
    assert done.code == 3
    assert config.read_text() == FIXED
    lines = done.err.splitlines()
    expected = [problem for _, problem in BAD.values()]
    expected += ["large.yml: the file has 8.0 MB, more than the 8 MB", "pipe.yml: not a regular"]
    expected += ["dangling.yml: can't be read: No such file or directory"]
    for problem in expected:
        assert sum(line.startswith(f"error: .circleci/{problem}") for line in lines) == 1, problem
    assert sum(line.startswith("error: ") for line in lines) == len(expected), done.err
    at_tab = lines.index(next(line for line in lines if "tab.yml:3:1" in line))
    assert lines[at_tab + 1 : at_tab + 3] == ["  3 |     build: {}", "    | ^"]
    for name, (data, _) in BAD.items():
        assert (folder / name).read_bytes() == data


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty", ""),
        ("only comments", "# nothing\n\n# here\n"),
        ("deep", "version: 2.1\nx: " + "{a: " * 200 + "1" + "}" * 200 + "\n"),
        ("alias bomb", ALIAS_BOMB),
        ("an alias of itself", "version: 2.1\njobs: &a\n  build: *a\n"),
        ("a list", "- version: 2.1\n"),
        ("wrong types", "version: 2.1\njobs: [a]\nworkflows: {main: {jobs: {a: b}}}\n"),
        ("odd images", "version: 2.1\njobs: {a: {docker: [1, [], {image: {}}, {image: }]}}\n"),
    ],
)
def test_odd_files_do_no_harm(program: Program, config: Path, name: str, text: str) -> None:
    odd = put(config.parent / "odd.yml", text)
    done = program()
    assert config.read_text() == FIXED, name
    assert odd.read_text() == text
    assert "internal error" not in done.err


def test_a_deep_config_is_fixed(program: Program, config: Path) -> None:
    deep = "x-deep: " + "{a: " * 200 + "1" + "}" * 200 + "\n"
    config.write_text(CONFIG + deep)
    assert program("-q").code == 0
    assert config.read_text() == FIXED + deep


def test_a_config_of_a_megabyte_is_fixed(program: Program, config: Path) -> None:
    filling = "x-filling:\n" + "".join(f"  - entry number {n} of many\n" for n in range(40_000))
    config.write_text(CONFIG + filling)
    assert program("-q").code == 0
    assert config.read_text() == FIXED + filling


def test_a_folder_without_configs(program: Program, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    done = program("src")
    assert done.code == 2
    assert f"error: no CircleCI config in {tmp_path / 'src'}: searched for" in done.err
    put(tmp_path / ".circleci/info.yml", "project: {id: x}\n")
    done = program()
    assert done.code == 2
    assert ".circleci/info.yml is something else" in done.err
    assert program(".circleci/info.yml").code == 0


def test_a_folder_without_configs_among_others(
    program: Program, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    done = program("src", ".circleci")
    assert done.code == 0
    assert done.err == f"note: no CircleCI config in {tmp_path / 'src'}\n"
    assert config.read_text() == FIXED


def test_a_path_that_is_not_there(program: Program, config: Path) -> None:
    done = program(".", "gone.yml")
    assert done.code == 2
    assert "'gone.yml': No such file or directory" in done.err
    assert config.read_text() == CONFIG


def test_a_read_only_file_stays_and_the_others_are_done(
    program: Program, config: Path, tmp_path: Path
) -> None:
    other = put(tmp_path / "api/.circleci/config.yml", CONFIG)
    config.chmod(0o444)
    done = program()
    assert done.code == 3
    assert done.err == "error: .circleci/config.yml: is read-only; make it writable and run again\n"
    assert (config.read_text(), other.read_text()) == (CONFIG, FIXED)


def as_an_ordinary_user() -> None:
    """Take from the next program what lets root read every file; to others it does nothing."""
    if os.geteuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        drop_from_the_bounding_set, dac_override, dac_read_search = 24, 1, 2
        for capability in (dac_override, dac_read_search):
            if library.prctl(drop_from_the_bounding_set, capability, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux to make root an ordinary user")
def test_an_unreadable_file_or_folder_is_told_and_the_others_are_done(
    config: Path, tmp_path: Path
) -> None:
    put(config.parent / "secret.yml", CONFIG).chmod(0)
    put(tmp_path / "locked/.circleci/config.yml", CONFIG)
    (tmp_path / "locked").chmod(0)
    done = subprocess.run(
        [sys.executable, "-m", "cci_migrate"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(),
        preexec_fn=as_an_ordinary_user,
    )
    (tmp_path / "locked").chmod(0o755)
    assert sorted(done.stderr.splitlines()) == [
        "error: .circleci/secret.yml: can't be read: Permission denied",
        "error: locked: cannot be searched: Permission denied",
    ]
    assert done.returncode == 3
    assert config.read_text() == FIXED


def test_a_full_disk_leaves_every_file_whole(config: Path, tmp_path: Path) -> None:
    filling = "# filling\n" * 100
    config.write_text(CONFIG + filling)
    small = put(tmp_path / "a/.circleci/config.yml", CONFIG)
    limit = len(CONFIG + filling)

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-m", "cci_migrate", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        preexec_fn=no_room,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("error: .circleci/config.yml: cannot be written: ")
    assert (config.read_text(), small.read_text()) == (CONFIG + filling, FIXED)
    assert [path.name for path in config.parent.iterdir()] == ["config.yml"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_report_that_cannot_be_written_is_an_error(config: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cci_migrate"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
    assert done.stderr == "error: standard output: No space left on device\n"
    assert done.returncode == 3
    assert config.read_text() == FIXED


def test_a_reader_that_goes_away_is_no_error(config: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "cci_migrate", "--check"],
        cwd=config.parent,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_closed_standard_output_is_no_error(config: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m cci_migrate >&-', sys.executable],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert config.read_text() == FIXED


def test_a_terminal_that_cannot_show_a_name(program: Program, tmp_path: Path) -> None:
    put(tmp_path / ".circleci/caf\u00e9\x1b[31m.yml", CONFIG)
    done = program("--check", PYTHONIOENCODING="ascii")
    assert done.code == 1
    assert "caf\\xe9\\x1b[31m.yml" in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_interrupted_while_writing_each_file_is_old_or_new(tmp_path: Path, jobs: str) -> None:
    (tmp_path / ".git").mkdir()
    paths = [put(tmp_path / f"s{number:03}/.circleci/config.yml", CONFIG) for number in range(600)]
    running = subprocess.Popen(
        [sys.executable, "-m", "cci_migrate", "--jobs", jobs],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # An interrupt right after `open` leaves the file to its finalizer, which warns of that.
        env=environment(PYTHONWARNINGS="ignore::ResourceWarning"),
        start_new_session=True,
    )
    while paths[0].read_text() == CONFIG and running.poll() is None:
        time.sleep(0.001)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    written = sum(path.read_text() == FIXED for path in paths)
    assert written + sum(path.read_text() == CONFIG for path in paths) == len(paths)
    assert (
        sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["config.yml"] * 600
    )
    assert 0 < written < len(paths)
    assert running.returncode == 130
    assert out == ""
    files = "1 file was" if written == 1 else f"{written} files were"
    assert err == (
        f"cci-migrate: interrupted; {files} written completely; the others are unchanged\n"
    )


def test_interrupted_while_reading_standard_input(tmp_path: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "cci_migrate", "-v", "-"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    # It has begun to read when it has taken what fills the pipe and more.
    assert running.stdin is not None
    running.stdin.write("# filling\n" * 20_000)
    running.stdin.flush()
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert err == "cci-migrate: interrupted; nothing was written\n"


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ('baseline = "/dev/zero"', "baseline: is outside the folder of this file"),
        ('baseline = "pipe"', "pipe: can't read the baseline: not a regular file"),
        ('baseline = "large.json"', "large.json: can't read the baseline: larger than 32 MB"),
        ('baseline = "deep.json"', "deep.json: can't be read: it is nested too deeply"),
        (
            f"select = {'[' * 10_000}",
            ".cci-migrate.toml: can't be read: it is nested too deeply",
        ),
        (f"# {'x' * 2**20}", ".cci-migrate.toml: can't be read: larger than 1 MB"),
    ],
    ids=["device", "pipe", "large", "deep", "brackets", "long"],
)
def test_a_policy_that_asks_for_too_much_is_an_error(
    program: Program, config: Path, tmp_path: Path, policy: str, problem: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(2**25 + 1)
    (tmp_path / ".cci-migrate.toml").write_text(policy)
    done = program()
    assert done.code == 2
    assert problem in done.err
    assert config.read_text() == CONFIG
