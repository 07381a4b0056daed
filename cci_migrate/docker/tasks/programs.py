"""The names of programs that run something of the repository's own."""

from __future__ import annotations

from cci_migrate.docker.word_sets import names
from cci_migrate.lazy_patterns import lazy_pattern

MAKE = names("make gmake")
JUST = "just"
TASK = names("task go-task")
PACKAGE_MANAGERS = names("npm yarn pnpm bun run-s run-p npm-run-all npm-run-all2")
#: Those that do what some file of the repository says, in a language that is not read.
TASK_RUNNERS = names(
    "rake mage invoke inv fab gradle gradlew mvn mvnw ant sbt bazel bazelisk pants earthly dagger"
    " skaffold tilt garden werf devcontainer ddev lando act nx turbo lerna rush ansible-playbook"
    " molecule packer tox nox lein goreleaser"
)
#: Programs that run a program of their packages, and the words that may precede it.
LAUNCHERS = {
    "bundle": ("exec",),
    "direnv": ("exec", "."),
    **dict.fromkeys(("poetry", "pipenv", "uv", "pdm", "hatch", "rye"), ("run",)),
    **dict.fromkeys(("npx", "pnpx", "bunx"), ()),
}
#: A shell that is given its script by a variable or another command, or as an escaped text.
SHELL_COMMAND = "sh -c"
_INTERPRETER = lazy_pattern(r"(?:python|ruby|node|php|perl|deno)[\d.]{0,8}")
_ALL = MAKE | TASK | {JUST} | PACKAGE_MANAGERS | TASK_RUNNERS | LAUNCHERS.keys()
_MENTIONED = lazy_pattern(
    rf"(?<![\w.-])(?:{'|'.join(sorted(_ALL))}|{_INTERPRETER.pattern})(?:\.bat|\.cmd)?(?![\w:=-])"
)


def is_interpreter(program: str) -> bool:
    """Whether ``program`` runs files of another language than the shell's."""
    return _INTERPRETER.fullmatch(program) is not None


def runs_task(program: str) -> bool:
    """Whether ``program`` may run something that a file of the repository says."""
    return program in _ALL or is_interpreter(program)


def mentions_task(text: str) -> bool:
    """Whether ``text`` may name a program for which `runs_task` is true. Cheap."""
    return _MENTIONED.search(text) is not None
