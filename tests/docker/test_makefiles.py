"""What `make` runs, from the Makefiles of a repository."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from cci_migrate.docker.tasks.runners import task_script, task_title
from cci_migrate.docker.tasks.task_script import NotFollowed
from tests.docker.task_lines import followed, lines_run_by

COMMON = """\
IMAGE := acme/app
TAG ?= latest
FULL = $(IMAGE):$(TAG)
define in-image
docker run --rm $(1) $(2)
docker rm $(1)
endef
.PHONY: build test
build: Dockerfile | folder
\t@docker build -t $(FULL) \\
\t\t-f $< .
folder: ; mkdir -p out
test: build
\t-$(call in-image,$(IMAGE),./test $@)
\tcd x && for i in 1 2; do docker pull "$$i"; done
push-%: build
\tdocker push $(IMAGE):$*
a.img b.img: %.img: %.txt
\tdocker build -f $< $(@D)
login:: ; echo 1
login:: ; echo 2
"""


def lines_of(
    command: str, makefile: str, files: Mapping[str, str] | None = None, **environment: str
) -> list[str]:
    everything = {"Makefile": dedent(makefile), **(files or {})}
    return lines_run_by(f"make {command}", everything, **environment)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("", ["mkdir -p out", "docker build -t acme/app:latest \\", "\t-f Dockerfile ."]),
        ("TAG=2 build", ['export TAG="2"', "mkdir -p out", "docker build -t acme/app:2 \\",
                         "\t-f Dockerfile ."]),
        ("push-x", ["mkdir -p out", "docker build -t acme/app:latest \\", "\t-f Dockerfile .",
                    "docker push acme/app:x"]),
        ("test", ["mkdir -p out", "docker build -t acme/app:latest \\", "\t-f Dockerfile .",
                  "docker run --rm acme/app ./test test", "docker rm acme/app",
                  'cd x && for i in 1 2; do docker pull "$i"; done']),
        ("b.img", ["docker build -f b.txt ."]),
        ("folder folder login", ["mkdir -p out", "echo 1", "echo 2"]),
        ("-n test", []),
        ("-j 4 -s folder", ["mkdir -p out"]),
        ("nothing", ["not followed: its Makefile has no target nothing"]),
        ("-C sub x", ["not followed: no Makefile found in sub"]),
        ("-f other.mk", ["not followed: no other.mk found"]),
        ("$TARGET", ["not followed: which target it runs can't be determined"]),
    ],
)  # fmt: skip
def test_goals(command: str, expected: list[str]) -> None:
    assert lines_of(command, COMMON) == expected


@pytest.mark.parametrize(
    ("makefile", "expected"),
    [
        # What no file sets comes from the environment, as in the shell.
        ("a: ; docker pull $(HOST)/x", ["docker pull ${HOST}/x"]),
        ("a: ; docker pull $(KNOWN)/x", ["docker pull quay.io/x"]),
        ("KNOWN ?= here\na: ; echo $(KNOWN)", ["echo quay.io"]),
        ("KNOWN = here\na: ; echo $(KNOWN)", ["echo here"]),
        # The default of a user name is no evidence of it.
        ("U ?= me\na: ; docker login -u $(U)", ["docker login -u ${U:-me}"]),
        ("X = 1\nX += 2\na: ; echo $X", ["echo 1 2"]),
        ("X := $(Y)\nY = 1\na: ; echo $(X)$(Y)", ["echo ${Y}1"]),
        ("V := $(shell git rev-parse HEAD)\na: ; echo $(V)", ["echo $(git rev-parse HEAD)"]),
        ("L = a b\na: ; echo $(addprefix x/,$(L)) $(L:%=%.o)", ["echo x/a x/b a.o b.o"]),
        ("a: $(foreach x,1 2,i-$(x))\ni-%: ; docker pull $*", ["docker pull 1", "docker pull 2"]),
        ("a: X = 2\na: ; echo $(X)", ["echo 2"]),
        ("a: export X = 2\na: ; echo $(X)", ["echo 2"]),
        ("export X = 1\na: ; echo $$X", ['export X="1"', "echo $X"]),
        ("ifdef CI\na: ; echo 1\nelse\na: ; echo 2\nendif",
         ['if [ -n "${CI}" ]; then', "echo 1", "fi",
          'if ! [ -n "${CI}" ]; then', "echo 2", "fi"]),
        ("a:\nifeq ($(KNOWN),quay.io)\n\techo 1\nelse\n\techo 2\nendif", ["echo 1"]),
        ("a:\nifneq ($(P),)\n\techo 1\nendif", ['if [ -n "${P}" ]; then', "echo 1", "fi"]),
        ("ifndef T\nT = x\nendif\na: ; echo $(T)", ["echo x"]),
        ("ifdef CI\nT = x\nendif\na: ; echo $(T)", ["echo ${T}"]),
        ("# docker pull x\na: # b\n\t# docker pull y\n\techo 1", ["# docker pull y", "echo 1"]),
        ("a: b\nb: a\n\techo b", ["echo b"]),
        ("a: ; echo 1\na: ; echo 2", ["echo 2"]),
        (".DEFAULT_GOAL := b\na: ; echo a\nb: ; echo b", ["echo b"]),
        ("include x.mk\na: c", ["echo c"]),
        ("-include none.mk\na: ; echo a", ["echo a"]),
        ("include none.mk\nb: ; echo b\na: ; x", ["echo b"]),
        ("all: ; $(MAKE) -C sub all", ["make -C sub all"]),
        (".ONESHELL:\na:\n\tcd x\n\tdocker build .", ["cd x", "docker build ."]),
        ("SHELL := /usr/bin/env bash -eu\na: ; echo 1", ["echo 1"]),
        ("SHELL := python3\na: ; print(1)", ["not followed: its recipes are for python3"]),
        ("X = 1", ["not followed: its Makefile has no targets"]),
        ("ROOT := $(shell pwd)\na: ; docker build $(ROOT) $(CURDIR)/x",
         ["docker build $(pwd) ./x"]),
    ],
)  # fmt: skip
def test_makefiles(makefile: str, expected: list[str]) -> None:
    assert lines_of("", makefile, {"x.mk": "c: ; echo c\n"}, KNOWN="quay.io") == expected


def test_a_line_knows_its_file() -> None:
    files = {
        "ci/Makefile": "include ci.mk\n",
        "ci/ci.mk": "a:\n\techo 1\n\t@docker pull \\\n\t x\n",
    }
    script = followed("make -C ci a", files)
    assert script.directory == "ci"
    assert script.place_of(script.text.index("docker")) == "ci/ci.mk:3"
    assert script.place_of(script.text.index(" x")) == "ci/ci.mk:4"


def test_what_an_unread_function_speaks_of_docker_is_said() -> None:
    text = "a: ; $(if $(X),docker pull x)\n"
    assert lines_of("", text)[-1] == "unread: $(if ...) isn't evaluated"


@pytest.mark.parametrize(
    "makefile",
    [
        "include Makefile\na: ; x\n",
        "\n".join(f"X{n} = $(X{n - 1})$(X{n - 1})" for n in range(1, 60)) + "\na: ; $(X59)\n",
        "\n".join(f"a{n}: a{n + 1}" for n in range(2000)),
        "a: " + " ".join(f"x{n}" for n in range(6000)) + "\nx%: ; echo $*\n",
        "x: ; " + "$(" * 100_000,
        "#" * 1_000_001,
    ],
)
def test_a_hostile_makefile_is_given_up(makefile: str) -> None:
    """Within moments: the suite has no time for more."""
    files = {"Makefile": makefile}
    outcome = task_script("make", [], ".", files.get, {})
    assert isinstance(outcome, NotFollowed) or len(outcome.text) < 1_000_000


def test_values_do_not_show_in_titles() -> None:
    assert task_title("make", ["-C", "ci", "TOKEN=s3cret", "push"]) == "make -C ci push"
    assert task_title("npm", ["run", "push", "--", "s3cret"]) == "npm run push"
    assert task_title("python3", ["ci/push.py", "s3cret"]) == "python3 ci/push.py"


@pytest.mark.skipif(shutil.which("make") is None, reason="GNU make isn't installed")
@pytest.mark.parametrize("goal", ["test", "push-x", "b.img", "login"])
def test_make_itself_agrees(goal: str, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(COMMON)
    for name in ("Dockerfile", "a.txt", "b.txt"):
        (tmp_path / name).write_text("")
    done = subprocess.run(
        ["make", "-n", goal], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert lines_of(goal, COMMON) == done.stdout.splitlines()
