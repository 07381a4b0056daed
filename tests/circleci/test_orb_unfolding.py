"""What a compiled config shows of orbs: which of its jobs and steps are whose."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.config import Config, UnfoldedOrbs
from cci_migrate.circleci.orb_unfolding import with_unfolded_orbs
from cci_migrate.docker.mirrors import Mirror
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.outcomes import Examined
from cci_migrate.engine.proposing import propose
from cci_migrate.lossless.nodes import Sequence, resolved
from cci_migrate.policy.settings import LoginMethod, Policy, Revert, UnknownSteps
from tests.circleci.configs import config_of

ORBS = "version: 2.1\norbs: {t: acme/tools@1.0, docker: circleci/docker@3.0.1}\n"


def unfolded_of(config: Config, compiled: Config) -> UnfoldedOrbs:
    unfolded = with_unfolded_orbs(config, compiled).unfolded
    assert unfolded is not None
    return unfolded


def texts(steps: Sequence) -> list[str]:
    return [steps.source.text[item.start : item.end].strip() for item in steps.items]


@pytest.mark.parametrize(
    ("steps", "compiled", "expected"),
    [
        ("checkout, t/a, {run: b}", "checkout, {run: x}, {run: b}", [["{run: x}"]]),
        ("t/a", "{run: x}, checkout", [["{run: x}", "checkout"]]),
        ("{t/a: {x: 1}}, checkout", "{run: x}, checkout", [["{run: x}"]]),
        # The orb has a step that the job has, too.
        ("t/a, checkout, {run: b}", "checkout, {run: x}, checkout, {run: b}",
         [["checkout", "{run: x}"]]),
        # A command with steps of its own, and the Docker orb's, whose ends do not show.
        ("c, t/a, {run: b}", "{run: c 1}, {run: x}, {run: b}", [["{run: x}"]]),
        ("docker/check, t/a", "{run: login}, {run: x}", [["{run: login}", "{run: x}"]]),
        ("t/a, t/b, checkout", "{run: x}, {run: y}, checkout", [["{run: x}", "{run: y}"]]),
        ("t/a, {run: b}, t/b", "{run: x}, {run: {name: B, command: b}}, {run: y}",
         [["{run: x}"], ["{run: y}"]]),
        # A parameter's value, and a condition that does not hold.
        ("{run: make << parameters.p >>}, t/a", "{run: make it}, {run: x}", [["{run: x}"]]),
        ("{when: {condition: << pipeline.parameters.q >>, steps: [{run: q}]}}, t/a", "{run: x}",
         [["{run: x}"]]),
        ("{when: {condition: << pipeline.parameters.q >>, steps: [{run: q}]}}, t/a",
         "{run: q}, {run: x}", [["{run: x}"]]),
        # A step that was added since, such as a login.
        ("{run: docker login -u $U}, t/a, checkout", "{run: x}, checkout", [["{run: x}"]]),
        # Nothing, and what is no compiled form of the job.
        ("checkout, t/a", "checkout", []),
        ("checkout", "{run: x}, checkout", []),
    ],
)  # fmt: skip
def test_the_steps_of_an_orbs_command(steps: str, compiled: str, expected: list[list[str]]) -> None:
    config = config_of(
        f"{ORBS}commands:\n  c: {{parameters: {{n: {{default: 1}}}}, "
        "steps: [{run: c << parameters.n >>}]}\n"
        f"jobs:\n  j:\n    parameters: {{p: {{type: string}}}}\n    steps: [{steps}]\n"
        "workflows: {main: {jobs: [{j: {p: it}}]}}\n"
    )
    made = config_of(f"jobs: {{j: {{steps: [{compiled}]}}}}\nworkflows: {{main: {{jobs: [j]}}}}\n")
    unfolded = unfolded_of(config, made)
    lists = [each for by_node in unfolded.steps.values() for each in by_node.values()]
    assert [texts(steps) for (steps,) in lists] == expected


def test_a_command_that_runs_call_with_other_arguments() -> None:
    config = config_of(
        f"{ORBS}commands: {{c: {{steps: [t/a]}}}}\n"
        "jobs: {j: {steps: [c, checkout, c]}}\n"
        "workflows: {main: {jobs: [{j: {matrix: {parameters: {x: [1, 2]}}}}]}}\n"
    )
    made = config_of(
        "jobs:\n  j-1: {steps: [{run: a}, checkout, {run: b}]}\n"
        "  j-2: {steps: [{run: a}, checkout, {run: c}]}\n"
        "workflows: {main: {jobs: [j-1, j-2]}}\n"
    )
    unfolded = unfolded_of(config, made)
    (by_node,) = unfolded.steps.values()
    ((call, lists),) = by_node.items()
    assert call is config.body.commands["c"].steps.items[0]  # type: ignore[union-attr]
    assert [texts(steps) for steps in lists] == [["{run: a}"], ["{run: b}"], ["{run: c}"]]


def test_which_jobs_workflow_jobs_became() -> None:
    config = config_of(
        f"{ORBS}workflows:\n  main:\n    jobs:\n"
        "      - t/a: {pre-steps: [{run: first}]}\n"
        "      - t/a\n"
        "      - t/a: {name: own}\n"
        "      - t/b: {matrix: {parameters: {x: [1, 2]}}}\n"
        "  off: {jobs: [t/off]}\n"
    )
    made = config_of(
        "jobs:\n  t/a-1: {steps: [{run: first}, {run: '1'}]}\n  t/a-2: {steps: [{run: '2'}]}\n"
        "  own: {steps: [{run: '3'}]}\n  t/b-1: {steps: []}\n  t/b-2: {steps: []}\n"
        "workflows: {main: {jobs: [t/a-1, t/a-2, own, t/b-1, t/b-2]}}\n"
    )
    unfolded = unfolded_of(config, made)
    names = {
        entry.name: [job.name for job in jobs] for entry, jobs in list(unfolded.jobs.items())[1:]
    }
    assert names == {"t/a": ["t/a-2"], "own": ["own"], "t/b": ["t/b-1", "t/b-2"]}
    steps = unfolded.jobs[config.workflow_jobs[0]][0].steps
    assert steps is not None
    own = resolved(steps)
    assert isinstance(own, Sequence)
    # Pre-steps are the workflow's own.
    assert texts(own) == ["{run: '1'}"]


def proposed(text: str, compiled: str) -> Examined:
    files = ConfigFiles({".circleci/config.yml": text.encode()}, compiled=compiled)
    examined = examine(files, Policy())
    assert isinstance(examined, Examination)
    outcome = propose(examined)
    assert isinstance(outcome, Examined)
    return outcome


def test_what_one_run_of_a_command_logs_in_to_serves_no_other() -> None:
    outcome = proposed(
        f"{ORBS}jobs: {{j: {{machine: true, steps: [t/a, checkout, t/a]}}}}\n"
        "workflows:\n  main:\n    jobs:\n      - j: {name: one}\n      - j: {name: two}\n",
        "jobs:\n  one: {machine: true, steps: [{run: docker pull busybox}, checkout]}\n"
        "  two: {machine: true, steps: [checkout, {run: docker login -u $U -p $P}]}\n"
        "workflows: {main: {jobs: [one, two]}}\n",
    )
    assert "pull-before-login" in {each.finding.rule for each in outcome.resolutions}


def test_an_executor_of_an_orb_decides_where_steps_run() -> None:
    text = (
        f"{ORBS}jobs: {{j: {{executor: t/vm, steps: [{{run: docker pull busybox}}]}}}}\n"
        "workflows:\n  main:\n    jobs:\n      - j\n"
    )
    job = "jobs: {{j: {{{}, steps: [{{run: docker pull busybox}}]}}}}\n"
    after = "workflows: {main: {jobs: [j]}}\n"
    for executor, rules in (
        ("machine: true", {"pull-before-login"}),
        ("docker: [{image: busybox}]", {"orb-pull"}),
        ("docker: [{image: busybox, auth: {username: $U, password: $P}}]", set()),
    ):
        outcome = proposed(text, job.format(executor) + after)
        assert {each.finding.rule for each in outcome.resolutions} == rules, executor


#: What orbs' steps do that a rule would change in steps of the config.
ORB_STEPS = """[
  {run: "docker login -u acme -p hq7-Wz2-9fK1-xx acme.azurecr.io"},
  {run: "echo $T | docker login -u $U --password-stdin index.docker.io"},
  {run: "docker pull redis:7 && docker run acme/x && docker build ."},
  {run: "docker login -u $U -p $P quay.io", shell: /bin/sh},
  setup_remote_docker,
  {run: {command: "docker pull $IMAGE && make it", environment: {PASSWORD: hq7-Wz2-9fK1-yy}}}]"""


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(mirror=Mirror("mirror.acme.example", "hub")),
        Policy(unknown_steps=UnknownSteps.LOGIN),
        Policy(login=LoginMethod.CLI),
        Policy(revert=Revert.ALL),
    ],
)
@pytest.mark.parametrize("platform", ["machine: true", "docker: [{image: acme/own}]"])
def test_nothing_is_changed_or_shown_of_what_is_in_the_orb(policy: Policy, platform: str) -> None:
    text = (
        f"{ORBS}jobs:\n  j:\n    {platform}\n    steps:\n      - setup_remote_docker\n"
        "      - t/a: {x: 1}\n      - run: docker pull redis:7\n"
        "workflows:\n  main:\n    jobs:\n      - j\n      - t/deploy\n"
    )
    job = f"{platform}, steps: {ORB_STEPS}"
    mine = job.replace("steps: [", "steps: [setup_remote_docker, ").replace(
        "yy}}}]", "yy}}}, {run: docker pull redis:7}]"
    )
    jobs = f"jobs: {{j: {{{mine}}}, t/deploy: {{{job}}}}}"
    compiled = f"{jobs}\nworkflows: {{main: {{jobs: [j, t/deploy]}}}}\n"
    files = ConfigFiles({".circleci/config.yml": text.encode()}, compiled=compiled)
    examined = examine(files, policy)
    assert isinstance(examined, Examination)
    assert examined.config.unfolded is not None
    assert {*examined.config.unfolded.jobs} == {examined.config.workflow_jobs[1]}
    assert examined.config.unfolded.steps
    for finding in examined.findings:
        assert finding.place.source is examined.documents[0].source, finding
    outcome = propose(examined, explain=True)
    assert isinstance(outcome, Examined), outcome
    assert "hq7-Wz2" not in repr(outcome)


def test_what_is_no_config_shows_nothing() -> None:
    text = f"{ORBS}workflows: {{main: {{jobs: [t/a]}}}}\n"
    for compiled in (
        "jobs: [",
        "just text",
        "",
        "jobs: {t/a: 3}\nworkflows: {main: {jobs: [t/a]}}",
    ):
        (resolution,) = proposed(text, compiled).resolutions
        assert "can't determine" in resolution.finding.message
