"""Where the jobs and executors of published orbs run, and on which images."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.orb_jobs import images_of, orb_executors, orb_job
from cci_migrate.circleci.parameter_values import ParameterValues
from tests.circleci.configs import config_of, declared_job

ORBS = """\
version: 2.1
orbs:
  node: circleci/node@5.2
  new-node: circleci/node@7.1
  shellcheck: circleci/shellcheck@3.4
  ecr: circleci/aws-ecr@9.3
  tools: acme/tools@1
parameters:
  linter: {type: string, default: koalaman/shellcheck-alpine}
executors:
  own: {docker: [{image: quay.io/acme/base}]}
"""


def images(entry: str) -> list[tuple[str, ...] | None]:
    """What the workflow job ``entry`` pulls from orbs, in each of its ways."""
    config = config_of(f"{ORBS}workflows: {{main: {{jobs: [{entry}]}}}}")
    values = ParameterValues(config)
    job = orb_job(config.workflow_jobs[0], config)
    assert job is not None
    return [
        None
        if place is None
        else tuple(image.text for image in images_of(place, values, job.job, is_orb=False))
        for place in job.places(config)
        if place is None or place.is_published
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("node/test", [("cimg/node:lts",)]),
        ('node/test: {version: "20.1"}', [("cimg/node:20.1",)]),
        (
            'node/test: {matrix: {parameters: {version: ["20.1", "22.2"]}}}',
            [("cimg/node:20.1",), ("cimg/node:22.2",)],
        ),
        ("new-node/test", [("cimg/node:lts",)]),
        ("new-node/test: {executor: own}", []),
        ('new-node/test: {executor: {name: node/default, tag: "18.1"}}', [("cimg/node:18.1",)]),
        ("new-node/test: {executor: tools/small}", [None]),
        ('new-node/test: {executor: "<< pipeline.parameters.linter >>"}', [None]),
        ("shellcheck/check", [("cimg/base:current",)]),
        (
            'shellcheck/check: {image-name: "<< pipeline.parameters.linter >>", image-tag: v1}',
            [("koalaman/shellcheck-alpine:v1",)],
        ),
        ("ecr/build_and_push_image: {repo: x}", [()]),
    ],
)
def test_the_images_of_an_orbs_job(entry: str, expected: list[tuple[str, ...] | None]) -> None:
    assert images(f"{{{entry}}}" if ": " in entry else entry) == expected


@pytest.mark.parametrize(
    "entry", ["tools/deploy", "node/no-such-job", "unit", "{node/test: {type: approval}}"]
)
def test_a_job_that_is_not_known_or_no_orbs(entry: str) -> None:
    config = config_of(
        f"{ORBS}jobs: {{unit: {{machine: true}}}}\nworkflows: {{main: {{jobs: [{entry}]}}}}"
    )
    assert orb_job(config.workflow_jobs[0], config) is None


def test_the_executors_of_orbs_on_which_a_job_runs() -> None:
    config = config_of(
        f"""{ORBS}jobs:
  unit:
    parameters:
      on: {{type: executor, default: node/default}}
    executor: << parameters.on >>
    steps: []
workflows:
  main:
    jobs:
      - unit
      - unit: {{name: own, on: own}}
      - unit: {{name: unknown, on: tools/small}}
"""
    )
    unit = declared_job(config, "unit")
    found = {(orb.name, call.name): runs is not None for orb, call, runs in orb_executors(unit)}
    assert found == {("circleci/node", "node/default"): True, ("acme/tools", "tools/small"): False}
    own = config.workflow_jobs[1]
    assert not list(orb_executors(unit, own))
