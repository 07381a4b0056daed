"""The oracle's reading of logins in steps."""

from __future__ import annotations

import pytest

from tests.oracle.plain_yaml import mapping_of, read
from tests.oracle.pulled_images import pulled_images
from tests.oracle.step_logins import StepLogins, hub_logins, is_added_login, is_rewritten_login


@pytest.mark.parametrize(
    ("script", "logins"),
    [
        ('echo "$P" | docker login -u "$U" --password-stdin', [("$U", "$P")]),
        ("echo ${P} | sudo docker login --username=${U} --password-stdin", [("$U", "$P")]),
        ("docker login -u $U -p $P", [("$U", "$P")]),
        ('docker login -u="$U" -p="$P" docker.io && docker push x', [("$U", "$P")]),
        ('docker login -e "$E" -u $U -p $P', [("$U", "$P")]),
        ('docker login -u $U --password-stdin <<< "$P"', [("$U", "$P")]),
        ("docker login \\\n  -u me \\\n  -p $P\n", [("me", "$P")]),
        ("docker login -u $U -p $P quay.io", []),
        ("docker login ghcr.io -u $U --password-stdin", []),
        ("docker pull redis\n", []),
        ("docker login -u $A -p $B\ndocker login -u $C -p $D quay.io\n", [("$A", "$B")]),
    ],
)
def test_logins_of_a_script(script: str, logins: list[tuple[str, str]]) -> None:
    assert list(hub_logins(script)) == logins


def test_logins_through_commands_conditions_and_the_orb() -> None:
    config = mapping_of(
        read("""
orbs: {d: circleci/docker@3.0.1, other: a/docker@1}
commands:
  login: {steps: [{when: {condition: x, steps: [{run: docker login -u $A -p $B}]}}]}
  again: {steps: [again, login]}
""")
    )
    steps = read("""
- checkout
- again
- d/check
- d/check: {docker_username: U, docker_password: P}
- d/check: {registry: quay.io}
- other/check
""")
    # Commands that call each other come to an end.
    assert list(dict.fromkeys(StepLogins(config).of(steps))) == [
        ("$A", "$B"),
        ("$DOCKER_LOGIN", "$DOCKER_PASSWORD"),
        ("$U", "$P"),
    ]


def test_a_job_that_logs_in_needs_the_context() -> None:
    config = read("""
jobs:
  vm: {machine: true, steps: [{run: docker login -u $U -p $P}]}
  literal: {machine: true, steps: [{run: docker login -u me -p secret}]}
workflows: {w: {jobs: [vm, literal]}}
""")
    jobs = pulled_images(config).workflow_jobs
    assert [job.job for job in jobs if job.needs_context] == ["vm"]


@pytest.mark.parametrize(
    ("before", "after", "is_right"),
    [
        ("docker login -u $U -p $P", "echo $P | docker login -u $U --password-stdin", True),
        ('docker login -p="$P" -u a', 'echo "$P" | docker login --password-stdin -u a', True),
        (
            "docker login -u $U --password $P q.io",
            "echo $P | docker login -u $U --password-stdin q.io",
            True,
        ),
        ("x\ndocker login -u $U -p $P", "x\necho $P | docker login -u $U --password-stdin", True),
        ("docker login -u $U -p $P", "echo $Q | docker login -u $U --password-stdin", False),
        ("docker login -u $U -p $P", "echo $P | docker login -u $V --password-stdin", False),
        ("docker login -u $U -p $P q.io", "echo $P | docker login -u $U --password-stdin", False),
        ("x\ndocker login -u $U -p $P", "echo $P | docker login -u $U --password-stdin", False),
        ("docker pull x", "docker pull y", False),
        ("", "", False),
    ],
)
def test_a_rewritten_login(before: str, after: str, is_right: bool) -> None:
    assert is_rewritten_login(before, after) is is_right


@pytest.mark.parametrize(
    ("before", "after", "is_right"),
    [
        ("a\nb", "a\necho $P | docker login -u $U --password-stdin\nb", True),
        ("a", "if x; then\n  docker login --password-stdin\nfi\na", True),
        ("a\nb", "echo $P | docker login -u $U --password-stdin\nb", False),
        ("a\nb", "a\nrm -rf /\nb", False),
        ("a", "docker login -u $U -p $P\na", False),
    ],
)
def test_an_added_login(before: str, after: str, is_right: bool) -> None:
    assert is_added_login(before, after) is is_right
