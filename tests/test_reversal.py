"""Taking out again what was put in: the original, or what the fix makes the same of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from ruamel.yaml import YAML

from cci_migrate.engine.outcomes import Examined, Refused
from cci_migrate.findings import Decisions, FindingKey, FindingState, Skip
from cci_migrate.policy.settings import PasswordAuth, Policy, RegistryPolicy, Revert
from cci_migrate.rules.catalogue import RULES
from cci_migrate.rules.rule import Fixed
from tests.fixture_cases import cases, changed
from tests.processing import PATH, examined, fixed, process_repository
from tests.samples import NAMES, configs_of

#: The rules whose fixes put in what a reversal takes out.
PUT_IN = frozenset({"unauthenticated-image", "missing-context", "pull-before-login"})

EXAMPLES = [
    pytest.param(example, id=f"{rule.id}: {example.title}")
    for rule in RULES
    if rule.id in PUT_IN
    for example in rule.examples
    if isinstance(example, Fixed)
]


def apply(files: dict[str, bytes], policy: Policy) -> dict[str, bytes]:
    return changed(files, process_repository(files, policy, read=files.get))


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_the_examples_put_in_goes_again(example: Fixed) -> None:
    reverted = fixed(example.after, replace(example.policy, revert=Revert.ALL))
    has_own_names = fixed(reverted, example.policy) == example.after
    assert reverted == example.before or has_own_names


REPOSITORIES = [
    *(pytest.param(case.before, case.policy, id=case.name) for case in cases()),
    *(pytest.param(configs_of(name), Policy(), id=f"sample {name}") for name in NAMES),
]


@pytest.mark.parametrize(("before", "policy"), REPOSITORIES)
def test_a_reversal_gives_the_original_or_what_the_fix_makes_the_same_of(
    before: dict[str, bytes], policy: Policy
) -> None:
    policy = replace(policy, revert=None)
    reverting = replace(policy, revert=Revert.ALL)
    outcomes = process_repository(before, policy, read=before.get)
    after = changed(before, outcomes)
    found = {
        resolution.finding.rule
        for outcome in outcomes
        if isinstance(outcome, Examined)
        for resolution in outcome.resolutions
        if resolution.state is FindingState.FIXED
    }
    back = process_repository(after, reverting, read=after.get)
    assert not [
        outcome for outcome in back if isinstance(outcome, Refused) and "proven" in outcome.reason
    ]
    # A context stays, and its order with it, if something reads its variables that the fix left.
    if any(
        resolution.state is FindingState.LEFT
        for outcome in back
        if isinstance(outcome, Examined)
        for resolution in outcome.resolutions
    ):
        return
    # A reversal does not bring the names back that a mirror has taken the place of.
    reverted = changed(after, back)
    if reverted == before or not found <= PUT_IN or policy.mirror is not None:
        return
    had_some = b"docker-hub-creds" in b"".join(before.values())
    if not had_some and apply(before, reverting) == before:
        again = apply(reverted, policy)
        assert again == after or meaning(again) == meaning(after)


def meaning(files: dict[str, bytes]) -> dict[str, object]:
    """The data of ``files``; whether one context is a string or a list makes no difference."""
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True
    yaml.composer.warn_double_anchors = False
    return {path: with_lists(yaml.load(data)) for path, data in files.items() if is_yaml(path)}


def is_yaml(path: str) -> bool:
    return path.endswith((".yml", ".yaml"))


def with_lists(data: object) -> object:
    if isinstance(data, dict):
        return {
            key: [value] if key == "context" and isinstance(value, str) else with_lists(value)
            for key, value in data.items()
        }
    return [with_lists(item) for item in data] if isinstance(data, list) else data


CONFIG_WITH_BOTH = """\
version: 2.1
jobs:
  a:
    docker:
      - image: cimg/go:1.22
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
      - image: redis:7
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
workflows:
  main:
    jobs:
      - a:
          context: docker-hub-creds
"""


def test_a_context_stays_while_an_image_still_needs_it() -> None:
    skipped = FindingKey("unauthenticated-image", PATH, "jobs.a.docker[1]")
    text = fixed(CONFIG_WITH_BOTH, Policy(revert=Revert.ALL), Decisions(by_key={skipped: Skip()}))
    assert text.count("auth:") == 1
    assert "context: docker-hub-creds" in text


def test_the_count_of_authenticated_images_is_that_of_the_outcome() -> None:
    outcome = examined(CONFIG_WITH_BOTH, Policy(revert=Revert.ALL))
    assert (outcome.images, outcome.authenticated) == (2, 0)


TWO_LOGINS = """\
version: 2.1
orbs:
  docker: circleci/docker@4.0.1
jobs:
  a: &job
    machine: true
    steps:
      - docker/check
      - run: docker pull redis:7
  b:
    machine: true
    steps:
      - docker/check
      - run: docker pull redis:7
"""
TWO = Policy(
    revert=Revert.ALL,
    registries=(
        RegistryPolicy("docker.io", PasswordAuth("$DOCKER_LOGIN", "$DOCKER_PASSWORD"), "hub"),
    ),
)


def test_the_orb_stays_while_a_login_uses_it() -> None:
    assert "orbs" not in fixed(TWO_LOGINS, TWO)
    kept = FindingKey("pull-before-login", PATH, "jobs.b.steps")
    text = fixed(TWO_LOGINS, TWO, Decisions(by_key={kept: Skip()}))
    assert text.count("docker/check") == 1
    assert "circleci/docker@4.0.1" in text


# The first config also pays for what is imported and compiled when first used.
@settings(deadline=None)
@given(
    images=st.lists(
        st.sampled_from(["cimg/go:1.22", "'redis:7'", '"quay.io/acme/x:1"', "$IMAGE", "mysql"]),
        min_size=1,
        max_size=4,
    ),
    extra=st.sampled_from(["", "\n        name: db", " # why\n        environment: {A: b}"]),
    context=st.sampled_from(
        ["- a", "- a # every time", "- a:\n          context: aws", "- {a: {requires: [b]}}"]
    ),
    line_break=st.sampled_from(["\n", "\r\n"]),
    ends=st.booleans(),
)
def test_fix_and_reversal_give_the_same_bytes(
    images: list[str], extra: str, context: str, line_break: str, ends: bool
) -> None:
    items = "".join(f"      - image: {image}{extra}\n" for image in images)
    text = (
        "version: 2.1\njobs:\n  a:\n    docker:\n"
        f"{items}    steps: [checkout]\nworkflows:\n  main:\n    jobs:\n      {context}\n"
    )
    text = (text if ends else text.rstrip("\n")).replace("\n", line_break)
    assert fixed(fixed(text), Policy(revert=Revert.ALL)) == text


def test_an_image_that_a_comment_keeps_from_reversal_still_counts_as_authenticated() -> None:
    config = """\
version: 2.1
jobs:
  build:
    docker:
      - image: cimg/go:1.22
        # cci-migrate: ignore
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
    steps: [checkout]
workflows:
  main:
    jobs: [build]
"""
    outcome = examined(config, Policy(revert=Revert.ALL))
    assert (outcome.change, outcome.images, outcome.authenticated) == (None, 1, 1)
