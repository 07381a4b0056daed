"""What a mirror does that the cases in ``tests/fixtures`` do not show."""

from __future__ import annotations

from cci_migrate.batch.policy_record import policy_from_json, policy_to_json
from cci_migrate.docker.mirrors import Mirror
from cci_migrate.engine import process
from cci_migrate.findings import Answer, Decisions, Finding, NoFix, State
from cci_migrate.outcomes import Examined
from cci_migrate.policy import AwsRoleAuth, PasswordAuth, Policy, RegistryPolicy
from tests.fixture_cases import CONFIG, FIXTURES, Case, run

MIRROR = Mirror("mirror.acme.dev", "hub")
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


def examined(text: str, policy: Policy, decisions: Decisions | None = None) -> Examined:
    outcome = process({CONFIG: text.encode()}, policy, decisions or Decisions())
    assert isinstance(outcome, Examined), outcome
    return outcome


def left(outcome: Examined) -> list[Finding]:
    return [one.finding for one in outcome.settled if one.state is State.LEFT]


def after(outcome: Examined) -> str:
    return "" if outcome.change is None else outcome.change.files[0].after.decode()


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
    registry = RegistryPolicy("mirror.acme.dev", PasswordAuth("acme", "$MIRROR_TOKEN"), "mirror")
    policy = Policy(mirror=MIRROR, registries=(registry,))
    text = PULLS.replace(" && docker run alpine:3", "")
    (question,) = left(examined(text, policy))
    done = examined(text, policy, Decisions(by_key={question.key: Answer("mirror")}))
    assert "docker pull mirror.acme.dev/hub/library/redis:7" in after(done)
    assert "--username acme --password-stdin mirror.acme.dev" in after(done)
    assert "context: [mirror]" in after(done)
    kept = examined(text, policy, Decisions(by_key={question.key: Answer("leave")}))
    assert kept.change is None


def test_no_credentials_for_docker_hub_are_written() -> None:
    assert "DOCKERHUB" not in after(examined(PULLS, Policy(mirror=MIRROR)))
    assert "mirror.acme.dev/hub/library/alpine:3" in after(examined(PULLS, Policy(mirror=MIRROR)))


def test_a_mirror_that_steps_cannot_log_in_to_is_not_used_by_them() -> None:
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    role = RegistryPolicy(host, AwsRoleAuth("arn:aws:iam::123456789012:role/pull"))
    for registries in ((role,), ()):
        policy = Policy(mirror=Mirror(host, "docker-hub"), registries=registries)
        outcome = examined(PULLS, policy)
        assert outcome.change is None
        assert all(isinstance(one.remedy, NoFix) for one in left(outcome))


def test_the_policy_of_a_campaign_keeps_both() -> None:
    policy = Policy(mirror=MIRROR, upgrade_version=True)
    assert policy_from_json(policy_to_json(policy)) == policy
    old = policy_to_json(Policy())
    del old["mirror"], old["upgrade_version"]
    assert policy_from_json(old) == Policy()
