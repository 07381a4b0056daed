"""The steps of a job in the order in which they run."""

from __future__ import annotations

import pytest

from cci_migrate.bounds.allowance import TooComplexError
from cci_migrate.circleci.steps import (
    Step,
    argument,
    run_step,
    sets_up_docker,
    step_defaults,
)
from cci_migrate.lossless.merging import text_of
from tests.circleci.configs import config_of, declared_job, entry_of, step_of, steps_of

CONFIG = """\
version: 2.1
x-step: &step {run: from anchor}
parameters: {flag: {type: boolean, default: false}}
commands:
  greet:
    parameters:
      who: {type: string, default: world}
      loud: {type: boolean, default: false}
    steps:
      - run: hello << parameters.who >>
      - when: {condition: << parameters.loud >>, steps: [{run: loudly}]}
      - unless: {condition: << parameters.loud >>, steps: [{run: softly}]}
  twice:
    parameters: {name: {type: string}}
    steps:
      - greet: {who: << parameters.name >>}
      - greet: {who: "<< parameters.name >> again", loud: true}
  around:
    parameters: {inner: {type: steps, default: [{run: nothing}]}}
    steps:
      - run: before
      - steps: << parameters.inner >>
      - << parameters.inner >>
      - run: after
  loop: {steps: [loop, {run: once}, loop]}
orbs:
  o:
    commands:
      greet: {steps: [{run: orb greets}]}
      call: {steps: [greet]}
      run_inner:
        parameters: {inner: {type: steps}}
        steps: [<< parameters.inner >>]
jobs:
  plain: {machine: true, steps: [checkout, {run: make}, {run: {command: test}}, *step]}
  commands: {machine: true, steps: [greet, {greet: {who: me}}, {twice: {name: you}}]}
  orb: {machine: true, steps: [o/greet, o/call]}
  passes_to_orb: {machine: true, steps: [{o/run_inner: {inner: [greet]}}]}
  passes: {machine: true, steps: [around, {around: {inner: [checkout]}}]}
  loops: {machine: true, steps: [loop]}
  when:
    machine: true
    steps:
      - when:
          condition: << pipeline.parameters.flag >>
          steps: [{run: perhaps}, {unless: {condition: a, steps: [{run: never}]}}]
      - when: {condition: true, steps: [{run: always}]}
  takes:
    parameters: {extra: {type: steps, default: [{run: default}]}}
    machine: true
    steps: [<< parameters.extra >>, {run: own}]
  odd: {machine: true, steps: [null, {}, [checkout], {run: }, {when: }, {steps: }, << x >>]}
  nothing: {machine: true}
workflows:
  main:
    jobs:
      - takes
      - takes: {name: given, extra: [{run: given}, greet]}
      - plain: {name: wrapped, pre-steps: [{run: pre}], post-steps: [greet]}
"""


def described(step: Step) -> str:
    if step.name != "run":
        return step.name
    run = run_step(step, NO_DEFAULTS)
    return "run" if run is None else run.script


NO_DEFAULTS = step_defaults(declared_job(config_of(CONFIG), "plain"))


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("plain", ["checkout", "make", "test", "from anchor"]),
        (
            "commands",
            [
                *("hello world", "softly"),
                *("hello me", "softly"),
                *("hello you", "softly"),
                *("hello you again", "loudly"),
            ],
        ),
        ("orb", ["orb greets", "orb greets"]),
        ("passes_to_orb", ["hello world", "softly"]),
        (
            "passes",
            [
                *("before", "nothing", "nothing", "after"),
                *("before", "checkout", "checkout", "after"),
            ],
        ),
        ("loops", ["once"]),
        ("when", ["perhaps", "always"]),
        ("takes", ["default", "own"]),
        ("nothing", []),
    ],
)
def test_the_steps_of_a_job(job: str, expected: list[str]) -> None:
    steps = steps_of(config_of(CONFIG), job)
    assert [described(step) for step in steps] == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("takes", ["default", "own"]),
        ("given", ["given", "hello world", "softly", "own"]),
        (
            "wrapped",
            ["pre", "checkout", "make", "test", "from anchor", "hello world", "softly"],
        ),
    ],
)
def test_what_a_workflow_job_adds(entry: str, expected: list[str]) -> None:
    config = config_of(CONFIG)
    found = entry_of(config, entry)
    steps = steps_of(config, found.calls, found)
    assert [described(step) for step in steps] == expected


def test_what_makes_no_sense_is_passed_over() -> None:
    steps = steps_of(config_of(CONFIG), "odd")
    assert all(run_step(step, NO_DEFAULTS) is None for step in steps if step.name == "run")


def test_commands_that_call_others_many_times_over_are_refused() -> None:
    levels = "\n".join(f"  c{n}: {{steps: [{', '.join([f'c{n + 1}'] * 10)}]}}" for n in range(12))
    config = config_of(
        f"version: 2.1\ncommands:\n{levels}\n  c12: {{steps: [checkout]}}\n"
        "jobs: {j: {machine: true, steps: [c0]}}"
    )
    with pytest.raises(TooComplexError, match="30,000 steps"):
        steps_of(config, "j")


def test_a_long_way_to_a_step_is_refused() -> None:
    levels = "\n".join(f"  c{n}: {{steps: [c{n + 1}]}}" for n in range(60))
    config = config_of(
        f"version: 2.1\ncommands:\n{levels}\n  c60: {{steps: [checkout]}}\n"
        "jobs: {j: {machine: true, steps: [c0]}, k: {machine: true, steps: [c20]}}"
    )
    assert len(steps_of(config, "k")) == 1
    with pytest.raises(TooComplexError, match="lists of steps are nested"):
        steps_of(config, "j")


