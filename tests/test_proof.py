"""Each clause of the proof refuses, alone, a plan that is bad in its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from cci_migrate import reversal
from cci_migrate.assessing.assessment import assess
from cci_migrate.circleci.packing import Group, Part
from cci_migrate.context_grants import context_placement
from cci_migrate.docker.mirrors import Mirror
from cci_migrate.engine import process
from cci_migrate.findings import APPLY_ALL, Answer, Decisions, Settled, State
from cci_migrate.loading import Loaded, load_texts
from cci_migrate.lossless.edits import Edit, apply_edits, insertion
from cci_migrate.lossless.merging import items_of, value_of
from cci_migrate.lossless.nodes import Mapping, Scalar, resolved
from cci_migrate.lossless.nodes import Sequence as Sequence_
from cci_migrate.lossless.operations import (
    AddEntry,
    AddItem,
    Entries,
    MappingToScalar,
    Operation,
    RemoveEntry,
    ReplaceScalar,
    ReplaceText,
    Text,
)
from cci_migrate.lossless.rendering import render
from cci_migrate.lossless.source import SourceText, Span
from cci_migrate.outcomes import Examined
from cci_migrate.planning import Plan, plan_changes
from cci_migrate.policy import CredentialStore, Policy, Revert
from cci_migrate.proof import (
    Clause,
    NotProven,
    ProvenChange,
    Reading,
    line_ends_differ,
    login_too_late,
    not_reversible,
    prove,
)
from cci_migrate.rules.catalogue import RULES

PATH = "config.yml"
CONFIG = """\
version: 2.1
jobs:
  a:
    docker:
      - image: cimg/go:1.22
  b:
    docker:
      - image: quay.io/acme/x:1
