"""Configs that ask for more work than they have bytes end soon, and say what became of them.

Those that double run in a process of their own, with a limit of memory and processor time. For
the others the functions called are counted: for twice the text, at most some more than twice.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from cProfile import Profile

import pytest

from cci_migrate.engine.outcomes import Examined, Failed
from tests.processes import ran_python
from tests.processing import PATH, process

WORKFLOW = "workflows: {w: {jobs: [j]}}\n"
HEAD = "version: 2.1\n"

Files = dict[str, str]


def script(*lines: str) -> str:
    """A config whose only job runs ``lines``."""
    block = "".join(f"          {line}\n" for line in lines)
    return f"{HEAD}jobs:\n  j:\n    machine: true\n    steps:\n      - run: |\n{block}{WORKFLOW}"


def chain(first: str, step: str, count: int) -> str:
    """``first``, and then ``step`` over and over, which names itself and the one before it."""
    return first + "".join(step.format(n=n, m=n - 1) for n in range(1, count))


def doubling() -> dict[str, Files]:
    """Each doubles what it comes to with every line."""
    merges = chain("x0: &x0 {image: redis}\n", "x{n}: &x{n} {{<<: [*x{m}, *x{m}]}}\n", 60)
    lists = chain("x0: &x0 [redis]\n", "x{n}: &x{n} [*x{m}, *x{m}]\n", 60)
    logic = chain("x0: &x0 {and: [a]}\n", "x{n}: &x{n} {{and: [*x{m}, *x{m}]}}\n", 60)
    commands = chain(
        "  c0: {steps: [run: docker pull redis]}\n", "  c{n}: {{steps: [c{m}, c{m}]}}\n", 40
    )
    variables = [f'V{n}="$V{n - 1}$V{n - 1}"' for n in range(1, 60)]
    arguments = chain("ARG a0=x\n", "ARG a{n}=$a{m}$a{m}\n", 60)
    tail = f"jobs: {{j: {{machine: true, steps: [c39]}}}}\n{WORKFLOW}"
    job = f"jobs: {{j: {{docker: [*x59], steps: [checkout]}}}}\n{WORKFLOW}"
    when = "{when: {condition: *x59, steps: [run: docker pull redis]}}"
    return {
        "merge keys": {PATH: HEAD + merges + job},
        "aliases": {PATH: HEAD + lists + job},
        "conditions": {
            PATH: f"{HEAD}{logic}jobs: {{j: {{machine: true, steps: [{when}]}}}}\n{WORKFLOW}"
        },
        "commands": {PATH: f"{HEAD}commands:\n{commands}{tail}"},
        "variables": {PATH: script("V0=x", *variables, "docker pull redis/$V59")},
        "build arguments": {
            PATH: script("docker build ."),
            "Dockerfile": arguments + "FROM redis/$a59\n",
        },
        "blank lines": {PATH: "version: 2.1\r\n? jobs" + "\r\n" * 80 + "? workflows\r\n"},
    }


RUN = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from tests.test_bounded_work import PATH, doubling, outcome_of
print(json.dumps({name: outcome_of(files) for name, files in doubling().items()}))
"""


def outcome_of(files: Files) -> str:
    """What becomes of the config: the reason why it fails, else what is found in it."""
    data = {path: text.encode() for path, text in files.items()}
    outcome = process({PATH: data[PATH]}, read=data.get)
    if isinstance(outcome, Failed):
        return outcome.problem
    assert isinstance(outcome, Examined)
    return ", ".join(sorted({resolution.finding.rule for resolution in outcome.resolutions}))


@pytest.mark.skipif(sys.platform == "win32", reason="sets limits as only Unix can")
def test_what_doubles_with_every_line_ends_soon() -> None:
    done = ran_python("-c", RUN)
    assert done.returncode == 0, done.stderr[-2000:]
    repeated = "its aliases and merge keys repeat more than 500,000 values"
    assert json.loads(done.stdout) == {
        "merge keys": repeated,
        "aliases": repeated,
        "conditions": repeated,
        "commands": "its jobs, commands and conditions expand to more than 30,000 steps",
        # Of the image's name, the registry is known.
        "variables": "pull-before-login",
        "build arguments": "pull-before-login",
        "blank lines": "",
    }


