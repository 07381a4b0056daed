"""What the compiler makes of a change is confirmed only if it is what was planned."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.outcomes import Examined
from cci_migrate.engine.proposing import propose
from cci_migrate.policy.settings import LoginMethod, Policy, Revert
from cci_migrate.verification.comparison import Gains
from cci_migrate.verification.compilation import Compilation, CompiledText, CompileErrors
from cci_migrate.verification.verdicts import Verdict, VerdictStatus, verdict
from tests.verification.compiler_model import NotCompiledError, compiled
from tests.verification.conftest import CONFIG

Twist = Callable[[str], str]
PATH = ".circleci/config.yml"


@cache
def compile_text(text: str) -> Compilation:
    try:
        return CompiledText(compiled(text))
    except NotCompiledError as error:
        return CompileErrors(tuple(map(str, error.args)))


@cache
def examined(text: str, policy: Policy) -> Examination:
    found = examine(ConfigFiles({PATH: text.encode()}), policy)
    assert isinstance(found, Examination)
    return found


@cache
def fixed(text: str, policy: Policy) -> str:
    outcome = propose(examined(text, policy))
    assert isinstance(outcome, Examined)
    assert outcome.change is not None
    return outcome.change.files[0].after.decode()


def judged(
    before: str, after: str | None, policy: Policy, twist: Twist = lambda text: text
) -> Verdict:
    """The verdict where the compiler makes of the last text what ``twist`` does."""
    last = before if after is None else after

    def answer(text: str) -> Compilation:
        made = compile_text(text)
        return (
            CompiledText(twist(made.text))
            if text == last and isinstance(made, CompiledText)
            else made
        )

    changed = None if after is None else examined(after, policy)
    return verdict(examined(before, policy), changed, answer, sends_secrets=False)


def replacing(old: str, new: str) -> Twist:
    def twist(text: str) -> str:
        assert old in text, text
        return text.replace(old, new, 1)

    return twist


def login_after_pull(text: str) -> str:
    start = text.index("    - run:\n        name: Docker Login")
    end = text.index("    - run:\n        command: docker pull")
    pull_end = text.index("workflows:")
    return text[:start] + text[end:pull_end] + text[start:end] + text[pull_end:]


@pytest.mark.parametrize(
    ("twist", "problem"),
    [
        (
            replacing(
                "    - image: postgres:16\n      auth:\n        username: $DOCKERHUB_USERNAME\n"
                "        password: $DOCKERHUB_PASSWORD\n",
                "    - image: postgres:16\n",
            ),
            "job test-1.21 pulls postgres:16 without its credentials in the config",
        ),
        (
            replacing("username: $DOCKERHUB_USERNAME", "username: $DOCKERHUB_LOGIN"),
            "job test-1.21 pulls cimg/go:1.21 with other credentials than in the config",
        ),
        (
            replacing("image: postgres:16", "image: postgres:17"),
            "job test-1.21 pulls postgres:17, which isn't in the config",
        ),
        (
            replacing("context: docker-hub-creds", "context: other"),
            "job test-1.21 of main has context other, not context docker-hub-creds",
        ),
        (
            # The later one wins, so their order matters.
            replacing(
                "- releases\n        - docker-hub-creds", "- docker-hub-creds\n        - releases"
            ),
            "job twice of main has contexts docker-hub-creds, releases, not contexts releases, "
            "docker-hub-creds",
        ),
        (login_after_pull, "job image pulls alpine:3 in its steps without a login"),
        (
            replacing("docker login", "docker logout"),
            "job image gets an unplanned step: Docker Login",
        ),
        (
            replacing(
                "        command: docker pull alpine:3\n",
                "        command: docker pull alpine:3\n    - run:\n        command: id\n",
            ),
            "job image gets an unplanned step: id",
        ),
        (
            replacing("make test TAG=1.21", "make test TAG=1.20"),
            "jobs.test-1.21.steps[1].run.command changed, which was not planned",
        ),
        (
            replacing("    - checkout\n", ""),
            "job test-1.21 loses an unplanned step: checkout",
        ),
        (
            replacing("resource_class: large", "resource_class: small"),
            "jobs.image.resource_class changed, which was not planned",
        ),
        (
            replacing(
                "  image:\n    machine",
                "  more:\n    machine: true\n    steps: []\n  image:\n    machine",
            ),
            "jobs.more is new, which was not planned",
        ),
        (
            replacing("requires:\n        - twice", "requires:\n        - test-1.21"),
            "workflows.main.jobs[3].image.requires[0] changed, which was not planned",
        ),
        (
            replacing("workflows:\n  main:", "workflows:\n  mein:"),
            "workflows.main is gone, which was not planned",
        ),
    ],
)
def test_anything_else_than_planned_is_seen(twist: Twist, problem: str) -> None:
    policy = Policy()
    after = fixed(CONFIG, policy)
    assert judged(CONFIG, after, policy).status is VerdictStatus.CONFIRMED
    twisted = judged(CONFIG, after, policy, twist)
    assert twisted.status is VerdictStatus.DIFFERS
    assert problem in twisted.problems


COMMANDS = """\
version: 2.1
parameters: {image: {type: string, default: "node:22"}, deploys: {type: boolean, default: false}}
commands:
  log-in:
    parameters: {name: {type: string, default: hub}}
    steps:
      - run:
          name: Log in to << parameters.name >>
          command: echo "$P" | docker login -u "$U" --password-stdin
  pull:
    parameters: {name: {type: string}}
    steps:
      - run: docker pull << parameters.name >>
