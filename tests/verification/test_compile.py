"""``--compile``: what orbs pull, as CircleCI's compiler shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import put
from tests.verification.compile_stand_in import CompileStandIn
from tests.verification.conftest import Program
from tests.verification.test_verify import PRIVATE

ORBS = """\
version: 2.1
orbs: {linter: acme/linter@1.2.3, pusher: acme/pusher@1.0}
jobs:
  build:
    docker: [{image: cimg/go:1.22, auth: {username: $U, password: $P}}]
    steps: [checkout]
  other:
    machine: true
    steps: [pusher/fetch]
workflows:
  main:
    jobs:
      - build
      - linter/lint: {name: linted, context: hub}
      - pusher/push
      - other
"""


def test_explain_shows_what_orbs_pull_where_it_is_asked_for(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    put(config, ORBS)
    offline = run("explain")
    assert "unknown: what acme/linter@1.2.3 pulls here is not known" in offline.out
    assert compiler.configs == []
    done = run("explain", "--compile", "--api-url", compiler.url)
    assert done.code == 1
    assert (
        done.out
        == """\
.circleci/config.yml
  workflow main
    build, no context
      cimg/go:1.22 from docker.io
        docker[0] of job build, .circleci/config.yml:5
        authenticated by auth, reads $U, $P
    linted (job linter/lint), contexts hub
      acme/linter:3 from docker.io
        docker[0] of job linted, by orb acme/linter@1.2.3, .circleci/config.yml:14
        not authenticated: the orb gives it no credentials
    pusher/push, no context
      unknown images from an unknown registry
        step on machine: docker build, by orb acme/pusher@1.0, .circleci/config.yml:15
        unknown: no Dockerfile found
    other, no context
      busybox from docker.io
        step on machine: docker pull busybox, as compiled, .circleci/config.yml:16
        not authenticated
"""
    )


def test_explain_as_json(run: Program, compiler: CompileStandIn, config: Path) -> None:
    put(config, ORBS)
    done = run("explain", "--compile", "--api-url", compiler.url, "--format", "json")
    pulls = json.loads(done.out)["configs"][0]["pulls"]
    assert [(pull["workflow_job"], pull["image"]) for pull in pulls] == [
        ("build", "cimg/go:1.22"),
        ("linted", "acme/linter:3"),
        ("pusher/push", ""),
        ("other", "busybox"),
    ]


@pytest.mark.parametrize("arguments", [["--check", "--compile"], ["--dry-run", "--verify"]])
def test_notes_say_what_only_the_compiler_sees(
    run: Program, compiler: CompileStandIn, config: Path, arguments: list[str]
) -> None:
    put(config, ORBS.replace(", auth: {username: $U, password: $P}", ""))
    done = run(*arguments, "--api-url", compiler.url, COLUMNS="400")
    told = " ".join((done.out + done.err).split())
    assert (
        "without credentials, as compiled by CircleCI: job linted runs on acme/linter:3, by orb "
        "acme/linter@1.2.3 (.circleci/config.yml:14)" in told
    )
    assert "job other pulls busybox (.circleci/config.yml:16)" in told
    assert "as compiled by CircleCI: job build" not in told


def test_where_it_does_not_compile(run: Program, compiler: CompileStandIn, config: Path) -> None:
    put(config, PRIVATE)
    explained = run("explain", "--compile", "--api-url", compiler.url)
    assert explained.code == 3
    assert "does not compile as it is, without any change: Cannot find acme/hidden" in explained.err
    checked = run("--check", "--compile", "--api-url", compiler.url)
    assert checked.code == run("--check").code
    told = " ".join(checked.out.split())
    assert "what orbs pull is not known, as the config is not compiled" in told


@pytest.mark.parametrize("arguments", [["--org", "gh/acme"], ["--send-secrets"]])
def test_usage(run: Program, arguments: list[str]) -> None:
    done = run("explain", *arguments)
    assert done.code == 2
    assert "--org and --send-secrets are for --compile" in done.err
