"""Which strings a text can become."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.parameter_values import MOST_VALUES
from tests.circleci.configs import config_of, entry_of, job_of, values_of

CONFIG = """\
version: 2.1
parameters:
  base: {type: string, default: cimg/base}
  tag: {type: enum, default: a, enum: [a, b]}
  bare: {type: string}
executors:
  one:
    parameters:
      image: {type: string, default: default-image}
    docker: [{image: << parameters.image >>}]
  small: {docker: [{image: small}]}
  large: {docker: [{image: large}]}
jobs:
  called:
    parameters:
      image: {type: string, default: of-the-job}
      required: {type: string}
      os: {type: enum, enum: [x, y], default: x}
      again: {type: string, default: << parameters.again >>}
      pipeline: {type: string, default: << pipeline.parameters.tag >>}
    executor: {name: one, image: << parameters.image >>}
  uncalled:
    parameters:
      image: {type: string}
    executor: one
  choosing:
    parameters:
      e: {type: executor, default: small}
    executor: << parameters.e >>
workflows:
  main:
    jobs:
      - called: {image: passed, required: r1}
      - called:
          name: by-matrix
          matrix:
            parameters: {required: [r2, r3]}
          image: acme/<< matrix.required >>
      - choosing
      - choosing: {name: large-one, e: large}
      - choosing: {name: with-arguments, e: {name: one, image: i}}
"""


@pytest.mark.parametrize(
    ("job", "text", "expected"),
    [
        ("called", "as it is", ["as it is"]),
        ("called", "<< pipeline.parameters.base >>:1", ["cimg/base:1"]),
        ("called", "<< pipeline.parameters.tag >>", ["a", "b"]),
        ("called", "<< pipeline.parameters.bare >>", ["<< pipeline.parameters.bare >>"]),
        ("called", "<< pipeline.parameters.none >>", ["<< pipeline.parameters.none >>"]),
        ("called", "<< pipeline.number >>", ["<< pipeline.number >>"]),
        ("called", "<< parameters.image >>", ["acme/r2", "acme/r3", "of-the-job", "passed"]),
        ("called", "<< parameters.required >>", ["r1", "r2", "r3"]),
        ("called", "<< parameters.os >>", ["x", "y"]),
        ("called", "<< parameters.pipeline >>", ["a", "b"]),
        ("called", "<< parameters.again >>", ["<< parameters.again >>"]),
        ("called", "<< parameters.os >>-<< parameters.os >>", ["x-x", "y-y"]),
        (
            "called",
            "<< parameters.os >>/<< pipeline.parameters.tag >>",
            ["x/a", "x/b", "y/a", "y/b"],
        ),
        ("called", "<< parameters.undeclared >>", ["<< parameters.undeclared >>"]),
        ("uncalled", "<< parameters.image >>", ["<< parameters.image >>"]),
    ],
)
def test_in_a_job(job: str, text: str, expected: list[str]) -> None:
    config = config_of(CONFIG)
    texts = values_of(config).texts(text, job_of(config, job), is_orb=False)
    assert sorted(texts) == expected


def test_in_an_executor_the_jobs_that_run_on_it_pass_their_values() -> None:
    config = config_of(CONFIG)
    texts = values_of(config).texts(
        "<< parameters.image >>", config.body.executors["one"], is_orb=False
    )
    assert sorted(texts) == ["acme/r2", "acme/r3", "default-image", "i", "of-the-job", "passed"]


def test_pipeline_parameters_do_not_reach_into_orbs() -> None:
    config = config_of(CONFIG)
    text = "<< pipeline.parameters.base >>"
    assert values_of(config).texts(text, job_of(config, "called"), is_orb=True) == (text,)


def test_too_many_combinations_leave_the_text() -> None:
    numbers = ", ".join(str(number) for number in range(MOST_VALUES // 2 + 1))
    config = config_of(f"""\
        version: 2.1
        parameters:
          a: {{type: enum, default: 1, enum: [{numbers}]}}
          b: {{type: enum, default: x, enum: [x, y]}}
        jobs:
          j: {{machine: true}}
        """)
    job = job_of(config, "j")
    text = "<< pipeline.parameters.a >>/<< pipeline.parameters.b >>"
    assert values_of(config).texts(text, job, is_orb=False) == (text,)
    assert len(values_of(config).texts("<< pipeline.parameters.a >>", job, is_orb=False)) > 2


def test_the_executors_of_a_job_come_from_its_default_and_its_callers() -> None:
    config = config_of(CONFIG)
    calls = values_of(config).executor_calls(job_of(config, "choosing"))
    assert sorted(call.name for call in calls) == ["large", "one", "small"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [("choosing", ["small"]), ("large-one", ["large"]), ("with-arguments", ["one"])],
)
def test_the_executor_of_one_workflow_job(entry: str, expected: list[str]) -> None:
    config = config_of(CONFIG)
    calls = values_of(config).executor_calls(job_of(config, "choosing"), entry_of(config, entry))
    assert [call.name for call in calls] == expected
