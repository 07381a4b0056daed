"""Credentials of another registry: each answer is a change that is proven."""

from __future__ import annotations

import pytest

from cci_migrate.findings import Answer, Decisions, FindingKey, Question
from tests.processing import PATH, examined, text_after

KEY = FindingKey("misrouted-credential", PATH, "jobs.test.docker[0]")
CONFIG = """\
version: 2.1
jobs:
  test:
    docker:
{item}
workflows:
  main:
    jobs:
      - test: {{context: [aws]}}
"""
AUTH = "username: $DOCKERHUB_USERNAME, password: $DOCKERHUB_PASSWORD"
BLOCK_AUTH = """\
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD"""


@pytest.mark.parametrize(
    ("item", "answer", "expected"),
    [
        (
            """\
      - image: acme/app
        aws_auth:
          oidc_role_arn: arn  # of the team
        user: root""",
            "replace",
            f"      - image: acme/app\n{BLOCK_AUTH}\n        user: root",
        ),
        (
            "      - {image: acme/app, aws_auth: {oidc_role_arn: arn}, user: root}",
            "replace",
            f"      - {{image: acme/app, auth: {{{AUTH}}}, user: root}}",
        ),
        (
            "      - {image: acme/app, auth: {username: AWS, password: $AWS_KEY}}",
            "replace",
            f"      - {{image: acme/app, auth: {{{AUTH}}}}}",
        ),
        (
            "      - {image: ghcr.io/acme/app, aws_auth: {oidc_role_arn: arn}}",
            "remove",
            "      - {image: ghcr.io/acme/app}",
        ),
        (
            "      - {image: ghcr.io/acme/app, auth: {username: AWS, password: $AWS_KEY}}",
            "remove",
            "      - {image: ghcr.io/acme/app}",
        ),
    ],
)
def test_credentials_are_replaced_if_the_registry_has_some_else_removed(
    item: str, answer: str, expected: str
) -> None:
    decisions = Decisions(by_key={KEY: Answer(answer)})
    outcome = examined(CONFIG.format(item=item), decisions=decisions)
    (resolution,) = outcome.resolutions
    assert isinstance(resolution.finding.remedy, Question)
    choices = [choice.key for choice in resolution.finding.remedy.choices]
    assert choices == [answer, "keep"]
    after = CONFIG.format(item=expected)
    if answer == "replace":
        after = after.replace("[aws]", "[aws, docker-hub-creds]")
    assert text_after(outcome) == after


@pytest.mark.parametrize("half", ["*key", "&own $AWS_KEY"])
def test_half_a_credential_is_not_replaced(half: str) -> None:
    item = (
        "      - {image: acme/app, environment: {KEY: &key $AWS_KEY}, "
        f"auth: {{username: AWS, password: {half}}}}}"
    )
    (finding,) = examined(CONFIG.format(item=item)).resolutions
    assert isinstance(finding.finding.remedy, Question)
    assert [choice.key for choice in finding.finding.remedy.choices] == ["keep"]


@pytest.mark.parametrize(("user", "password"), [("U", "${P}"), ("OWN", "$P"), ("OWN", "$OWN")])
def test_a_password_of_docker_hub_is_found_beside_any_user_name(user: str, password: str) -> None:
    hub = "      - {image: acme/app, auth: {username: $U, password: $P}}"
    other = (
        f"      - {{image: ghcr.io/acme/a, auth: {{username: ${user}, password: '{password}'}}}}"
    )
    resolutions = examined(CONFIG.format(item="\n".join((hub, hub, other)))).resolutions
    expected = [] if password == "$OWN" else ["misrouted-credential"]
    assert [resolution.finding.rule for resolution in resolutions] == expected
