"""The oracle's reading of what a config pulls, with what, and which workflow jobs run it."""

from __future__ import annotations

from tests.oracle.plain_yaml import read
from tests.oracle.pulled_images import pulled_images

LOGIN = "auth: {username: $U, password: $P}"


def images(text: str) -> dict[str, str | None]:
    return {image.place: image.registry for image in pulled_images(read(text)).images}


def needing(text: str) -> list[str]:
    return [job.job for job in pulled_images(read(text)).workflow_jobs if job.needs_context]


def test_images_of_jobs_executors_and_nested_inline_orbs() -> None:
    text = """
jobs:
  a: {docker: [{image: cimg/go:1}, {image: quay.io/x/y}]}
  vm: {machine: {image: ubuntu-2404:current}}
executors:
  e: {docker: [{image: redis}]}
orbs:
  node: circleci/node@5
  mine:
    jobs: {b: {docker: [{image: postgres}]}}
    orbs: {inner: {executors: {c: {docker: [{image: gcr.io/z}]}}}}
"""
    assert images(text) == {
        "jobs.a.docker[0]": "docker.io",
        "jobs.a.docker[1]": "quay.io",
        "executors.e.docker[0]": "docker.io",
        "orbs.mine.jobs.b.docker[0]": "docker.io",
        "orbs.mine.orbs.inner.executors.c.docker[0]": "gcr.io",
    }


def test_values_of_parameters() -> None:
    text = """
parameters:
  base: {type: string, default: cimg/base}
executors:
  e:
    parameters: {image: {type: string}}
    docker: [{image: << parameters.image >>}]
jobs:
  pipeline: {docker: [{image: << pipeline.parameters.base >>}]}
  tag: {docker: [{image: "cimg/go:<< pipeline.number >>"}]}
  run: {executor: {name: e, image: quay.io/a}}
  called:
    parameters: {host: {type: string}}
    docker: [{image: << parameters.host >>/app}]
  two:
    parameters: {image: {type: enum, enum: [redis, quay.io/a], default: redis}}
    docker: [{image: << parameters.image >>}]
  unknown:
    parameters: {image: {type: string}}
    docker: [{image: << parameters.image >>}]
workflows:
  w:
    jobs:
      - called: {matrix: {parameters: {host: [ghcr.io]}}}
"""
    assert images(text) == {
        "executors.e.docker[0]": "quay.io",
        "jobs.pipeline.docker[0]": "docker.io",
        "jobs.tag.docker[0]": "docker.io",
        "jobs.called.docker[0]": "ghcr.io",
        "jobs.two.docker[0]": None,
        "jobs.unknown.docker[0]": None,
    }


def test_credentials_in_effect() -> None:
    text = f"""
base: &base {{image: redis, {LOGIN}}}
jobs:
  merged: {{docker: [<<: *base]}}
  half: {{docker: [{{image: redis, auth: {{username: $U, password: ""}}}}]}}
  empty: {{docker: [{{image: redis, auth: null, username: $U, password: $P}}]}}
  whole: {{docker: [{{image: redis, auth: << parameters.auth >>}}]}}
"""
    found = pulled_images(read(text)).images
    assert {image.owner: image.is_authenticated for image in found} == {
        "jobs.merged": True,
        "jobs.half": False,
        "jobs.empty": False,
        "jobs.whole": True,
    }


def test_who_needs_the_context() -> None:
    text = f"""
executors:
  mine: {{docker: [{{image: redis, {LOGIN}}}]}}
  bare: {{docker: [{{image: redis}}]}}
jobs:
  direct: {{docker: [{{image: redis, {LOGIN}}}]}}
  by-executor: {{executor: mine}}
  own-docker-wins: {{executor: mine, docker: [{{image: redis}}]}}
  literal: {{docker: [{{image: redis, auth: {{username: me, password: secret}}}}]}}
  elsewhere: {{docker: [{{image: quay.io/a, {LOGIN}}}]}}
  passed:
    parameters: {{e: {{type: executor, default: bare}}}}
    executor: << parameters.e >>
  hold: {{type: approval}}
orbs:
  local: {{jobs: {{in-orb: {{docker: [{{image: redis, {LOGIN}}}]}}}}}}
  node: circleci/node@5
job-groups:
  group: {{jobs: [direct]}}
workflows:
  w:
    jobs:
      - direct
      - by-executor: {{requires: [direct]}}
      - own-docker-wins
      - literal
      - elsewhere
      - passed
      - passed: {{e: mine}}
      - local/in-orb
      - node/test: {{executor: mine}}
      - node/test: {{executor: bare}}
      - hold
      - direct: {{type: approval}}
      - group
"""
    assert needing(text) == [
        "direct",
        "by-executor",
        "passed",
        "local/in-orb",
        "node/test",
        "direct",
    ]
    jobs = pulled_images(read(text)).workflow_jobs
    assert [job.place for job in jobs if job.needs_context][-1] == "job-groups.group.jobs[0]"


def test_contexts_in_every_form() -> None:
    text = """
c: &c {context: inherited}
workflows:
  w:
    jobs:
      - a: {context: one}
      - b: {context: [one, two]}
      - d: {<<: *c}
      - e: {context: null}
      - f
"""
    jobs = pulled_images(read(text)).workflow_jobs
    assert [job.contexts for job in jobs] == [("one",), ("one", "two"), ("inherited",), (), ()]
