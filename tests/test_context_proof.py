"""Clause CONTEXTS of the proof: which contexts workflow jobs may get, and in which order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from cci_migrate.assessing.context_conventions import ContextConvention, ContextOrigin
from cci_migrate.assessing.evidence import Evidence, EvidencePlace, Use
from cci_migrate.engine.proof import Clause
from cci_migrate.engine.proof_side import ProofSide
from cci_migrate.findings import Answer, ChosenNames, Decisions, FindingKey, FindingState, Fix
from cci_migrate.lossless.merging import value_of
from cci_migrate.lossless.nodes import Scalar, Sequence
from cci_migrate.lossless.operations import AddEntry, AddItem, Entries, ReplaceScalar, Text
from cci_migrate.policy.settings import CredentialStore, PasswordAuth, Policy
from tests.bad_plans import FIXING, HUB, auth, good, item, planned, refused_by
from tests.processing import PATH, examined, fixed, left

WANTING_CONTEXTS = Policy(credentials=CredentialStore.CONTEXT)

#: Job ``a`` has no credentials yet; CONTEXTS are those that it holds.
CONFIG = """\
version: 2.1
jobs:
  a:
    docker:
      - image: cimg/go:1.22
    steps:
      - run: make
workflows:
  main:
    jobs:
      - a: {context: [CONTEXTS]}