"""
FIXING = Policy()
HUB = Entries(
    (("username", Text("$DOCKERHUB_USERNAME")), ("password", Text("$DOCKERHUB_PASSWORD")))
)


def read(sources: Sequence[SourceText], policy: Policy = FIXING) -> Reading | str:
    loaded = load_texts(Group((Part(PATH, ()),)), sources)
    if not isinstance(loaded, Loaded):
        return "it is no config"
    assessment = assess(loaded.config, policy, {})
    if policy.revert is None:
        findings = [finding for rule in RULES for finding in rule.detect(assessment)]
    else:
        findings = list(reversal.findings(assessment, policy.revert))
    placement = context_placement(assessment)
    plan = plan_changes(loaded.config.documents, findings, APPLY_ALL, placement=placement)
    return Reading(
        loaded.config,
        tuple(one.image for one in assessment.images),
        plan,
        (),
        assessment.dockers.all(),
    )


def good(text: str = CONFIG) -> Reading:
    reading = read([SourceText(PATH, text)])
    assert isinstance(reading, Reading)
    return reading


def proven(reading: Reading, read_again: object = read) -> ProvenChange | NotProven:
    return prove(reading, Policy(), (), read_again)  # type: ignore[arg-type]


def with_edits(reading: Reading, *edits: Edit) -> Reading:
    return replace_plan(reading, replace(reading.plan, edits={PATH: edits}))


def replace_plan(reading: Reading, plan: Plan) -> Reading:
    return replace(reading, plan=plan)


def item(reading: Reading, job: str) -> Mapping:
    jobs = value_of(reading.documents[0].root, "jobs")
    docker = value_of(value_of(jobs, job), "docker")
    mapping = resolved(items_of(docker)[0])
    assert isinstance(mapping, Mapping)
    return mapping


def refused_by(reading: Reading) -> Clause:
    outcome = proven(reading)
    assert isinstance(outcome, NotProven), outcome
    assert outcome.reason
    return outcome.clause


def test_a_good_plan_is_proven() -> None:
    change = proven(good())
    assert isinstance(change, ProvenChange)
    assert change.files[0].before == CONFIG.encode()
    assert b"$DOCKERHUB_PASSWORD" in change.files[0].after


def test_edits_that_do_not_fit_the_text() -> None:
    lie = Edit(Span(0, 7), "VERSION", "version")
    assert refused_by(with_edits(good(), lie)) is Clause.REVERSIBLE


def test_edits_that_overlap() -> None:
    first = Edit(Span(0, 7), "version", "version")
    second = Edit(Span(3, 5), "si", "si")
    assert refused_by(with_edits(good(), first, second)) is Clause.REVERSIBLE


def test_a_text_that_more_was_done_to_than_the_edits_say() -> None:
    old = SourceText(PATH, "a: 1\n")
    edits = (insertion(5, "b: 2\n"),)
    assert not_reversible(old, old.with_text("a: 1\nb: 2\n"), edits) is None
    assert not_reversible(old, old.with_text("a: 1 \nb: 2\n"), edits) is not None
    assert not_reversible(old, old.with_text("a: 1\nb: 2\n# more\n"), edits) is not None


def test_a_comment_that_no_edit_says_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cci_migrate.proof.apply_edits", lambda text, edits: apply_edits(text, edits) + "# more\n"
    )
    assert refused_by(good()) is Clause.REVERSIBLE


def test_a_result_that_is_not_yaml() -> None:
    assert refused_by(with_edits(good(), insertion(0, "]: {\n"))) is Clause.PARSES


def test_an_edit_in_another_place_than_the_operation_says() -> None:
    reading = good()
    other = AddEntry(item(reading, "b"), "user", Text("root"), "image")
    edits = render(reading.documents[0], [other])
    assert refused_by(with_edits(reading, *edits)) is Clause.DATA


def test_an_edit_that_does_more_than_the_operation_says() -> None:
    reading = good()
    more = (*reading.plan.edits[PATH], insertion(len(CONFIG), "x-more: true\n"))
    assert refused_by(with_edits(reading, *more)) is Clause.DATA


def planned(reading: Reading, operation: Operation) -> Reading:
    """``reading`` with a plan that does ``operation``, text and data alike, and claims no fix."""
    edits = {PATH: render(reading.documents[0], [operation])}
    return replace_plan(reading, Plan((), (operation,), edits))


def test_credentials_for_an_image_of_another_registry() -> None:
    reading = good(CONFIG.replace("cimg/go:1.22", "ghcr.io/acme/y:1"))
    assert not reading.plan.operations
    stray = planned(reading, AddEntry(item(reading, "b"), "auth", HUB, "image"))
    assert refused_by(stray) is Clause.CREDENTIALS


def test_a_finding_that_is_called_fixed_and_is_not() -> None:
    reading = good()
    finding = reading.plan.settled[0].finding
    useless = AddEntry(item(reading, "b"), "user", Text("root"), "image")
    edits = {PATH: render(reading.documents[0], [useless])}
    settled = (Settled(finding, State.FIXED),)
    claims = replace_plan(reading, Plan(settled, (useless,), edits))
    assert refused_by(claims) is Clause.SETTLED


def test_a_change_after_which_a_second_run_would_go_on() -> None:
    reading = good()
    useless = AddEntry(item(reading, "b"), "user", Text("root"), "image")
    assert refused_by(planned(reading, useless)) is Clause.SETTLED


def test_lines_that_end_otherwise_than_the_file_s() -> None:
    reading = good(CONFIG.replace("\n", "\r\n"))
    edits = [
        Edit(edit.span, edit.removed, edit.text.replace("\r\n", "\n"))
        for edit in reading.plan.edits[PATH]
    ]
    assert refused_by(with_edits(reading, *edits)) is Clause.LINE_ENDS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (SourceText(PATH, "a: 1\n", has_bom=True), SourceText(PATH, "a: 1\n")),
        (SourceText(PATH, "a: 1"), SourceText(PATH, "a: 1\n")),
        (SourceText(PATH, "a: 1\n"), SourceText(PATH, "a: 1")),
        (SourceText(PATH, "a: 1"), SourceText(PATH, "a: 1\r\nb: 2")),
    ],
)
def test_the_frame_of_the_text(old: SourceText, new: SourceText) -> None:
    assert line_ends_differ(old, old) is None
    assert line_ends_differ(old, new) is not None


STEPS = """\
version: 2.1
jobs:
  a:
    machine:
      image: ubuntu-2404:current
    steps:
      - run: docker pull redis:7
      - run: echo done
"""


def test_a_login_that_comes_after_the_pull() -> None:
    reading = good(STEPS)
    assert [one.finding.rule for one in reading.plan.settled] == ["pull-before-login"]
    imported, added = reading.plan.operations
    assert isinstance(added, AddItem)
    late = replace(added, index=2)
    edits = {PATH: render(reading.documents[0], [imported, late])}
    plan = Plan(reading.plan.settled, (imported, late), edits)
    assert refused_by(replace_plan(reading, plan)) is Clause.LOGINS


def test_a_login_in_a_branch() -> None:
    branch = STEPS.replace(
        "      - run: docker pull redis:7\n",
        "      - when:\n          condition: false\n          steps: [docker/check]\n"
        "      - run: docker pull redis:7\n",
    ).replace("jobs:", "orbs: {docker: circleci/docker@4.0.1}\njobs:")
    before, after = good(STEPS), good(branch)
    assert login_too_late(before.plan, before.dockers) is not None
    assert login_too_late(before.plan, after.dockers) is not None
    fixed = proven(before)
    assert isinstance(fixed, ProvenChange)
    assert login_too_late(before.plan, good(fixed.files[0].after.decode()).dockers) is None


FIXED = """\
version: 2.1
jobs:
  a:
    docker:
      - image: cimg/go:1.22
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
  b:
    docker:
      - image: quay.io/acme/x:1
        auth:
          username: $QUAY_USER
          password: $QUAY_PASSWORD