jobs:
  build:
    docker: [{image: << pipeline.parameters.image >>, auth: {username: $U, password: $P}}]
    steps: [setup_remote_docker, log-in, {pull: {name: alpine}}]
  later:
    machine: true
    steps:
      - checkout
      - when:
          condition: << pipeline.parameters.deploys >>
          steps: [{pull: {name: busybox}}]
  other:
    machine: true
    steps: [{pull: {name: busybox}}]
workflows:
  main: {jobs: [build, {later: {context: hub}}, {other: {name: "other-<< pipeline.number >>"}}]}
"""
PUSHER = """\
version: 2.1
orbs: {pusher: acme/pusher@1.0}
jobs: {build: {docker: [{image: node:22}], steps: [checkout]}}
workflows: {main: {jobs: [build, pusher/push]}}
"""


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(login=LoginMethod.CLI),
        Policy(add_workflow=True),
        Policy(upgrade_version=True),
    ],
)
@pytest.mark.parametrize("text", [CONFIG, COMMANDS, PUSHER])
def test_what_is_planned_is_confirmed(text: str, policy: Policy) -> None:
    after = fixed(text, policy)
    result = judged(text, after, policy)
    assert result.problems == ()
    assert result.status is VerdictStatus.CONFIRMED
    again = judged(after, None, policy)
    assert again.status is VerdictStatus.CONFIRMED
    back = Policy(login=policy.login, revert=Revert.ALL)
    reverted = judged(after, fixed(after, back), back)
    assert reverted.problems == ()


def test_a_login_that_no_condition_reaches_is_said() -> None:
    text = COMMANDS.replace(', {other: {name: "other-<< pipeline.number >>"}}', "")
    after = text.replace(
        "steps: [{pull: {name: busybox}}]", "steps: [log-in, {pull: {name: busybox}}]"
    )
    result = judged(text, after, Policy())
    assert result.status is VerdictStatus.CONFIRMED
    assert result.gains == Gains()
    assert result.unseen == ("the login in steps",)


def test_an_argument_by_which_an_orbs_job_logs_in() -> None:
    after = PUSHER.replace("pusher/push]", "{pusher/push: {hub_login: true}}]")
    result = judged(PUSHER, after, Policy())
    assert result.status is VerdictStatus.CONFIRMED
    assert result.gains == Gains(logins=1)


def test_a_changed_script_is_the_planned_one_with_values_put_in() -> None:
    text = CONFIG.replace(
        "docker pull alpine:3", "docker login -u me -p $P; echo << pipeline.number >>"
    )
    after = text.replace("-p $P;", "--password-stdin < file;")
    assert judged(text, after, Policy()).problems == ()
    other = judged(text, after, Policy(), replacing("echo 1", "echo 2"))
    assert other.status is VerdictStatus.DIFFERS


def test_the_source_says_something_else_than_the_compiler() -> None:
    # Nothing is changed, and yet the compiler sees no credentials: what is read is not what counts.
    text = fixed(CONFIG, Policy())
    strip = replacing("      auth:\n        username: $DOCKERHUB_USERNAME\n        password: "
                      "$DOCKERHUB_PASSWORD\n", "")  # fmt: skip
    assert judged(text, None, Policy(), strip).status is VerdictStatus.DIFFERS
