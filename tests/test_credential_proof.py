"""Clauses 4 and 12 of the proof: whose credentials may be written where, under which names."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from cci_migrate.assessing.evidence import Evidence, EvidencePlace, Refusal, Use
from cci_migrate.engine.proof import Clause
from cci_migrate.engine.proof_side import ProofSide
from cci_migrate.findings import ChosenNames, FindingState, Resolution
from cci_migrate.lossless.merging import own_entry
from cci_migrate.lossless.operations import (
    AddEntry,
    AddItem,
    Content,
    Entries,
    ReplaceScalar,
    Text,
)
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    JobCredential,
    PasswordAuth,
    Policy,
    RegistryPolicy,
)
from tests.bad_plans import FIXING, HUB, auth, check, good, item, planned, refused_by, scalar

PEAR = auth("$PEAR_USER", "$PEAR_TOKEN")
PEAR_CREDENTIAL = PasswordAuth("$PEAR_USER", "$PEAR_TOKEN")

CONFIG = """\
version: 2.1
jobs:
  a:
    docker:
      - image: cimg/go:1.22
  b:
    docker:
      - image: quay.io/acme/x:1
  c:
    docker:
      - image: quay.io/acme/y:1
        auth: {username: $QUAY_USER, password: $QUAY_TOKEN}
"""
QUAY = auth("$QUAY_USER", "$QUAY_TOKEN")


def given(job: str, credential: Entries, text: str = CONFIG) -> ProofSide:
    side = good(text)
    return planned(side, AddEntry(item(side, job), "auth", credential, "image"))


def judged(side: ProofSide, policy: Policy = FIXING) -> Clause | None:
    """Which of the two clauses refuses the plan of ``side``; None if it is another, or none."""
    clause = refused_by(side, policy)
    return clause if clause in (Clause.CREDENTIALS, Clause.NAMES) else None


@pytest.mark.parametrize(
    ("job", "credential", "clause"),
    [
        pytest.param("b", HUB, Clause.CREDENTIALS, id="Docker Hub's for quay.io"),
        pytest.param("a", QUAY, Clause.CREDENTIALS, id="quay.io's for Docker Hub"),
        pytest.param("a", PEAR, Clause.CREDENTIALS, id="nobody's"),
        pytest.param(
            "a",
            auth("$OTHER_USER", "$DOCKERHUB_PASSWORD"),
            Clause.NAMES,
            id="a user name that nothing shows",
        ),
        pytest.param(
            "b", auth("$DOCKERHUB_USERNAME", "$QUAY_TOKEN"), Clause.NAMES, id="another's user name"
        ),
    ],
)
def test_credentials_under_an_image(job: str, credential: Entries, clause: Clause) -> None:
    assert refused_by(given(job, credential)) is clause


def test_credentials_of_the_same_registry() -> None:
    assert judged(given("b", QUAY)) is None


def test_credentials_that_the_policy_has_for_a_registry() -> None:
    policy = Policy(registries=(*FIXING.registries, RegistryPolicy("ghcr.io", PEAR_CREDENTIAL)))
    text = CONFIG.replace("cimg/go:1.22", "ghcr.io/acme/x:1")
    good_plan, bad_plan = given("a", PEAR, text), given("b", PEAR, text)
    assert judged(good_plan, policy) is None
    assert judged(bad_plan, policy) is Clause.CREDENTIALS


@pytest.mark.parametrize(
    ("host", "refusal", "jobs", "clause"),
    [
        pytest.param("docker.io", None, "b", None, id="it may be followed"),
        pytest.param("ghcr.io", None, "b", Clause.CREDENTIALS, id="of another registry"),
        pytest.param("docker.io", Refusal.DERIVED, "a", Clause.CREDENTIALS, id="made from it"),
        pytest.param("docker.io", Refusal.PUSH_ONLY, "b", Clause.NAMES, id="another job pushes"),
        pytest.param("docker.io", Refusal.PUSH_ONLY, "a", None, id="this job pushes"),
    ],
)
def test_credentials_that_the_config_shows(
    host: str, refusal: Refusal | None, jobs: str, clause: Clause | None
) -> None:
    place = EvidencePlace("config.yml", 1, "job build")
    shown = Evidence(
        host, Use.LOGIN, place, PEAR_CREDENTIAL, jobs=frozenset({f"jobs.{jobs}"}), refusal=refusal
    )
    unknown = replace(shown, credential=None)
    side = replace(given("a", PEAR), evidence=(unknown, shown))
    assert judged(side) is clause


def test_names_that_the_user_chose_for_one_registry() -> None:
    """They are for the finding that was asked about, and for its registry."""
    side = good(CONFIG)
    finding = side.plan.resolutions[0].finding
    assert finding.registry == "docker.io"
    chosen = {finding.key: ChosenNames(PEAR_CREDENTIAL, None)}
    asked = Resolution(finding, FindingState.LEFT)
    for job, clause in (("a", None), ("b", Clause.CREDENTIALS)):
        addition = AddEntry(item(side, job), "auth", PEAR, "image")
        plan = planned(side, addition, resolutions=(asked,))
        outcome = refused_by(plan, names=chosen)
        assert (outcome if outcome is Clause.CREDENTIALS else None) is clause
        assert refused_by(plan) is Clause.CREDENTIALS


def test_an_image_that_comes_from_another_registry_now() -> None:
    """What it sent to the one must not reach the other."""
    side = good(CONFIG)
    image = scalar(item(side, "c"), "image")
    for name, is_refused in (("ghcr.io/acme/y:1", True), ("quay.io/acme/z:1", False)):
        outcome = refused_by(planned(side, ReplaceScalar(image, Text(name))))
        assert (outcome is Clause.CREDENTIALS) is is_refused


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("        auth: {username: acme}\n", id="under auth"),
        pytest.param(
            "        username: acme\n        password: $HUB_TOKEN\n", id="beside the image"
        ),
    ],
)
def test_a_half_that_stood_there_is_kept(before: str) -> None:
    text = CONFIG.replace("go:1.22\n", f"go:1.22\n{before}")
    side = good(text)
    image = item(side, "a")
    own = own_entry(image, "auth")
    secret = Text("$HUB_TOKEN" if own is None else "$DOCKERHUB_PASSWORD")
    whole = Entries((("username", Text("acme")), ("password", secret)))
    change = (
        AddEntry(image, "auth", whole, "image")
        if own is None
        else AddEntry(own.value, "password", secret, "username")  # type: ignore[arg-type]
    )
    assert judged(planned(side, change)) is None


STEPS = """\
version: 2.1
orbs: {docker: circleci/docker@4.0.1}
jobs:
  a:
    machine: true
    steps:
      - run: docker pull redis:7
  b:
    machine: true
    steps:
      - run: echo "$QUAY_TOKEN" | docker login -u "$QUAY_USER" --password-stdin quay.io
      - run: docker pull quay.io/acme/x:1
  c:
    machine: true
    steps:
      - run: echo "$PUSH_TOKEN" | docker login -u acme --password-stdin
      - run: docker push acme/x:1