workflows:
  main:
    jobs:
      - a:
          context: docker-hub-creds
      - b:
          context: aws
"""
REVERTING = Policy(revert=Revert.ALL)
AWS = Entries((("oidc_role_arn", Text("arn:aws:iam::1:role/x")),))


def read_reverting(sources: Sequence[SourceText]) -> Reading | str:
    return read(sources, REVERTING)


def reverting() -> Reading:
    reading = read_reverting([SourceText(PATH, FIXED)])
    assert isinstance(reading, Reading)
    return reading


def test_a_reversal_is_proven() -> None:
    change = prove(reverting(), REVERTING, (), read_reverting)
    assert isinstance(change, ProvenChange)
    assert b"DOCKERHUB" not in change.files[0].after
    assert b"$QUAY_PASSWORD" in change.files[0].after


def entry_of_b(reading: Reading) -> Operation:
    workflow = value_of(value_of(reading.documents[0].root, "workflows"), "main")
    entry = items_of(value_of(workflow, "jobs"))[1]
    assert isinstance(entry, Mapping)
    return MappingToScalar(entry)


@pytest.mark.parametrize(
    "too_much",
    [
        pytest.param(lambda it: RemoveEntry(item(it, "b"), "auth"), id="another's credentials"),
        pytest.param(entry_of_b, id="another context"),
        pytest.param(
            lambda it: AddEntry(item(it, "b"), "aws_auth", AWS, "image"), id="credentials added"
        ),
        pytest.param(
            lambda it: ReplaceScalar(scalar(item(it, "b"), "image"), Text("quay.io/acme/x:2")),
            id="another image",
        ),
    ],
)
def test_a_reversal_that_does_more(too_much: Callable[[Reading], Operation]) -> None:
    reading = reverting()
    both = (*reading.plan.operations, too_much(reading))
    edits = {PATH: render(reading.documents[0], both)}
    plan = Plan(reading.plan.settled, both, edits)
    outcome = prove(replace_plan(reading, plan), REVERTING, (), read_reverting)
    assert isinstance(outcome, NotProven), outcome
    assert outcome.clause in (Clause.REVERTED, Clause.CREDENTIALS)


def scalar(mapping: Mapping, key: str) -> Scalar:
    found = value_of(mapping, key)
    assert isinstance(found, Scalar)
    return found


def mirrored(text: str, name: str) -> NotProven | ProvenChange:
    """What the proof says of ``name`` for the image of the first job of ``text``."""
    reading = good(text)
    scalar = resolved(reading.images[0].item.image.value)
    assert isinstance(scalar, Scalar)
    operation = ReplaceText(scalar, 0, len(scalar.value), name)
    return prove(planned(reading, operation), Policy(mirror=Mirror("mirror.acme.dev")), (), read)


def test_a_name_at_the_mirror_that_is_another_image() -> None:
    for name in (
        "mirror.acme.dev/cimg/go:1.23",
        "mirror.acme.dev/go:1.22",
        "acme.dev/cimg/go:1.22",
    ):
        outcome = mirrored(CONFIG, name)
        assert isinstance(outcome, NotProven)
        assert outcome.clause is Clause.IMAGES


def test_credentials_for_docker_hub_that_would_go_to_the_mirror() -> None:
    auth = "        auth: {username: acme, password: $HUB_TOKEN}\n"
    text = CONFIG.replace("go:1.22\n", "go:1.22\n" + auth)
    outcome = mirrored(text, "mirror.acme.dev/cimg/go:1.22")
    assert isinstance(outcome, NotProven)
    assert outcome.clause is Clause.CREDENTIALS


def test_an_upgrade_that_leaves_a_text_in_which_values_are_put() -> None:
    reading = good("version: 2\njobs:\n  a:\n    machine: true\n    steps: [run: cat <<EOF]\n")
    root = reading.documents[0].root
    version = value_of(root, "version")
    assert isinstance(version, Scalar)
    number = ReplaceScalar(version, Text("2.1", is_number=True))
    assert refused_by(planned(reading, number)) is Clause.ESCAPES


HELD = """\
version: 2.1
jobs:
  a:
    docker:
      - image: cimg/go:1.22
    steps:
      - run: ./publish --password "$DOCKERHUB_PASSWORD"
