"""``cci-migrate explain``: each pull, and the chain that gives it access."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Program

CONFIG = """\
version: 2.1
jobs:
  test:
    docker:
      - image: cimg/go:1.22
        auth:
          username: acmebot
          password: $HUB_TOKEN
    steps:
      - setup_remote_docker
      - run: docker build .
  idle:
    docker:
      - image: redis:7
workflows:
  main:
    jobs:
      - test:
          context: hub
"""

TREE = """\
.circleci/config.yml
  workflow main
    test, contexts hub
      cimg/go:1.22 from docker.io
        docker[0] of job test, .circleci/config.yml:5
        authenticated by auth, reads $HUB_TOKEN
      alpine:3 from docker.io
        step on remote Docker: docker build (Dockerfile), .circleci/config.yml:11
        not authenticated
      quay.io/acme/base:7 from quay.io
        step on remote Docker: docker build (Dockerfile), .circleci/config.yml:11
        unknown: the policy has no credentials for the registry
  not run by any workflow
    job idle
      redis:7 from docker.io
        docker[0] of job idle, .circleci/config.yml:14
        not authenticated: a fix writes acmebot, $HUB_TOKEN from context hub, \
as job test has them, line 6
"""


def explain(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cci_migrate", "explain", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def put(folder: Path) -> None:
    (folder / ".circleci").mkdir()
    (folder / ".circleci/config.yml").write_text(CONFIG)
    (folder / "Dockerfile").write_text(
        "FROM quay.io/acme/base:7 AS base\nFROM alpine:3\nCOPY --from=base /x /x\n"
    )


def test_the_tree(tmp_path: Path) -> None:
    put(tmp_path)
    done = explain(tmp_path)
    assert done.stderr == ""
    assert done.stdout == TREE
    assert done.returncode == 1
    assert (tmp_path / ".circleci/config.yml").read_text() == CONFIG


def test_the_same_as_json(tmp_path: Path) -> None:
    put(tmp_path)
    done = explain(tmp_path, "--format", "json")
    (config,) = json.loads(done.stdout)["configs"]
    assert [(pull["image"], pull["access"]) for pull in config["pulls"]] == [
        ("cimg/go:1.22", "authenticated"),
        ("alpine:3", "unauthenticated"),
        ("quay.io/acme/base:7", "unknown"),
        ("redis:7", "unauthenticated"),
    ]
    assert config["pulls"][0]["contexts"] == ["hub"]


def test_a_folder_without_configs(tmp_path: Path) -> None:
    done = explain(tmp_path)
    assert done.returncode == 2
    assert "no CircleCI config" in done.stderr


ORBS = """\
version: 2.1
orbs:
  node: circleci/node@7.1
  ecr: circleci/aws-ecr@9.3
  tools: acme/tools@1
  docker: circleci/docker@2.8
jobs:
  lint:
    parameters:
      version: {type: string}
    executor: {name: node/default, tag: << parameters.version >>}
    steps: [checkout]
workflows:
  main:
    jobs:
      - lint:
          version: "22.3"
      - ecr/build_and_push_image:
          repo: app
          auth: []
      - tools/deploy
      - docker/publish:
          image: acme/app
"""

ORB_TREE = """\
.circleci/config.yml
  workflow main
    lint, no context
      cimg/node:22.3 from docker.io
        executor node/default of the orb circleci/node@7.1, .circleci/config.yml:11
        not authenticated: the orb's image has no auth
    ecr/build_and_push_image, no context
      alpine:3 from docker.io
        step on machine: ecr/build_and_push_image (Dockerfile), .circleci/config.yml:18
        not authenticated
    tools/deploy, no context
      unknown images from an unknown registry
        job tools/deploy of the orb acme/tools@1, .circleci/config.yml:21
        unknown: can't determine what acme/tools@1 pulls here
    docker/publish, no context
      alpine:3 from docker.io
        step on machine: docker/publish (Dockerfile), .circleci/config.yml:22
        authenticated by login in docker/publish, reads $DOCKER_LOGIN, $DOCKER_PASSWORD
  unknown: what acme/tools@1 pulls