"""
MAKE = "      - run: make\n"


def contexts(side: ProofSide, index: int = 0) -> Sequence:
    found = value_of(side.config.workflow_jobs[index].arguments, "context")
    assert isinstance(found, Sequence)
    return found


def given(
    side: ProofSide, *names: str, at: int | None = None, credential: Entries = HUB
) -> ProofSide:
    """A plan that gives job ``a`` a credential, and its workflow job these contexts."""
    held = contexts(side)
    index = len(held.items) if at is None else at
    return planned(
        side,
        AddEntry(item(side, "a"), "auth", credential, "image"),
        *(AddItem(held, index, Text(name)) for name in names),
    )


def is_refused(side: ProofSide, policy: Policy = FIXING) -> bool:
    return refused_by(side, policy) is Clause.CONTEXTS


def held(
    contexts: str,
    steps: str = MAKE,
    *,
    images: str = "",
    jobs: str = "",
    entries: str = "",
    policy: Policy = FIXING,
) -> ProofSide:
    """`CONFIG` with these contexts, steps and more images of job ``a``, beside other jobs."""
    text = CONFIG.replace("CONTEXTS", contexts).replace(MAKE, steps)
    text = text.replace("go:1.22\n", f"go:1.22\n{images}")
    return good(text.replace("workflows:", f"{jobs}workflows:") + entries, policy)


READS = '      - run: ./publish --password "$DOCKERHUB_PASSWORD"\n'


each_place = pytest.mark.parametrize(
    ("contexts", "at", "refused"),
    [
        pytest.param("aws", 1, True, id="it would hide what aws may provide"),
        pytest.param("aws", 0, False, id="the later one wins: nothing changes"),
        pytest.param("", 0, True, id="it would hide what the project provides"),
    ],
)


@each_place
def test_a_context_that_gives_a_step_another_value(contexts: str, at: int, refused: bool) -> None:
    assert is_refused(given(held(contexts, READS), "docker-hub-creds", at=at)) is refused


@each_place
@pytest.mark.parametrize(
    ("image", "is_read"),
    [
        ("cimg/node:20.11", "{username: mydockerhub-user, password: $DOCKERHUB_PASSWORD}"),
        ("cimg/node:20.11", "{username: $CIRCLE_USERNAME, password: $DOCKERHUB_PASSWORD}"),
        ("quay.io/pear/x:1", "{username: $DOCKERHUB_USERNAME, password: $PEAR}"),
    ],
)
def test_a_context_that_gives_another_image_another_value(
    image: str, is_read: str, contexts: str, at: int, refused: bool
) -> None:
    side = held(contexts, images=f"      - image: {image}\n        auth: {is_read}\n")
    assert is_refused(given(side, "docker-hub-creds", at=at)) is refused


def test_a_half_that_no_pull_can_use_yet_is_not_read() -> None:
    half = "      - image: cimg/node:20.11\n        auth: {password: $DOCKERHUB_PASSWORD}\n"
    assert not is_refused(given(held("aws", images=half), "docker-hub-creds"))


COMMAND = """\
commands:
  publish:
    steps: [checkout, notify]
  notify:
    steps: [publish, {run: curl -u "$DOCKERHUB_USERNAME" https://acme.dev}]
"""


@pytest.mark.parametrize(
    ("steps", "more"),
    [
        pytest.param("      - publish\n", COMMAND, id="in commands that call each other"),
        pytest.param(
            "      - log\n",
            'commands: {log: {steps: [{run: "echo $DOCKERHUB_USERNAME"}]}}\n',
            id="in a command",
        ),
        pytest.param("      - *publish\n", "", id="behind an alias"),
        pytest.param("      - run: {<<: *read}\n", "", id="behind a merge key"),
    ],
)
def test_a_step_that_reads_the_variable_elsewhere(steps: str, more: str) -> None:
    anchors = (
        "version: 2.1\n"
        "x-publish: &publish {run: ./publish $DOCKERHUB_PASSWORD}\n"
        "x-read: &read {command: ./publish $DOCKERHUB_PASSWORD}\n"
    )
    text = CONFIG.replace("CONTEXTS", "aws").replace(MAKE, steps) + more
    assert is_refused(given(good(text.replace("version: 2.1\n", anchors)), "docker-hub-creds"))


def test_what_the_entry_itself_reads() -> None:
    text = CONFIG.replace("[CONTEXTS]", '[aws], pre-steps: [{run: "./log $DOCKERHUB_USERNAME"}]')
    assert is_refused(given(good(text), "docker-hub-creds"))


def test_a_context_that_nothing_of_the_job_needs() -> None:
    side = held("aws")
    stray = planned(side, AddItem(contexts(side), 0, Text("docker-hub-creds")))
    assert is_refused(stray)


@pytest.mark.parametrize("credential", ["{username: acme, password: hunter2}", ""])
def test_a_context_for_credentials_that_are_written_out(credential: str) -> None:
    """An image and a login that read no variable need no context."""
    text = CONFIG.replace("CONTEXTS", "")
    if credential:
        text = text.replace("go:1.22\n", f"go:1.22\n        auth: {credential}\n")
    else:
        login = "      - run: docker login -u acme -p hunter2\n"
        text = text.replace("docker:\n      - image: cimg/go:1.22", "machine: true")
        text = text.replace(MAKE, login)
    side = good(text)
    plan = planned(side, AddItem(contexts(side), 0, Text("docker-hub-creds")))
    assert is_refused(plan)
    assert is_refused(plan, WANTING_CONTEXTS)


OTHERS = """\
      - b: {context: [slack]}
      - c: {context: [staff]}
"""
READER = """\
  c:
    docker:
      - image: cimg/go:1.22
        auth: {username: $DOCKERHUB_USERNAME, password: $DOCKERHUB_PASSWORD}
"""
PUSHER = """\
  c:
    machine: true
    steps:
      - run: echo "$DOCKERHUB_PASSWORD" | docker login -u "$DOCKERHUB_USERNAME" --password-stdin
      - run: docker push acme/x:1
"""


@pytest.mark.parametrize(
    ("job", "context", "refused"),
    [
        pytest.param(READER, "slack", True, id="of other variables"),
        pytest.param(READER, "staff", False, id="of these"),
        pytest.param(PUSHER, "staff", True, id="of a job that pushes with them"),
        pytest.param(PUSHER, "docker-hub-creds", False, id="the policy's"),
    ],
)
def test_the_contexts_of_others(job: str, context: str, refused: bool) -> None:
    other = "  b:\n    machine: true\n    steps: [{run: make}]\n"
    side = held("", jobs=other + job, entries=OTHERS)
    assert is_refused(given(side, context)) is refused


@pytest.mark.parametrize(
    ("context", "names", "refused"),
    [
        pytest.param("acme-registry", "$DOCKERHUB_USERNAME $DOCKERHUB_PASSWORD", False, id="all"),
        pytest.param("acme-registry", "$DOCKERHUB_USERNAME", True, id="half of them"),
        pytest.param("staff", "$DOCKERHUB_USERNAME $DOCKERHUB_PASSWORD", True, id="of all sorts"),
        pytest.param("hub-rw", "$DOCKERHUB_USERNAME $DOCKERHUB_PASSWORD", True, id="to release"),
    ],
)
def test_the_contexts_of_others_whose_steps_name_the_variables(
    context: str, names: str, refused: bool
) -> None:
    job = f"  b:\n    machine: true\n    steps: [{{run: ./notify {names}}}]\n"
    side = held("", jobs=job, entries=f"      - b: {{context: [{context}]}}\n")
    assert is_refused(given(side, context)) is refused


@pytest.mark.parametrize(("policy", "refused"), [(FIXING, True), (WANTING_CONTEXTS, False)])
def test_a_context_of_the_file_for_a_job_that_reads_half(policy: Policy, refused: bool) -> None:
    """It would override the project's, unless the user wants contexts to provide them."""
    steps = "      - run: ./log $DOCKERHUB_USERNAME\n"
    entries = "      - c: {context: [staff]}\n"
    side = held("", steps, jobs=READER, entries=entries, policy=policy)
    assert is_refused(given(side, "staff"), policy) is refused


def test_what_half_a_credential_reads_shows_no_context() -> None:
    """Job ``b`` pulls nothing with it, so its context is not known for these variables."""
    job = (
        "  b:\n    docker:\n      - image: cimg/go:1.22\n"
        "        auth: {password: $DOCKERHUB_PASSWORD}\n"
    )
    pear = "        auth: {username: $PEAR_USER, password: $PEAR_TOKEN}\n"
    side = held(
        "pear-hub",
        images=f"      - image: cimg/node:20.11\n{pear}",
        jobs=job + READER.replace("  c:", "  d:"),
        entries="      - b: {context: [pear-hub]}\n      - d: {context: [staff]}\n",
    )
    assert not is_refused(given(side, "staff"))


@pytest.mark.parametrize("order", ["slack, aws", "aws, aws"])
def test_contexts_that_are_lost_or_change_places(order: str) -> None:
    side = held("aws, slack")
    operations = [
        ReplaceScalar(scalar, Text(name))
        for scalar, name in zip(contexts(side).items, order.split(", "), strict=True)
        if isinstance(scalar, Scalar) and scalar.value != name
    ]
    assert is_refused(planned(side, *operations))


@pytest.mark.parametrize(
    ("contexts", "more", "refused"),
    [
        pytest.param("acme-dockerhub", "", True, id="its name tells of the registry"),
        pytest.param("aws", "", False, id="it does not"),
        pytest.param("pear-registry", "[pear-registry], $PEAR", False, id="others read it"),
        pytest.param("pear-registry", "[other], $PEAR", True, id="others do not read it"),
        pytest.param("pear-hub", "[pear-hub], $DOCKERHUB", True, id="others read the same"),
    ],
)
def test_a_context_behind_one_that_may_provide_the_same(
    contexts: str, more: str, refused: bool
) -> None:
    job = entry = ""
    if more:
        other, _, names = more.partition(", ")
        job = (
            "  b:\n    docker:\n      - image: cimg/go:1.22\n"
            f"        auth: {{username: {names}_USERNAME, password: {names}_PASSWORD}}\n"
        )
        entry = f"      - b: {{context: {other}}}\n"
    side = held(contexts, jobs=job, entries=entry)
    assert is_refused(given(side, "docker-hub-creds")) is refused


def test_a_context_that_another_config_shows() -> None:
    side = held("")
    shown = Evidence(
        "docker.io",
        Use.SIBLING,
        EvidencePlace("nightly.yml", 3, "job build"),
        PasswordAuth("$PEAR_USER", "$PEAR_TOKEN"),
        convention=ContextConvention(
            "pear", ContextOrigin.READERS, frozenset({frozenset({"pear"})})
        ),
    )
    side = replace(side, evidence=(*side.evidence, shown))
    pear, half = auth("$PEAR_USER", "$PEAR_TOKEN"), auth("$PEAR_USER", "$DOCKERHUB_PASSWORD")
    assert not is_refused(given(side, "pear", credential=pear))
    assert is_refused(given(side, "other", credential=pear))
    assert is_refused(given(side, "pear"))
    # Half of what it provides is not what it provides: the names are refused before.
    assert refused_by(given(side, "pear", credential=half)) in (Clause.CONTEXTS, Clause.NAMES)


@pytest.mark.parametrize(
    ("context", "script", "refused"),
    [
        ("cd", "docker push acme/app", True),
        # A pull needs no more than the other job's pull.
        ("cd", "docker pull acme/app", False),
        # It is there for the registry, whoever pushes with it.
        ("registry", "docker push acme/app", False),
    ],
)
def test_a_context_of_a_job_whose_credentials_are_to_stay_there(
    context: str, script: str, refused: bool
) -> None:
    login = "echo $DOCKERHUB_PASSWORD | docker login -u $DOCKERHUB_USERNAME --password-stdin"
    job = (
        "  ship:\n    machine: {image: ubuntu-2404:current}\n    steps:\n"
        f"      - run: {login}\n      - run: {script}\n"
    )
    side = held("", jobs=job, entries=f"      - ship: {{context: [{context}]}}\n")
    assert is_refused(given(side, context)) is refused


def test_a_context_that_the_user_names() -> None:
    side = held("acme-dockerhub")
    key = FindingKey("unauthenticated-image", "config.yml", "jobs.a.docker[0]")
    names = {key: ChosenNames(CREDENTIAL, "mine")}
    assert refused_by(given(side, "mine"), names=names) is not Clause.CONTEXTS
    assert refused_by(given(side, "yours"), names=names) is Clause.CONTEXTS


CREDENTIAL = PasswordAuth("$DOCKERHUB_USERNAME", "$DOCKERHUB_PASSWORD")


def test_contexts_are_wanted_but_not_any() -> None:
    side = held("acme-dockerhub")
    assert not is_refused(given(side, "docker-hub-creds"), WANTING_CONTEXTS)
    assert is_refused(given(side, "slack"), WANTING_CONTEXTS)


MOST_HOLD_IT = """\
version: 2.1
jobs:
  a: &job
    docker:
      - image: cimg/go:1.22
        auth: {username: $PEAR_USER, password: $PEAR_TOKEN}
  b: *job
  c: *job
  idle:
    docker:
      - image: cimg/go:1.22
workflows:
  main:
    jobs:
      - a: {context: [pear-hub]}
      - b: {context: [pear-hub]}
      - c: {context: []}
"""


@pytest.mark.parametrize("state", [FindingState.LEFT, FindingState.FIXED])
def test_a_context_for_a_job_that_works_without_it(state: FindingState) -> None:
    """Whatever else is planned there: only the user's answer to the question is one."""
    side = good(MOST_HOLD_IT)
    (asked,) = (
        resolution
        for resolution in side.plan.resolutions
        if resolution.finding.rule == "missing-context"
    )
    if state is FindingState.FIXED:
        asked = replace(asked, finding=replace(asked.finding, remedy=Fix("", ())), state=state)
    stray = planned(side, AddItem(contexts(side, 2), 0, Text("pear-hub")))
    assert is_refused(replace(stray, plan=replace(stray.plan, resolutions=(asked,))))


def test_the_same_where_the_user_wants_contexts() -> None:
    assert "- c: {context: [pear-hub]}" in fixed(MOST_HOLD_IT, WANTING_CONTEXTS)


def test_the_same_where_the_user_answers_so() -> None:
    key = FindingKey("missing-context", PATH, "workflows.main.jobs[2]")
    assert key in {finding.key for finding in left(examined(MOST_HOLD_IT))}
    answered = Decisions(by_key={key: Answer("add")})
    assert "- c: {context: [pear-hub]}" in fixed(MOST_HOLD_IT, decisions=answered)