"""


@pytest.mark.parametrize(
    ("step", "clause"),
    [
        pytest.param(check("DOCKERHUB_USERNAME", "DOCKERHUB_PASSWORD"), None, id="the policy's"),
        pytest.param(check("QUAY_USER", "QUAY_TOKEN"), Clause.CREDENTIALS, id="quay.io's"),
        pytest.param(
            check("DOCKERHUB_USERNAME", "DOCKERHUB_PASSWORD", registry="quay.io"),
            Clause.CREDENTIALS,
            id="for quay.io",
        ),
        pytest.param(
            check("QUAY_USER", "DOCKERHUB_PASSWORD"), Clause.NAMES, id="another's user name"
        ),
        pytest.param(
            Entries((("run", Text("echo $PUSH_TOKEN | docker login -u acme --password-stdin")),)),
            Clause.NAMES,
            id="that of a job that pushes",
        ),
        pytest.param(
            Entries((("run", Text("mint | docker login -u acme --password-stdin")),)),
            Clause.CREDENTIALS,
            id="a password that nobody knows",
        ),
    ],
)
def test_a_login_in_steps(step: Content, clause: Clause | None) -> None:
    side = good(STEPS)
    (docker,) = (job_docker for job_docker in side.dockers if job_docker.job.name == "a")
    place = docker.steps[0].path[0]
    assert judged(planned(side, AddItem(place.sequence, 0, step))) is clause


#: Job ``a`` has for quay.io what ``b`` has for Docker Hub, from its contexts QUAY.
SHARED = """\
version: 2.1
jobs:
  a:
    docker:
      - image: cimg/go:1.22
      - image: quay.io/pear/db:1
        auth: {username: $U, password: $P}
    steps: [STEPS]
  b:
    docker:
      - image: cimg/go:1.22
        auth: {username: $U, password: $P}
workflows:
  main:
    jobs:
      - a: {context: [QUAY]}
      - b: {context: [hub]}
"""
SHARED_LOGIN = SHARED.replace(
    "      - image: quay.io/pear/db:1\n        auth: {username: $U, password: $P}\n", ""
).replace("STEPS", "run: echo $P | docker login -u $U --password-stdin quay.io")


@pytest.mark.parametrize("text", [SHARED, SHARED_LOGIN], ids=["an image", "a login"])
@pytest.mark.parametrize(
    ("contexts", "is_refused"),
    [("quay", True), ("quay, hub", True), ("", True), ("hub", False)],
)
def test_a_secret_that_the_job_has_for_another_registry(
    text: str, contexts: str, is_refused: bool
) -> None:
    text = text.replace("QUAY", contexts).replace("STEPS", "checkout")
    outcome = refused_by(given("a", auth("$U", "$P"), text))
    assert (outcome is Clause.CREDENTIALS) is is_refused


def test_a_login_with_a_secret_that_the_job_has_for_another_registry() -> None:
    text = STEPS.replace("$QUAY_TOKEN", "$DOCKERHUB_PASSWORD")
    side = good(text)
    for job, is_refused in (("b", True), ("a", False)):
        (docker,) = (job_docker for job_docker in side.dockers if job_docker.job.name == job)
        step = check("DOCKERHUB_USERNAME", "DOCKERHUB_PASSWORD")
        plan = planned(side, AddItem(docker.steps[0].path[0].sequence, 0, step))
        assert (refused_by(plan) is Clause.CREDENTIALS) is is_refused


def test_a_secret_for_two_registries_that_the_user_chose() -> None:
    text = SHARED.replace("QUAY", "quay").replace("STEPS", "checkout")
    job = JobCredential(("a",), PasswordAuth("$U", "$P"), None)
    hub = replace(DEFAULT_DOCKER_HUB, jobs=(job,))
    plan = given("a", auth("$U", "$P"), text)
    assert refused_by(plan, Policy(registries=(hub,))) is not Clause.CREDENTIALS
