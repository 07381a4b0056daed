"""What a mirror does that the cases in ``tests/fixtures`` do not show."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from cci_migrate.docker.mirrors import Mirror
from cci_migrate.engine.outcomes import Examined
from cci_migrate.findings import Answer, Decisions, NoFix, Question
from cci_migrate.policy.record import policy_from_json, policy_to_json
from cci_migrate.policy.settings import AwsRoleAuth, PasswordAuth, Policy, RegistryPolicy
from tests.fixture_cases import FIXTURES, Case, run
from tests.processing import examined, fixed, left, text_after

MIRROR = Mirror("mirror.acme.dev", "hub")
MIRRORED = Policy(mirror=MIRROR)
PULLS = """\
version: 2.1
jobs:
  a:
    machine: {image: "ubuntu-2404:current"}
    steps:
      - run: docker pull redis:7 && docker run alpine:3
workflows:
  main: {jobs: [a]}
"""


def test_the_file_and_the_line_are_told_of_what_is_named_elsewhere() -> None:
    case = Case(FIXTURES / "mirror-steps-in-files")
    (outcome,) = run(case, case.before)
    assert isinstance(outcome, Examined)
    hub = "mirror.acme.dev/hub/library"
    told = {
        part
        for finding in left(outcome)
        if isinstance(finding.remedy, NoFix)
        for part in finding.remedy.instead.split("; ")
    }
    assert f"write {hub}/golang:1.22 for golang:1.22 in Dockerfile:2" in told
    assert f"write {hub}/alpine:3 for alpine:3 in Dockerfile:5" in told
    assert f"write {hub}/redis:7 for redis:7 in compose.yaml:3" in told
    curl = "mirror.acme.dev/hub/curlimages/curl:8"
    assert f"write {curl} for curlimages/curl:8 in scripts/smoke.sh:3" in told


def test_what_is_only_pulled_is_asked_and_done_on_the_answer() -> None:
    text = PULLS.replace(" && docker run alpine:3", "")
    (question,) = left(examined(text, MIRRORED))
    done = fixed(text, MIRRORED, Decisions(by_key={question.key: Answer("mirror")}))
    assert "docker pull mirror.acme.dev/hub/library/redis:7" in done
    assert fixed(text, MIRRORED, Decisions(by_key={question.key: Answer("leave")})) == text
    registry = RegistryPolicy("mirror.acme.dev", PasswordAuth("acme", "$MIRROR_TOKEN"), "mirror")
    with_login = examined(text, replace(MIRRORED, registries=(registry,)))
    assert with_login.change is None
    assert all(isinstance(finding.remedy, NoFix) for finding in left(with_login))


def test_no_credentials_for_docker_hub_are_written() -> None:
    after = fixed(PULLS, MIRRORED)
    assert "DOCKERHUB" not in after
    assert "mirror.acme.dev/hub/library/alpine:3" in after


def test_a_mirror_that_steps_cannot_log_in_to_is_not_used_by_them() -> None:
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    role = RegistryPolicy(host, AwsRoleAuth("arn:aws:iam::123456789012:role/pull"))
    for registries in ((role,), ()):
        policy = Policy(mirror=Mirror(host, "docker-hub"), registries=registries)
        outcome = examined(PULLS, policy)
        assert outcome.change is None
        assert all(isinstance(finding.remedy, NoFix) for finding in left(outcome))


def test_the_policy_of_a_campaign_keeps_both() -> None:
    policy = Policy(mirror=MIRROR, upgrade_version=True)
    assert policy_from_json(policy_to_json(policy)) == policy
    old = json.loads(policy_to_json(Policy()))
    del old["mirror"], old["upgrade_version"]
    assert policy_from_json(json.dumps(old)) == Policy()


HERE = "mirror.acme.dev/hub"


@pytest.mark.parametrize(
    ("script", "rewritten"),
    [
        (
            "podman pull redis:7 acme/x && podman run redis:7 && buildah from acme/x",
            f"podman pull {HERE}/library/redis:7 {HERE}/acme/x && podman run {HERE}/library/redis:7"
            f" && buildah from {HERE}/acme/x",
        ),
        (
            "docker run node:20 npm i && ls node",
            f"docker run {HERE}/library/node:20 npm i && ls node",
        ),
        (
            "for i in 1 2; do docker run alpine:3 $i; done",
            f"for i in 1 2; do docker run {HERE}/library/alpine:3 $i; done",
        ),
        (
            "if docker pull redis; then docker run index.docker.io/library/redis; fi",
            f"if docker pull {HERE}/library/redis; then docker run {HERE}/library/redis; fi",
        ),
        (
            "docker run docker:dind docker pull alpine",
            f"docker run {HERE}/library/docker:dind docker pull alpine",
        ),
    ],
)
def test_names_in_a_script(script: str, rewritten: str) -> None:
    text = PULLS.replace("docker pull redis:7 && docker run alpine:3", script)
    assert fixed(text, MIRRORED) == text.replace(script, rewritten)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("docker run node:20 sh -c 'echo node:20'", "line 7 uses node:20 for something else"),
        ('f() { docker run "$1"; }; f redis:7', "its name is a variable"),
        ("X=redis; docker run $X:7", "its name is a variable"),
        ("docker run --pull=never redis:7; docker run redis:7", "line 7 uses "),
        ("docker pull acme/x; docker build --cache-from acme/x -", "line 7 uses "),
        ('docker run "red"is:7', "built from parts"),
        ("docker pull redis:7; docker push redis:7", "line 7 uses "),
    ],
)
def test_names_that_stay_in_a_script(script: str, reason: str) -> None:
    text = PULLS.replace("docker pull redis:7 && docker run alpine:3", f"|\n          {script}")
    outcome = examined(text, MIRRORED)
    assert outcome.change is None
    told = [finding.remedy.reason for finding in left(outcome) if isinstance(finding.remedy, NoFix)]
    assert any(reason in text for text in told), told


def test_an_image_that_needs_no_credentials_is_not_counted_with_those_that_have_some() -> None:
    config = "version: 2.1\njobs:\n  a:\n    docker:\n      - image: cimg/go:1.22\n"
    first = examined(config, MIRRORED)
    assert first.change is not None
    assert (first.images, first.authenticated) == (1, 0)
    second = examined(config, AT_MIRROR)
    assert (second.images, second.authenticated) == (1, 1)


ACCOUNTS = """\
version: 2.1
jobs:
  a: {docker: [{image: "mirror.acme.dev/x:1", auth: {username: $A_USER, password: $A_PASS}}]}
  b: {docker: [{image: "mirror.acme.dev/y:1", auth: {username: $B_USER, password: $B_PASS}}]}
  c: {docker: [{image: "redis:7"}]}
