"""Which Docker the steps of a job talk to."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.docker_daemon import Daemon, daemons_of, runs_on_runner
from tests.circleci.configs import config_of, declared_job

HEAD = """\
version: 2.1
orbs:
  win: circleci/windows@5.0
  mac: circleci/macos@2
  docker: circleci/docker@2.8.2
  aws-ecr: circleci/aws-ecr@8.2
  node: circleci/node@5
executors:
  vm: {machine: {image: "ubuntu-2404:current"}}
  windows: {machine: {image: "windows-server-2022-gui:current"}}
  apple: {macos: {xcode: 15.4.0}}
  image: {docker: [{image: "alpine:3"}]}
  runner: {machine: true, resource_class: acme/linux}
jobs:
  j:
    parameters: {e: {type: executor, default: vm}, unknown: {type: executor}}
    """


def kinds(text: str, *, has_remote: bool) -> set[Daemon]:
    config = config_of(HEAD + text)
    found = daemons_of(declared_job(config, "j"), has_remote=has_remote)
    return set(found.kinds)


@pytest.mark.parametrize(
    ("text", "without", "with_remote"),
    [
        ("docker: [{image: x}]", Daemon.NONE, Daemon.REMOTE),
        ("docker: << parameters.images >>", Daemon.NONE, Daemon.REMOTE),
        ("executor: image", Daemon.NONE, Daemon.REMOTE),
        ("executor: node/default", Daemon.NONE, Daemon.REMOTE),
        ("executor: docker/docker", Daemon.NONE, Daemon.REMOTE),
        ("macos: {xcode: 15.4.0}", Daemon.NONE, Daemon.NONE),
        ("executor: apple", Daemon.NONE, Daemon.NONE),
        ("executor: mac/default", Daemon.NONE, Daemon.NONE),
        ("machine: true", Daemon.MACHINE, Daemon.MACHINE),
        ("machine: ubuntu-2404:current", Daemon.MACHINE, Daemon.MACHINE),
        ("machine: {image: 'ubuntu-2404:current'}", Daemon.MACHINE, Daemon.MACHINE),
        ("machine: {image: x}\n    resource_class: arm.large", Daemon.MACHINE, Daemon.MACHINE),
        ("machine: true\n    resource_class: acme/linux", Daemon.MACHINE, Daemon.MACHINE),
        ("executor: vm", Daemon.MACHINE, Daemon.MACHINE),
        ("executor: docker/machine", Daemon.MACHINE, Daemon.MACHINE),
        ("executor: aws-ecr/default", Daemon.MACHINE, Daemon.MACHINE),
        ("executor: << parameters.e >>", Daemon.MACHINE, Daemon.MACHINE),
        ("executor: << parameters.unknown >>", Daemon.MACHINE, Daemon.REMOTE),
        ("machine: windows-server-2022-gui:current", Daemon.WINDOWS, Daemon.WINDOWS),
        ("machine: {image: x}\n    resource_class: windows.medium", Daemon.WINDOWS, Daemon.WINDOWS),
        ("executor: vm\n    resource_class: windows.medium", Daemon.WINDOWS, Daemon.WINDOWS),
        ("executor: windows", Daemon.WINDOWS, Daemon.WINDOWS),
        ("executor: {name: win/default, size: large}", Daemon.WINDOWS, Daemon.WINDOWS),
        ("executor: vm\n    docker: [{image: x}]", Daemon.NONE, Daemon.REMOTE),
        ("steps: []", Daemon.NONE, Daemon.REMOTE),
    ],
)
def test_by_executor(text: str, without: Daemon, with_remote: Daemon) -> None:
    assert kinds(text, has_remote=False) == {without}
    assert kinds(text, has_remote=True) == {with_remote}


@pytest.mark.parametrize(
    ("executors", "expected"),
    [
        ("{a: {docker: [{image: x}]}, b: {docker: [{image: y}]}}", {Daemon.NONE}),
        ("{a: {docker: [{image: x}]}, b: {machine: true}}", {Daemon.NONE, Daemon.MACHINE}),
        ("{}", {Daemon.MACHINE}),
    ],
)
def test_an_executor_without_a_value_is_one_of_the_config(
    executors: str, expected: set[Daemon]
) -> None:
    config = config_of(
        f"version: 2.1\nexecutors: {executors}\n"
        "jobs:\n  j:\n    parameters: {e: {type: executor}}\n"
        "    executor: << parameters.e >>\n    steps: [checkout]\n"
    )
    found = daemons_of(declared_job(config, "j"), has_remote=False)
    assert found.kinds == expected
    assert not found.is_known


def test_a_job_that_runs_on_several() -> None:
    config = config_of(
        HEAD + "executor: << parameters.e >>\n"
        "workflows: {main: {jobs: [{j: {matrix: {parameters: {e: [vm, apple, windows]}}}}]}}"
    )
    found = daemons_of(declared_job(config, "j"), has_remote=False)
    assert found.kinds == {Daemon.MACHINE, Daemon.NONE, Daemon.WINDOWS}
    assert found.main is Daemon.WINDOWS
    assert found.is_mixed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("machine: true\n    resource_class: acme/linux", True),
        ("executor: runner", True),
        ("executor: runner\n    resource_class: large", False),
        ("machine: true\n    resource_class: large", False),
        ("machine: true", False),
        ("executor: node/default", False),
    ],
)
def test_self_hosted_runners(text: str, expected: bool) -> None:
    config = config_of(HEAD + text)
    assert runs_on_runner(declared_job(config, "j")) == expected