def jobs(count: int) -> Files:
    names = [f"j{n}" for n in range(count)]
    each = "".join(f"  {name}: {{docker: [image: redis], steps: [checkout]}}\n" for name in names)
    return {PATH: f"{HEAD}jobs:\n{each}workflows: {{w: {{jobs: [{', '.join(names)}]}}}}\n"}


def one_line(count: int) -> Files:
    each = ", ".join(f"j{n}: {{docker: [image: redis], steps: [checkout]}}" for n in range(count))
    names = ", ".join(f"j{n}" for n in range(count))
    return {PATH: f"{{version: 2.1, jobs: {{{each}}}, workflows: {{w: {{jobs: [{names}]}}}}}}\n"}


def logins(count: int) -> Files:
    line = 'if [ -n "$A" ]; then docker login -u "$U" -p "$P"; fi'
    return {PATH: script(*[line] * count, "docker pull redis")}


def stages(count: int) -> Files:
    text = "FROM redis AS s0\n" + "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(count))
    return {PATH: script("docker build ."), "Dockerfile": text}


def ignored(count: int) -> Files:
    image = "      - image: redis  # cci-migrate: ignore[unauthenticated-image] later\n"
    return {PATH: f"{HEAD}jobs:\n  j:\n    docker:\n{image * count}    steps: []\n{WORKFLOW}"}


def misaddressed(count: int) -> Files:
    """Jobs that log in to Docker Hub at an address that no pull looks up."""
    script = 'docker login -u $U -p "$P" hub.docker.com; docker pull redis'
    each = "".join(f"  j{n}: {{machine: true, steps: [run: '{script}']}}\n" for n in range(count))
    names = ", ".join(f"j{n}" for n in range(count))
    return {PATH: f"{HEAD}jobs:\n{each}workflows: {{w: {{jobs: [{names}]}}}}\n"}


def contexts(count: int) -> Files:
    """Jobs that read the same credentials, half of them with a context and half without."""
    auth = "auth: {username: $DOCKER_USER, password: $DOCKER_PASS}"
    each = "".join(
        f"  j{n}: {{docker: [{{image: a/b{n}, {auth}}}, image: redis], steps: [checkout]}}\n"
        for n in range(count)
    )
    entries = ", ".join(f"j{n}: {{context: c}}" if n % 2 else f"j{n}" for n in range(count))
    return {PATH: f"{HEAD}jobs:\n{each}workflows: {{w: {{jobs: [{entries}]}}}}\n"}


def accounts(count: int) -> Files:
    """Jobs that each have credentials of their own, for an image and in a step."""
    login = "docker login -u $U{n} -p $P{n}; docker pull redis"
    each = "".join(
        f"  j{n}: {{docker: [{{image: a/b{n}, auth: {{username: $A{n}, password: $B{n}}}}}], "
        f"steps: [setup_remote_docker, run: '{login.format(n=n)}']}}\n"
        for n in range(count)
    )
    entries = ", ".join(f"j{n}: {{context: c{n}}}" for n in range(count))
    return {PATH: f"{HEAD}jobs:\n{each}workflows: {{w: {{jobs: [{entries}]}}}}\n"}


@pytest.mark.parametrize(
    "files_of",
    [
        accounts,
        jobs,
        misaddressed,
        contexts,
        one_line,
        stages,
        lambda count: {PATH: script("; ".join(["docker pull redis"] * count))},
        lambda count: {PATH: script(*["docker pull redis"] * count)},
        logins,
        ignored,
        lambda count: {PATH: HEAD + "x: &x {a: b}\n" + f"y: [{'*x, ' * count}]\n" + WORKFLOW},
    ],
    ids=[
        "accounts",
        "jobs",
        "misaddressed",
        "contexts",
        "one line",
        "stages",
        "one-line script",
        "pulls",
        "logins",
        "ignored",
        "aliases",
    ],
)
def test_twice_the_text_takes_twice_the_work(files_of: Callable[[int], Files]) -> None:
    def calls(count: int) -> int:
        files = files_of(count)
        with Profile() as profile:
            outcome_of(files)
        return sum(called.callcount for called in profile.getstats())

    calls(2)  # what is imported and compiled once
    assert calls(120) < 2.6 * calls(60)