"""
AT_MIRROR = Policy(
    mirror=MIRROR,
    registries=(RegistryPolicy(MIRROR.host, PasswordAuth("$M_USER", "$M_PASS")),),
)


def test_the_answer_which_account_of_the_mirror_moves_the_image_there() -> None:
    (finding,) = left(examined(ACCOUNTS, AT_MIRROR))
    assert finding.message == "redis:7 is pulled from Docker Hub without credentials"
    assert isinstance(finding.remedy, Question)
    assert [choice.key for choice in finding.remedy.choices] == [
        "a_user-a_pass",
        "b_user-b_pass",
        "leave",
    ]
    decisions = Decisions(by_key={finding.key: Answer("b_user-b_pass")})
    outcome = examined(ACCOUNTS, AT_MIRROR, decisions)
    # The credentials of the mirror never reach Docker Hub.
    assert text_after(outcome) == ACCOUNTS.replace(
        '"redis:7"}',
        '"mirror.acme.dev/hub/library/redis:7", auth: {username: $B_USER, password: $B_PASS}}',
    )
    assert left(outcome) == []


def test_no_account_of_the_mirror_is_offered_where_the_image_s_name_is_shared() -> None:
    shared = ACCOUNTS.replace('{image: "redis:7"}', "{image: << pipeline.parameters.image >>}")
    shared += '  d: {machine: true, steps: [{run: "echo << pipeline.parameters.image >>"}]}\n'
    shared += 'parameters: {image: {type: string, default: "redis:7"}}\n'
    (finding,) = left(examined(shared, AT_MIRROR))
    assert isinstance(finding.remedy, NoFix)
    assert "several accounts" in finding.remedy.reason