workflows:
  main:
    jobs:
      - a: {context: [CONTEXTS]}
"""


def contexts(reading: Reading) -> Sequence_:
    entry = reading.config.workflow_jobs[0]
    found = value_of(entry.arguments, "context")
    assert isinstance(found, Sequence_)
    return found


def with_operations(reading: Reading, *operations: Operation) -> Reading:
    edits = {PATH: render(reading.documents[0], list(operations))}
    return replace_plan(reading, Plan((), tuple(operations), edits))


@pytest.mark.parametrize(
    ("held", "index", "is_refused"),
    [
        pytest.param("aws", 1, True, id="it would hide what aws may provide to a step"),
        pytest.param("aws", 0, False, id="the later one wins: nothing changes"),
    ],
)
def test_a_context_that_gives_a_step_another_value(held: str, index: int, is_refused: bool) -> None:
    reading = good(HELD.replace("CONTEXTS", held))
    plan = with_operations(
        reading,
        AddEntry(item(reading, "a"), "auth", HUB, "image"),
        AddItem(contexts(reading), index, Text("docker-hub-creds")),
    )
    outcome = proven(plan)
    clause = outcome.clause if isinstance(outcome, NotProven) else None
    assert (clause is Clause.CONTEXTS) is is_refused


def test_a_context_that_nothing_of_the_job_needs() -> None:
    reading = good(HELD.replace("CONTEXTS", "aws"))
    stray = with_operations(reading, AddItem(contexts(reading), 0, Text("docker-hub-creds")))
    assert refused_by(stray) is Clause.CONTEXTS


def test_a_context_that_is_lost() -> None:
    reading = good(HELD.replace("CONTEXTS", "aws, slack"))
    slack = contexts(reading).items[1]
    assert isinstance(slack, Scalar)
    other = with_operations(reading, ReplaceScalar(slack, Text("docker-hub-creds")))
    assert refused_by(other) is Clause.CONTEXTS


def test_a_user_name_that_nothing_shows() -> None:
    reading = good()
    auth = Entries((("username", Text("$OTHER_USER")), ("password", Text("$DOCKERHUB_PASSWORD"))))
    mixed = with_operations(reading, AddEntry(item(reading, "a"), "auth", auth, "image"))
    assert refused_by(mixed) is Clause.NAMES


def test_a_step_that_would_pull_another_image_from_the_mirror() -> None:
    policy = Policy(mirror=Mirror("mirror.acme.dev"))
    text = "version: 2.1\njobs:\n  a:\n    machine: true\n    steps: [{run: docker pull redis:7}]\n"
    before = read([SourceText(PATH, text)], policy)
    assert isinstance(before, Reading)
    (docker,) = before.dockers
    command = docker.steps[0].value
    assert isinstance(command, Scalar)
    start = command.value.index("redis:7")
    other = ReplaceText(command, start, len(command.value), "mirror.acme.dev/library/redis:6")
    outcome = prove(
        with_operations(before, other), policy, (), lambda sources: read(sources, policy)
    )
    assert isinstance(outcome, NotProven)
    assert outcome.clause is Clause.IMAGES


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


def test_a_context_for_a_job_that_works_without_it() -> None:
    reading = good(MOST_HOLD_IT)
    entry = reading.config.workflow_jobs[2]
    held = value_of(entry.arguments, "context")
    assert isinstance(held, Sequence_)
    given = with_operations(reading, AddItem(held, 0, Text("pear-hub")))
    assert refused_by(given) is Clause.CONTEXTS


def test_the_same_where_the_user_wants_contexts() -> None:
    policy = Policy(credentials=CredentialStore.CONTEXT)
    outcome = process({PATH: MOST_HOLD_IT.encode()}, policy)
    assert isinstance(outcome, Examined)
    assert outcome.change is not None
    assert b"- c: {context: [pear-hub]}" in outcome.change.files[0].after


def test_the_same_where_the_user_answers_so() -> None:
    key = f"missing-context:{PATH}:workflows.main.jobs[2]"
    files = {PATH: MOST_HOLD_IT.encode()}
    asked = process(files, Policy())
    assert isinstance(asked, Examined)
    (left,) = (one for one in asked.settled if one.finding.key == key)
    assert left.state is State.LEFT
    outcome = process(files, Policy(), Decisions(by_key={key: Answer("add")}))
    assert isinstance(outcome, Examined)
    assert outcome.change is not None
    assert b"- c: {context: [pear-hub]}" in outcome.change.files[0].after
