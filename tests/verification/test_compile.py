"""``--compile``: what orbs pull, as CircleCI's compiler shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import put
from tests.verification.compile_stand_in import CompileStandIn
from tests.verification.conftest import CONFIG, Program
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
    assert "unknown: can't determine what acme/linter@1.2.3 pulls here" in offline.out
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
        job linter/lint of the orb acme/linter@1.2.3, .circleci/config.yml:14
        not authenticated: the orb's image has no auth
    pusher/push, no context
      unknown images from an unknown registry
        step on machine: docker build, .circleci/config.yml:15
        unknown: no Dockerfile found
    other, no context
      busybox from docker.io
        step on machine: docker pull busybox, .circleci/config.yml:9
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


def test_notes_say_what_only_the_compiler_sees(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    put(config, ORBS.replace(", auth: {username: $U, password: $P}", ""))
    done = run("--dry-run", "--verify", "--api-url", compiler.url, "--format", "json")
    notes = " ".join(json.loads(done.out)["configs"][0]["notes"])
    assert (
        "without credentials, as compiled by CircleCI: job linted runs on acme/linter:3, by orb "
        "acme/linter@1.2.3 (.circleci/config.yml:14)" in notes
    )
    assert "job other pulls busybox (.circleci/config.yml:16)" in notes
    assert "as compiled by CircleCI: job build" not in notes


def test_what_orbs_pull_is_found(run: Program, compiler: CompileStandIn, config: Path) -> None:
    put(config, ORBS)
    done = run("--check", "--compile", "--api-url", compiler.url, "--format", "json")
    assert done.code == 1
    (body,) = json.loads(done.out)["configs"]
    assert {
        (finding["rule"], finding["line"], finding["message"]) for finding in body["findings"]
    } == {
        (
            "pull-before-login", 9,
            "docker pull busybox fetches from Docker Hub without a login",
        ),
        (
            "orb-pull", 14,
            "linter/lint of the orb acme/linter pulls acme/linter:3 without credentials",
        ),
        ("orb-pull", 15, "can't determine what docker build pulls: no Dockerfile found"),
    }  # fmt: skip
    assert "as compiled by CircleCI" not in done.out, "it is among the findings"
    # Nothing of it is known without the compiler.
    assert "busybox" not in run("--check").out


@pytest.mark.parametrize("arguments", [[], ["--verify"]])
def test_jobs_and_commands_of_orbs_get_a_login(
    run: Program, compiler: CompileStandIn, config: Path, arguments: list[str]
) -> None:
    put(config.parent.parent / "Dockerfile", "FROM busybox\n")
    forms = "pusher/push: {name: b, pre-steps: [{run: first}]}", "pusher/push: {name: c}", "other"
    put(config, ORBS.replace("      - other\n", "".join(f"      - {form}\n" for form in forms)))
    done = run("--compile", *arguments, "--api-url", compiler.url)
    assert done.code == 0, done.out + done.err
    login = "{docker/check: {docker_username: U, docker_password: P}}"
    block = (
        "            - docker/check:\n"
        "                docker_username: U\n                docker_password: P\n"
    )
    assert config.read_text().partition("  other:\n")[2] == (
        f"""\
    machine: true
    steps: [{login}, pusher/fetch]
workflows:
  main:
    jobs:
      - build
      - linter/lint: {{name: linted, context: hub}}
      - pusher/push:
          pre-steps:
{block}      - pusher/push: {{name: b, pre-steps: [{login}, {{run: first}}]}}
      - pusher/push: {{name: c, pre-steps: [{login}]}}
      - other
"""
    )
    again = run("--compile", *arguments, "--dry-run", "--api-url", compiler.url)
    assert again.out == ""


def test_an_orb_that_gives_its_image_credentials(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    put(config, ORBS)
    secret = "hq7-Wz2-9fK1-xx"
    compiler.twist = lambda text: text.replace(
        "image: acme/linter:3",
        f"image: acme/linter:3\n      auth: {{username: acme, password: {secret}}}",
    )
    checked = run("--check", "--compile", "--api-url", compiler.url)
    assert "acme/linter:3" not in checked.out
    explained = run("explain", "--compile", "--api-url", compiler.url)
    assert "authenticated by auth of the orb" in explained.out
    assert secret not in checked.out + explained.out


def test_only_configs_with_orbs_are_sent(
    run: Program, compiler: CompileStandIn, config: Path
) -> None:
    put(config, CONFIG.replace("orbs:\n  docker: circleci/docker@3.0.1\n", ""))
    assert run("--check", "--compile", "--api-url", compiler.url).code == 1
    assert compiler.configs == []


def test_where_it_does_not_compile(run: Program, compiler: CompileStandIn, config: Path) -> None:
    put(config, PRIVATE)
    explained = run("explain", "--compile", "--api-url", compiler.url)
    assert explained.code == 3
    assert "does not compile even without the change: Cannot find acme/hidden" in explained.err
    checked = run("--check", "--compile", "--api-url", compiler.url)
    assert checked.code == run("--check").code
    assert " ".join(checked.out.split()).count("unknown what orbs pull, because") == 1
    # Beside a diff, which leaves other notes out, too.
    shown = run("--dry-run", "--compile", "--api-url", compiler.url)
    assert "unknown what orbs pull, because" in " ".join((shown.out + shown.err).split())


@pytest.mark.parametrize("arguments", [["--org", "gh/acme"], ["--send-secrets"]])
def test_usage(run: Program, arguments: list[str]) -> None:
    done = run("explain", *arguments)
    assert done.code == 2
    assert "--org and --send-secrets require --compile" in done.err
