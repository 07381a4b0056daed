"""In place, --check, --dry-run and standard input: what is written where, and the exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG, FIXED, Program, environment, put
from tests.program import run as run_program


def test_in_place_writes_the_fix_and_a_second_run_changes_nothing(
    program: Program, config: Path
) -> None:
    first = program()
    assert first.code == 0, first.out + first.err
    assert config.read_text() == FIXED
    assert ".circleci/config.yml" in first.out
    assert "unauthenticated-image: add auth under the image" in first.out
    assert "context docker-hub-creds to job build" in first.out
    assert "without credentials" not in first.out
    assert "docker-hub-creds must exist" in " ".join(first.out.split())
    before = config.stat()
    second = program()
    assert second.code == 0
    assert "Nothing to do" in second.out
    assert (config.stat().st_mtime_ns, config.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_check_reports_and_writes_nothing(program: Program, config: Path) -> None:
    done = program("--check")
    assert done.code == 1
    assert config.read_text() == CONFIG
    assert "fix: add auth under the image" in done.out
    assert (
        " --> .circleci/config.yml:5:16\n5 |       - image: cimg/node:22.4   # keep\n" in done.out
    )
    assert done.err == ""


def test_check_is_content_with_a_fixed_config(program: Program, config: Path) -> None:
    config.write_text(FIXED)
    assert program("--check").code == 0


def test_the_diff_of_a_dry_run_gives_the_same_bytes_as_the_run_itself(
    program: Program, tmp_path: Path
) -> None:
    crlf = CONFIG.replace("\n", "\r\n").encode()
    variants = {
        ".circleci/config.yml": CONFIG.encode(),
        ".circleci/crlf.yml": crlf,
        ".circleci/bom.yml": b"\xef\xbb\xbf" + CONFIG.encode(),
        ".circleci/no final newline.yml": CONFIG.encode().rstrip(b"\n"),
        ".circleci/caf\u00e9.yml": CONFIG.replace("keep", "caf\u00e9 \u2028 \u0085").encode(),
        "services/api/.circleci/config.yml": CONFIG.replace("  ", "    ").encode(),
        ".circleci/mixed.yml": crlf.replace(b"\r\n", b"\n", 3),
    }
    for name, data in variants.items():
        put(tmp_path / name, data)
    dry = program("--dry-run")
    assert dry.code == 1
    assert "unauthenticated-image: add auth under the image" in dry.err
    assert {name: (tmp_path / name).read_bytes() for name in variants} == variants
    assert program().code == 0
    in_place = {name: (tmp_path / name).read_bytes() for name in variants}
    assert all(in_place[name] != variants[name] for name in variants)
    for name, data in variants.items():
        put(tmp_path / name, data)
    # The program's folder only looks like a repository; here git must believe it.
    (tmp_path / ".git").rmdir()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=dry.out_bytes, check=True)
    assert {name: (tmp_path / name).read_bytes() for name in variants} == in_place


def test_a_dry_run_from_a_folder_below_names_files_from_the_root(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    put(tmp_path / "services/api/.circleci/config.yml", CONFIG)
    done = subprocess.run(
        [sys.executable, "-m", "cci_migrate", "-n"],
        cwd=tmp_path / "services",
        capture_output=True,
        env=environment(),
    )
    assert b"--- a/services/api/.circleci/config.yml\n" in done.stdout
    assert done.stderr.startswith(b"To fix in api/.circleci/config.yml\n")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", "api/.circleci/config.yml"),
        ("./api", "api/.circleci/config.yml"),
        ("../services/api", "../services/api/.circleci/config.yml"),
        ("{root}/services", "{root}/services/api/.circleci/config.yml"),
    ],
)
def test_files_are_called_as_the_user_wrote_them(tmp_path: Path, written: str, shown: str) -> None:
    (tmp_path / ".git").mkdir()
    put(tmp_path / "services/api/.circleci/config.yml", CONFIG)
    paths = [path.format(root=tmp_path) for path in (written,) if path]
    for command in (["--check", *paths], ["--check", "--format", "concise", *paths]):
        done = run_program(tmp_path / "services", *command, environment=environment())
        assert f"{shown.format(root=tmp_path)}:5:16" in done.stdout.decode()
    explained = run_program(tmp_path / "services", "explain", *paths, environment=environment())
    assert explained.stdout.decode().startswith(shown.format(root=tmp_path))


def test_a_dry_run_sums_up_without_notes(program: Program, config: Path) -> None:
    config.write_text(CONFIG.replace("2.1", "2"))
    done = program("-n")
    assert "note[" not in done.err
    assert "Also 1 note." in done.err
    assert "note[sunset-version]" in program("-n", "-v").err


def test_standard_input_to_standard_output(program: Program) -> None:
    done = program("-", given=CONFIG.replace("\n", "\r\n").encode())
    assert done.code == 0
    assert done.out_bytes == FIXED.replace("\n", "\r\n").encode()
    assert "<stdin>" in done.err


def test_standard_input_that_is_not_to_be_changed_comes_out_as_it_is(program: Program) -> None:
    for data in (FIXED.encode(), b"name: not a config\n", b"# generated by jinja\n{% if x %}\n"):
        assert program("-", given=data).out_bytes == data


def test_standard_input_that_is_no_yaml_gives_no_output(program: Program) -> None:
    done = program("-", "--stdin-filename", "ci/build.yml", given=b"a: [\n")
    assert (done.code, done.out_bytes) == (3, b"")
    assert "error: ci/build.yml:" in done.err


def test_standard_input_checked_and_dry(program: Program) -> None:
    checked = program("-", "--check", given=CONFIG.encode())
    assert checked.code == 1
    assert "fix: add auth" in checked.out
    dry = program("-", "--dry-run", "--stdin-filename", "x.yml", given=CONFIG.encode())
    assert dry.code == 1
    assert dry.out.startswith("diff --git a/x.yml b/x.yml\n")


def test_what_cannot_be_fixed_is_left_with_its_reason(program: Program, config: Path) -> None:
    config.write_text(CONFIG.replace("cimg/node:22.4", "$IMAGE"))
    done = program()
    assert done.code == 1
    assert "no fix: CircleCI doesn't replace environment variables in image" in done.out
    assert "1 problem in 1 file: 1 to check. None fixable" in done.out


def test_json_of_a_dry_run_has_the_diff_in_it(program: Program, config: Path) -> None:
    done = program("--dry-run", "--format", "json")
    (change,) = json.loads(done.out)["configs"][0]["changes"]
    assert change["diff"].startswith("diff --git a/.circleci/config.yml")
    assert change["written"] is False
    assert config.read_text() == CONFIG


@pytest.mark.parametrize("start_method", ["fork", "forkserver", "spawn"])
def test_several_processes_tell_the_same_as_one(
    program: Program, tmp_path: Path, start_method: str
) -> None:
    for number in range(24):
        text = CONFIG.replace("22.4", str(number)) if number % 5 else "a: [\n"
        put(tmp_path / f".circleci/c{number:02}.yml", text)
    alone = program("--check", "--jobs", "1")
    start = (
        "import multiprocessing, sys; from cci_migrate.__main__ import main; "
        f"multiprocessing.set_start_method({start_method!r}); sys.exit(main())"
    )
    together = subprocess.run(
        [sys.executable, "-c", start, "--check", "--jobs", "2"],
        cwd=tmp_path,
        capture_output=True,
        env=environment(),
    )
    assert together.stdout.decode() == alone.out
    assert together.stderr.decode() == alone.err
    assert together.returncode == alone.code == 3


PROVIDED = """\
version: 2.1
jobs:
  unit:
    docker:
      - image: cimg/go:1.22
        auth: {{username: $PEAR_USER, password: $PEAR_TOKEN}}
  lint:
    docker:
      - image: cimg/go:1.23
        auth: {{username: {user}, password: $PEAR_TOKEN}}
workflows:
  main:
    jobs:
      - unit: {{context: pear}}
      - lint: {held}
"""


@pytest.mark.parametrize(
    ("user", "held", "closing"),
    [
        ("$PEAR_USER", "{context: pear}", "2 images, all with credentials."),
        ("$PEAR_USER", "{}", "all with credentials if the project holds the variables of 1."),
        ("mydockerhub-user", "{context: pear}", "2 images, 1 with credentials."),
        ("$CIRCLE_USERNAME", "{context: pear}", "2 images, 1 with credentials."),
        (
            "$CIRCLE_USERNAME",
            "{context: pear}",
            "(job lint) doesn't count as authenticated: its $CIRCLE_USERNAME is one of",
        ),
    ],
)
def test_what_the_closing_line_says_of_credentials(
    program: Program, tmp_path: Path, user: str, held: str, closing: str
) -> None:
    put(tmp_path / ".circleci" / "config.yml", PROVIDED.format(user=user, held=held))
    assert closing in " ".join(program().out.split())