"""


def test_orbs_show_what_they_pull(tmp_path: Path) -> None:
    (tmp_path / ".circleci").mkdir()
    (tmp_path / ".circleci/config.yml").write_text(ORBS, encoding="utf-8")
    (tmp_path / "Dockerfile").write_text("FROM alpine:3\n", encoding="utf-8")
    assert explain(tmp_path).stdout == ORB_TREE


def test_logins_that_a_pull_does_not_find(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(
        "version: 2.1\norbs: {docker: circleci/docker@4.0.1}\njobs:\n  j:\n    machine: true\n"
        "    steps:\n      - docker/check\n      - run: docker pull redis:7\n"
        "      - run: sudo docker pull redis:8\n"
        "      - run: docker pull registry-1.docker.io/acme/app:1\n"
        "workflows: {main: {jobs: [j]}}\n"
    )
    done = explain(tmp_path, "config.yml", "--format", "json")
    pulls = json.loads(done.stdout)["configs"][0]["pulls"]
    assert [(pull["image"], pull["registry"], pull["access"]) for pull in pulls] == [
        ("redis:7", "docker.io", "authenticated"),
        ("redis:8", "docker.io", "unauthenticated"),
        ("registry-1.docker.io/acme/app:1", "registry-1.docker.io", "unauthenticated"),
    ]


def test_a_folder_without_configs_is_noted(program: Program, config: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = program("explain", str(config.parent.parent), "empty")
    assert "note: no CircleCI config in" in done.err
    assert done.err.count("empty") == 1


STEPS = """\
version: 2.1
jobs:
  pull:
    machine: true
    steps:
      - run: docker pull redis:7
      - run: docker pull public.ecr.aws/acme/tool:2
      - run: docker pull acme/open:1
      - run: docker pull 210987654321.dkr.ecr.eu-west-1.amazonaws.com/acme/api:1
  fork:
    machine: true
    steps:
      - run: docker pull redis:7
workflows:
  main:
    jobs:
      - pull
      - fork:
          filters: {branches: {only: "/pull\\\\/.*/"}}
"""

STEP_POLICY = """\
exempt-images = ["acme/open:*"]
[registries."*.amazonaws.com"]
oidc-role-arn = "$ECR_ROLE"
"""


def test_steps_are_judged_as_the_findings_judge_them(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(STEPS)
    (tmp_path / ".cci-migrate.toml").write_text(STEP_POLICY)
    done = explain(tmp_path, "config.yml", "--config", ".cci-migrate.toml", "--format", "json")
    pulls = json.loads(done.stdout)["configs"][0]["pulls"]
    assert [(pull["image"], pull["access"], pull["reason"]) for pull in pulls] == [
        ("redis:7", "unauthenticated", None),
        ("public.ecr.aws/acme/tool:2", "not needed", None),
        ("acme/open:1", "not needed", None),
        (
            "210987654321.dkr.ecr.eu-west-1.amazonaws.com/acme/api:1",
            "unauthenticated",
            "the policy's credentials for it only work for images under docker",
        ),
        ("redis:7", "not needed", "only builds of forks run it"),
    ]


PARAMETERS = """\
version: 2.1
parameters:
  image: {type: string, default: "cimg/base:2024.02"}
executors:
  go:
    parameters: {tag: {type: string, default: "1.22"}}
    docker: [{image: "cimg/go:<< parameters.tag >>", auth: {username: $U, password: $P}}]
  unused:
    docker: [{image: redis:7, auth: {username: $U, password: $P}}]
jobs:
  test:
    parameters: {tag: {type: string, default: "1.20"}}
    executor: {name: go, tag: << parameters.tag >>}
    steps: [checkout]
  other:
    docker: [{image: << pipeline.parameters.image >>, auth: {username: $U, password: $P}}]
    steps: [checkout]
  direct:
    executor: go
    steps: [checkout]
workflows:
  main:
    jobs:
      - test: {matrix: {parameters: {tag: ["1.21", "1.22"]}}}
      - test: {name: twice, tag: "1.19"}
      - test: {name: plain}
      - other
      - direct
"""


def test_the_values_of_parameters_for_each_workflow_job(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(PARAMETERS)
    done = explain(tmp_path, "config.yml")
    assert done.returncode == 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    owners = [line.partition(",")[0].partition(" ")[0] for line in lines if "no context" in line]
    images = [line.partition(" from ")[0] for line in lines if " from docker.io" in line]
    go = "cimg/go:<< parameters.tag >>"
    assert dict(zip(owners, images, strict=False)) == {
        "test": f"{go} (cimg/go:1.21, cimg/go:1.22)",
        "twice": f"{go} (cimg/go:1.19)",
        "plain": f"{go} (cimg/go:1.20)",
        "other": "<< pipeline.parameters.image >> (cimg/base:2024.02)",
        "direct": f"{go} (cimg/go:1.22)",
    }
    assert lines[-2:] == [
        "executor go: test, twice, plain, direct",
        "executor unused: no workflow job",
    ]


def test_pulls_by_image(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(PARAMETERS)
    done = explain(tmp_path, "--by", "image", "config.yml")
    place = "docker[0] of executor go, config.yml:7, written cimg/go:<< parameters.tag >>"
    assert (
        f"""\
  cimg/go:1.22 from docker.io
    {place}
      authenticated by auth, reads $U, $P
      main/test, main/direct
"""
        in done.stdout
    )
    assert (
        """\
  redis:7 from docker.io
    docker[0] of executor unused, config.yml:9
      authenticated by auth, reads $U, $P
      executor unused, not run by any workflow
"""
        in done.stdout
    )
