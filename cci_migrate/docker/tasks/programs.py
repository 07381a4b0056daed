"""The names of programs that run something of the repository's own."""

from __future__ import annotations

import re

from cci_migrate.lazy_patterns import lazy_pattern

MAKE = frozenset(("make", "gmake"))
JUST = "just"
TASK = frozenset(("task", "go-task"))
PACKAGE_MANAGERS = frozenset(
    ("npm", "yarn", "pnpm", "bun", "run-s", "run-p", "npm-run-all", "npm-run-all2")
)
#: Those that do what some file of the repository says, in a language that is not read.
TASK_RUNNERS = frozenset(
    re.findall(
        r"\S+",
        "rake mage invoke inv fab gradle gradlew mvn mvnw ant sbt bazel bazelisk"
        " pants earthly dagger skaffold tilt garden act nx turbo lerna rush ansible-playbook packer"
        " tox nox lein goreleaser",
    )
)
#: Programs that run a program of their packages, and the words that may precede it.
LAUNCHERS = {
    "bundle": ("exec",),
    "poetry": ("run",),
    "pipenv": ("run",),
    "uv": ("run",),
    "pdm": ("run",),
    "hatch": ("run",),
    "rye": ("run",),
    "direnv": ("exec", "."),
    "npx": (),
    "pnpx": (),
    "bunx": (),
}
#: Docker's own, and those that take its commands.
DOCKER_PROGRAMS = frozenset(("docker", "docker-compose", "podman", "podman-compose", "buildah"))
#: A shell that is given its script by a variable or another command, or as an escaped text.
SHELL_COMMAND = "sh -c"
_DOCKER_COMMAND = lazy_pattern(
    rf"(?:sudo[ \t]+)?(?:[\w.-]+/|/)*({'|'.join(sorted(DOCKER_PROGRAMS))})[ \t]+(?:-\S*[ \t]+)*"
    r"(bake|build|buildx|compose|create|image|login|pull|run|up)\b"
)
_INTERPRETER = lazy_pattern(r"(?:python|ruby|node|php|perl|deno)[\d.]{0,8}")
_ALL = MAKE | TASK | {JUST} | PACKAGE_MANAGERS | TASK_RUNNERS | LAUNCHERS.keys()
_MENTIONED = lazy_pattern(
    rf"(?<![\w.-])(?:{'|'.join(sorted(_ALL))}|{_INTERPRETER.pattern})(?:\.bat|\.cmd)?(?![\w:=-])"
)


def is_interpreter(program: str) -> bool:
    """Whether ``program`` runs files of another language than the shell's."""
    return _INTERPRETER.fullmatch(program) is not None


def docker_command(text: str) -> str:
    """``docker pull`` of a ``text`` that is such a command line; empty for any other text.

    Only commands that may pull or log in.
    """
    command = _DOCKER_COMMAND.match(text)
    return "" if command is None else " ".join(command.groups())


def runs_task(program: str) -> bool:
    """Whether ``program`` may run something that a file of the repository says."""
    return program in _ALL or is_interpreter(program)


def mentions_task(text: str) -> bool:
    """Whether ``text`` may name a program for which `runs_task` is true. Cheap."""
    return _MENTIONED.search(text) is not None
