"""What `just` runs, from the justfiles of a repository: as `just --dry-run` 1.59 prints it."""

from __future__ import annotations

import pytest

from tests.docker.task_lines import lines_run_by

FILES = {
    "justfile": r"""# tools
set shell := ["bash", "-euo", "pipefail", "-c"]
set dotenv-load
registry := env("REGISTRY", "quay.io")
image := registry / "acme" + "/app"
tag := `git describe`
mode := if arch() == "x" { "a" } else if registry == "y" { "y" } else { 'b' }
same := if tag == "x" { "one" } else { "one" }
export BUILDKIT := "1"
long := "a" + (
  "b" + 'c'
)
text := '''
two lines'''

import 'ci/images.just'
import? 'missing.just'
mod web
alias b := build

# default
[private]
@_default:
  just --list

[group('ci')]
build target="production" *flags: (pull "alpine:3") && report
    docker build {{flags}} --target {{target}} -t {{image}}:{{tag}} .
    docker run --rm \
        {{image}} true

[confirm("really?"), no-cd]
pull image $token="":
    -@docker pull {{image}}

report:
    #!/usr/bin/env bash
    docker pull redis:7

[windows]
up:
    docker pull windows
[linux]
up:
    docker compose up {{ mode }} {{same}} {{ long }} {{{{kept}}  # {{os()}}

[working-directory: 'web']
there:
    docker build .
login:
    echo "$P" | docker login -u {{env("USER", "bot")}} --password-stdin
python:
    #!/usr/bin/env python3
    print("x")
around: around2
around2: around
    docker pull a
odd:
    docker pull {{ nobody }}
""",
    "ci/images.just": """\
toolbox := "quay.io/acme/toolbox"
lint +files="a b":
  docker run {{toolbox}} lint {{files}}
""",
    "web/mod.just": """\
img := 'node:22'
e2e suite: (other suite)
  docker run {{img}} {{suite}}
other x:
  echo {{x}}
""",
    "ps/justfile": 'set shell := ["pwsh", "-c"]\nx:\n  docker pull a\n',
    "bad/justfile": "x:\n  docker pull a\n\n%%%\n",
    "open/justfile": "x +\n  docker pull a\n",
    "empty/justfile": "x := 'y'\n",
}
EXPORT = 'export BUILDKIT="1"'
BUILT = [
    "docker run --rm \\",
    "    quay.io/acme/app true",
    "#!/usr/bin/env bash",
    "docker pull redis:7",
]


def lines_of(command: str, directory: str = ".", **environment: str) -> list[str]:
    lines = lines_run_by(f"just {command}", FILES, directory, **environment)
    return [line for line in lines if line != EXPORT]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("", ["just --list"]),
        ("b", ["docker pull alpine:3",
               "docker build  --target production -t quay.io/acme/app:$(git describe) .", *BUILT]),
        ("build dev --no-cache -q",
         ["docker pull alpine:3",
          "docker build --no-cache -q --target dev -t quay.io/acme/app:$(git describe) .", *BUILT]),
        ("registry=ghcr.io --set tag 3 report", ["#!/usr/bin/env bash", "docker pull redis:7"]),
        # What follows a recipe's arguments is another recipe.
        ("pull redis lint x y", ["not followed: its justfile has no recipe x"]),
        ("pull redis '' report there",
         ["docker pull redis", "#!/usr/bin/env bash", "docker pull redis:7",
          "cd web && docker build ."]),
        ("up", ["docker compose up ${JUST_VALUE} one abc {{kept}}  # linux"]),
        ("there", ["cd web && docker build ."]),
        ("lint", ["docker run quay.io/acme/toolbox lint a b"]),
        ("lint x y", ["docker run quay.io/acme/toolbox lint x y"]),
        ("web::e2e smoke", ["cd web && echo smoke", "cd web && docker run node:22 smoke"]),
        ("web e2e smoke", ["cd web && echo smoke", "cd web && docker run node:22 smoke"]),
        ("login", ['echo "$P" | docker login -u ${USER:-bot} --password-stdin']),
        ("around", ["docker pull a"]),
        ("-n build", []),
        ("python", ["not followed: the recipe python is for python3"]),
        ("nope", ["not followed: its justfile has no recipe nope"]),
        ("nomod::x", ["not followed: its justfile has no module nomod"]),
        ("pull", ["not followed: the recipe pull lacks its argument image"]),
        ("odd", ["not followed: can't parse justfile (nobody)"]),
        ("$X", ["not followed: which recipe it runs can't be determined"]),
        ("-f gone x", ["not followed: no gone found"]),
        ("-f ps/justfile x", ["not followed: its recipes are for pwsh"]),
        ("-f open/justfile x", ["not followed: can't parse open/justfile (end)"]),
        ("bad/x", ["not followed: can't parse bad/justfile (%%%)"]),
        ("empty/", ["not followed: its justfile has no recipes"]),
    ],
)  # fmt: skip
def test_recipes(command: str, expected: list[str]) -> None:
    assert lines_of(command) == expected


def test_the_justfile_may_be_in_a_folder_above() -> None:
    assert lines_of("pull x", "sub/deeper") == ["cd sub/deeper && docker pull x"]


def test_the_environment_of_the_step_counts() -> None:
    assert "quay.io" not in "\n".join(lines_of("b", REGISTRY="ghcr.io"))