def test_parameters_that_mean_themselves_stay_as_they_are() -> None:
    config = config_of("""\
        version: 2.1
        commands:
          c:
            parameters:
              a: {type: string, default: << parameters.b >>}
              b: {type: string, default: << parameters.a >>}
              s: {type: steps, default: << parameters.s >>}
            steps: [{run: "x << parameters.a >>"}, << parameters.s >>]
        jobs: {j: {machine: true, steps: [c]}}
        """)
    (step,) = steps_of(config, "j")
    assert described(step).startswith("x << parameters.")


def test_the_way_to_a_step() -> None:
    steps = steps_of(config_of(CONFIG), "commands")
    assert [place.index for place in steps[-1].path] == [2, 1, 1, 0]
    assert [len(place.guards) for place in steps[-1].path] == [0, 0, 0, 0]
    assert steps[-1].guards == frozenset()


def test_guards_are_the_conditions_that_are_not_sure() -> None:
    perhaps, always = steps_of(config_of(CONFIG), "when")
    assert len(perhaps.guards) == 1
    assert always.guards == frozenset()
    assert [len(place.guards) for place in perhaps.path] == [0, 1]


def test_a_place_knows_where_its_list_belongs() -> None:
    step, _ = steps_of(config_of(CONFIG), "passes_to_orb")
    assert [place.home.route for place in step.path] == ["", "orbs.o.", "", ""]


@pytest.mark.parametrize(
    ("text", "script", "only_on_failure", "in_background"),
    [
        ("make", "make", False, False),
        ("{command: make}", "make", False, False),
        ("{command: make, when: on_fail}", "make", True, False),
        ("{command: make, when: always}", "make", False, False),
        ("{command: make, background: true}", "make", False, True),
        ("{command: make, background: false}", "make", False, False),
    ],
)
@pytest.mark.parametrize("key", ["run", "deploy"])
def test_run_steps(
    key: str, text: str, script: str, only_on_failure: bool, in_background: bool
) -> None:
    run = run_step(step_of(f"{{{key}: {text}}}"), NO_DEFAULTS)
    assert run is not None
    assert (run.script, run.only_on_failure, run.in_background) == (
        script,
        only_on_failure,
        in_background,
    )


@pytest.mark.parametrize("text", ["", "{}", "{command: }", "[make]", "{command: [make]}"])
def test_run_steps_without_a_script(text: str) -> None:
    assert run_step(step_of(f"{{run: {text}}}"), NO_DEFAULTS) is None


DEFAULTS = """\
version: 2.1
orbs: {win: circleci/windows@5.0}
executors:
  e:
    parameters: {shell: {type: string, default: of-parameter}}
    machine: {image: x}
    shell: << parameters.shell >>
    working_directory: ~/of-executor
    environment: {A: executor, B: executor}
  m: {machine: {image: x, shell: of-machine}}
jobs:
  own:
    executor: e
    shell: of-job
    working_directory: ~/of-job
    environment: {A: job}
    steps: []
  inherits: {executor: e, steps: []}
  passes: {executor: {name: e, shell: passed}, steps: []}
  on_machine: {executor: m, steps: []}
  in_machine: {machine: {image: x, shell: own-machine}, steps: []}
  orb: {executor: {name: win/default, shell: bash.exe}, steps: []}
  overrides: {executor: e, docker: [{image: x}], steps: []}
"""


@pytest.mark.parametrize(
    ("job", "shell", "directory", "environment"),
    [
        ("own", "of-job", "~/of-job", {"A": "job", "B": "executor"}),
        ("inherits", "passed", "~/of-executor", {"A": "executor", "B": "executor"}),
        ("on_machine", "of-machine", None, {}),
        ("in_machine", "own-machine", None, {}),
        ("orb", "bash.exe", None, {}),
        ("overrides", None, None, {}),
    ],
)
def test_what_steps_have_from_their_job_and_executor(
    job: str, shell: str | None, directory: str | None, environment: dict[str, str]
) -> None:
    config = config_of(DEFAULTS)
    found = step_defaults(declared_job(config, job))
    assert (found.shell, found.working_directory) == (shell, directory)
    assert found.environment == environment


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("setup_remote_docker", True),
        ("{setup_remote_docker: {version: default}}", True),
        ("{aws-ecr/build-and-push-image: {setup-remote-docker: true}}", True),
        ("{aws-ecr/build_and_push_image: {setup_remote_docker: true}}", True),
        ("{aws-ecr/build-and-push-image: {setup-remote-docker: false}}", False),
        ("aws-ecr/build-and-push-image", False),
        ("checkout", False),
        ("{run: setup_remote_docker}", False),
    ],
)
def test_what_sets_remote_docker_up(step: str, expected: bool) -> None:
    assert sets_up_docker(step_of(step)) == expected


def test_arguments_have_the_parameters_of_commands_put_in() -> None:
    config = config_of("""\
        version: 2.1
        commands:
          c:
            parameters: {r: {type: string, default: quay.io}}
            steps: [{docker/check: {registry: << parameters.r >>, other: [a]}}]
        jobs: {j: {machine: true, steps: [c]}}
        """)
    (step,) = steps_of(config, "j")
    assert argument(step, "registry") == "quay.io"
    assert argument(step, "other") is None
    assert argument(step, "none") is None
    assert text_of(step.value) is None
