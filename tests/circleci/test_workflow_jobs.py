"""What the entries of workflows run, and which contexts they hold."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.workflow_jobs import (
    called_job,
    image_items,
    job_contexts,
    passed_executors,
    runs_nothing,
)
from tests.circleci.configs import config_of, entry_of, values_of

HEAD = """\
version: 2.1
x-context: &shared {context: [shared]}
x-name: &name org
executors:
  e: {docker: [{image: of-e}, {image: service}]}
  f: {docker: [{image: of-f}]}
jobs:
  own: {docker: [{image: of-job}], executor: e}
  on-e: {executor: e}
  chosen:
    parameters: {where: {type: executor, default: e}}
    executor: << parameters.where >>
  vm: {machine: {image: "ubuntu-2404:current"}}
  hold: {type: approval}
job-groups:
  group: {jobs: [own]}
workflows:
  main:
    jobs:
      - """


@pytest.mark.parametrize(
    ("entry", "names", "has_expression"),
    [
        ("own", (), False),
        ("own:", (), False),
        ("own: {context: a}", ("a",), False),
        ("own: {context: [a, b]}", ("a", "b"), False),
        ("own: {context: []}", (), False),
        ("own: {context: }", (), False),
        ("own: {context: *name}", ("org",), False),
        ("own: {<<: *shared}", ("shared",), False),
        ("own: {<<: *shared, context: own}", ("own",), False),
        ("own: {context: << pipeline.parameters.c >>}", (), True),
        ("own: {context: [a, << pipeline.parameters.c >>]}", ("a",), True),
    ],
)
def test_contexts(entry: str, names: tuple[str, ...], has_expression: bool) -> None:
    (found, _) = config_of(HEAD + entry).workflow_jobs
    held = job_contexts(found)
    assert (held.names, held.has_expression) == (names, has_expression)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("own", False),
        ("hold", True),
        ("wait: {type: approval}", True),
        ("wait: {type: no-op}", True),
        ("wait: {type: lock}", True),
        ("group", True),
        ("group: {requires: [own]}", True),
        ("node/test", False),
    ],
)
def test_what_runs_nothing(entry: str, expected: bool) -> None:
    config = config_of(HEAD + entry)
    assert runs_nothing(config.workflow_jobs[0], config) == expected


@pytest.mark.parametrize(
    ("entry", "images"),
    [
        ("own", ["of-job"]),
        ("on-e", ["of-e", "service"]),
        ("chosen", ["of-e", "service"]),
        ("chosen: {where: f}", ["of-f"]),
        ("chosen: {matrix: {parameters: {where: [e, f]}}}", ["of-e", "service", "of-f"]),
        ("vm", []),
        ("hold", []),
        ("node/test", []),
        ("continuation/continue: {executor: f}", ["of-f"]),
        ("continuation/continue: {executor: {name: f}}", ["of-f"]),
        ("continuation/continue: {executor: elsewhere/x}", []),
    ],
)
def test_the_images_of_a_workflow_job(entry: str, images: list[str]) -> None:
    config = config_of(HEAD + entry)
    items = image_items(config.workflow_jobs[0], config, values_of(config))
    assert [item.text for item in items] == images


def test_executors_are_told_by_the_name_of_the_argument() -> None:
    config = config_of(HEAD + "a/b: {executor: e, test_executor: {name: f}, image: x}")
    assert [call.name for call in passed_executors(config.workflow_jobs[0])] == ["e", "f"]


def test_the_job_that_is_called() -> None:
    config = config_of(HEAD + "own: {name: renamed}\n      - node/test")
    job = called_job(entry_of(config, "renamed"), config)
    assert job is not None
    assert job.name == "own"
    assert called_job(entry_of(config, "node/test"), config) is None
