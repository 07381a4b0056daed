"""Each clause of the proof refuses, alone, a plan that is bad in its way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from cci_migrate.assessing.step_assessment import login_route
from cci_migrate.docker.mirrors import Mirror
from cci_migrate.engine.login_proof import login_too_late
from cci_migrate.engine.planning import Plan
from cci_migrate.engine.proof import (
    Clause,
    ProvenChange,
    line_ends_differ,
    not_reversible,
    something_left,
)
from cci_migrate.engine.proof_side import ProofSide
from cci_migrate.findings import FindingState, Place, Resolution
from cci_migrate.lossless.edits import Edit, apply_edits, insertion
from cci_migrate.lossless.merging import items_of, value_of
from cci_migrate.lossless.nodes import Mapping, Scalar, Sequence, resolved
from cci_migrate.lossless.operations import (
    AddEntry,
    AddItem,
    Entries,
    Items,
    MappingToScalar,
    Operation,
    RemoveEntry,
    ReplaceScalar,
    ReplaceText,
    Text,
    WrapInSequence,
)
from cci_migrate.lossless.rendering import render
from cci_migrate.lossless.source import SourceText, Span
from cci_migrate.policy.settings import Policy, Revert
from tests.bad_plans import (
    HUB,
    PATH,
    auth,
    check,
    good,
    item,
    planned,
    planned_instead,
    proven,
    refused_by,
    scalar,
    with_edits,
)

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


def test_a_good_plan_is_proven() -> None:
    change = proven(good(CONFIG))
    assert isinstance(change, ProvenChange)
    assert change.files[0].before == CONFIG.encode()
    assert b"$DOCKERHUB_PASSWORD" in change.files[0].after


def test_edits_that_do_not_fit_the_text() -> None:
    lie = Edit(Span(0, 7), "VERSION", "version")
    assert refused_by(with_edits(good(CONFIG), lie)) is Clause.REVERSIBLE


def test_edits_that_overlap() -> None:
    first = Edit(Span(0, 7), "version", "version")
    second = Edit(Span(3, 5), "si", "si")
    assert refused_by(with_edits(good(CONFIG), first, second)) is Clause.REVERSIBLE


def test_a_text_that_more_was_done_to_than_the_edits_say() -> None:
    old = SourceText(PATH, "a: 1\n")
    edits = (insertion(5, "b: 2\n"),)
    assert not_reversible(old, old.with_text("a: 1\nb: 2\n"), edits) is None
    assert not_reversible(old, old.with_text("a: 1 \nb: 2\n"), edits) is not None
    assert not_reversible(old, old.with_text("a: 1\nb: 2\n# more\n"), edits) is not None


def test_a_comment_that_no_edit_says_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cci_migrate.engine.proof.apply_edits",
        lambda text, edits: apply_edits(text, edits) + "# more\n",
    )
    assert refused_by(good(CONFIG)) is Clause.REVERSIBLE


def test_a_result_that_is_not_yaml() -> None:
    assert refused_by(with_edits(good(CONFIG), insertion(0, "]: {\n"))) is Clause.PARSES


def test_an_edit_in_another_place_than_the_operation_says() -> None:
    side = good(CONFIG)
    other = AddEntry(item(side, "b"), "user", Text("root"), "image")
    edits = render(side.documents[0], [other])
    assert refused_by(with_edits(side, *edits)) is Clause.DATA


def test_an_edit_that_does_more_than_the_operation_says() -> None:
    side = good(CONFIG)
    more = (*side.plan.edits[PATH], insertion(len(CONFIG), "x-more: true\n"))
    assert refused_by(with_edits(side, *more)) is Clause.DATA


def test_credentials_for_an_image_of_another_registry() -> None:
    side = good(CONFIG.replace("cimg/go:1.22", "ghcr.io/acme/y:1"))
    assert not side.plan.operations
    stray = planned(side, AddEntry(item(side, "b"), "auth", HUB, "image"))
    assert refused_by(stray) is Clause.CREDENTIALS


def test_a_finding_that_is_called_fixed_and_is_not() -> None:
    side = good(CONFIG)
    finding = side.plan.resolutions[0].finding
    useless = AddEntry(item(side, "b"), "user", Text("root"), "image")
    fixed = Resolution(finding, FindingState.FIXED)
    assert refused_by(planned(side, useless, resolutions=(fixed,))) is Clause.SETTLED


@pytest.mark.parametrize(
    ("state", "fixed", "is_refused"),
    [
        pytest.param(FindingState.LEFT, True, True, id="it is found again"),
        pytest.param(FindingState.LEFT, False, False, id="it was not to be fixed"),
        pytest.param(FindingState.SUPPRESSED, True, False, id="a comment says that it is unwanted"),
    ],
)
def test_what_a_second_run_finds(state: FindingState, fixed: bool, is_refused: bool) -> None:
    finding = good(CONFIG).plan.resolutions[0].finding
    done = Plan((Resolution(finding, FindingState.FIXED if fixed else FindingState.LEFT),), (), {})
    again = Plan((Resolution(finding, state),), (), {})
    assert (something_left(done, again) is not None) is is_refused


def test_a_change_after_which_a_second_run_would_go_on() -> None:
    side = good(CONFIG)
    useless = AddEntry(item(side, "b"), "user", Text("root"), "image")
    assert refused_by(planned(side, useless)) is Clause.SETTLED


def test_lines_that_end_otherwise_than_the_file_s() -> None:
    side = good(CONFIG.replace("\n", "\r\n"))
    edits = [
        Edit(edit.span, edit.removed, edit.text.replace("\r\n", "\n"))
        for edit in side.plan.edits[PATH]
    ]
    assert refused_by(with_edits(side, *edits)) is Clause.LINE_ENDS


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
    side = good(STEPS)
    assert [resolution.finding.rule for resolution in side.plan.resolutions] == [
        "pull-before-login"
    ]
    imported, added = side.plan.operations
    assert isinstance(added, AddItem)
    late = planned_instead(side, imported, replace(added, index=2))
    assert refused_by(late) is Clause.LOGINS


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("sudo docker", "docker"),
        ("docker --config /srv/d", "docker --config /srv/e"),
        ("docker --config /srv/d", "docker"),
    ],
)
def test_a_login_that_is_kept_where_the_pull_does_not_look(right: str, wrong: str) -> None:
    side = good(STEPS.replace("docker pull", f"{right} pull"))
    assert isinstance(proven(side), ProvenChange)
    (added,) = side.plan.operations
    assert isinstance(added, AddItem)
    (edit,) = side.plan.edits[PATH]
    assert f"{right} login" in edit.text
    other = replace(edit, text=edit.text.replace(f"{right} login", f"{wrong} login"))
    elsewhere = planned_instead(side, _with_script(added, right, wrong))
    assert elsewhere.plan.edits[PATH] == (other,)
    assert refused_by(elsewhere) is Clause.LOGINS


def _with_script(added: AddItem, right: str, wrong: str) -> AddItem:
    """``added``, a ``run`` step, with another command in its script."""
    assert isinstance(added.content, Entries)
    ((run, body),) = added.content.entries
    assert isinstance(body, Entries)
    entries = tuple(
        (name, replace(text, value=text.value.replace(right, wrong)))
        for name, text in body.entries
        if isinstance(text, Text)
    )
    return replace(added, content=Entries(((run, Entries(entries)),)))


def test_a_login_before_the_client_is_there() -> None:
    steps = "    docker: [{image: quay.io/acme/build:4}]\n    steps:\n      - setup_remote_docker\n"
    machine = "    machine:\n      image: ubuntu-2404:current\n    steps:\n"
    install = "      - run: apk add --no-cache docker-cli\n"
    side = good(STEPS.replace(machine, steps + install))
    assert isinstance(proven(side), ProvenChange)
    *imports, added = side.plan.operations
    assert isinstance(added, AddItem)
    assert added.index == 2
    early = planned_instead(side, *imports, replace(added, index=1))
    assert refused_by(early) is Clause.LOGINS


def test_a_login_to_another_key_of_docker_hub() -> None:
    pull = "registry-1.docker.io/library/redis:7"
    side = good(STEPS.replace("redis:7", pull))
    imported, added = side.plan.operations
    assert isinstance(added, AddItem)
    other = planned_instead(side, imported, replace(added, content=CHECK))
    assert refused_by(other) is Clause.LOGINS


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


def test_a_login_that_is_missing_in_the_job_of_an_orb() -> None:
    side = good(
        "version: 2.1\norbs: {aws-ecr: circleci/aws-ecr@9.3.4}\n"
        "jobs: {a: {docker: [{image: quay.io/acme/x:1}]}}\n"
        "workflows: {main: {jobs: [a, aws-ecr/build_and_push_image: {repo: x}]}}\n"
    )
    (orb_job,) = side.docker_of.values()
    place = Place(orb_job.steps[0].node, login_route(orb_job, "docker.io", orb_job.config))
    finding = replace(good(STEPS).plan.resolutions[0].finding, place=place)
    pulls = replace(orb_job.pulls[0], hosts=frozenset({"docker.io"}))
    orb_job = replace(orb_job, pulls=(pulls,))
    done = replace(side.plan, resolutions=(Resolution(finding, FindingState.FIXED),))
    after = replace(side, docker_of={orb_job.job.route: orb_job})
    assert login_too_late(done, after.all_dockers) is not None


CHECK = check("DOCKERHUB_USERNAME", "DOCKERHUB_PASSWORD")


@pytest.mark.parametrize(
    ("login", "index", "is_refused"),
    [
        pytest.param("test -f x && mint | docker login -u acme --password-stdin", 1, True, id="of"),
        pytest.param("test -f x && mint | docker login -u a --password-stdin", 0, False, id="it"),
        pytest.param("mint | docker login -u acme --password-stdin $HOST", 1, True, id="perhaps"),
        pytest.param("mint | docker login -u acme --password-stdin quay.io", 1, False, id="else"),
        pytest.param("make docker-login", 1, True, id="unread"),
        pytest.param("make docker-login", 0, False, id="before the unread"),
    ],
)
def test_a_login_that_replaces_another_account(login: str, index: int, is_refused: bool) -> None:
    text = STEPS.replace("    steps:\n", f"    steps:\n      - run: {login}\n")
    side = good(text.replace("jobs:", "orbs: {docker: circleci/docker@4.0.1}\njobs:", 1))
    place = side.dockers[0].steps[0].path[0]
    outcome = refused_by(planned(side, AddItem(place.sequence, index, CHECK)))
    assert (outcome is Clause.LOGINS) is is_refused


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
      - image: quay.io/acme/y:1
  c:
    machine: true
    steps:
      - run: echo "$QUAY_PASSWORD" | docker login -u acme --password-stdin ghcr.io
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


def test_a_reversal_is_proven() -> None:
    change = proven(good(FIXED, REVERTING), REVERTING)
    assert isinstance(change, ProvenChange)
    assert b"DOCKERHUB" not in change.files[0].after
    assert b"$QUAY_PASSWORD" in change.files[0].after


def entry_of_b(side: ProofSide) -> Operation:
    workflow = value_of(value_of(side.documents[0].root, "workflows"), "main")
    entry = items_of(value_of(workflow, "jobs"))[1]
    assert isinstance(entry, Mapping)
    return MappingToScalar(entry)


def context_of_b(side: ProofSide) -> Scalar:
    found = value_of(side.config.workflow_jobs[1].arguments, "context")
    assert isinstance(found, Scalar)
    return found


@pytest.mark.parametrize(
    "too_much",
    [
        pytest.param(lambda it: RemoveEntry(item(it, "b"), "auth"), id="another's credentials"),
        pytest.param(entry_of_b, id="another context"),
        pytest.param(
            lambda it: AddEntry(item(it, "b", 1), "auth", auth("$QUAY_USER", "$QUAY_PASSWORD")),
            id="its registry's credentials added",
        ),
        pytest.param(
            lambda it: WrapInSequence(context_of_b(it), Items((Text("docker-hub-creds"),))),
            id="a context added",
        ),
        pytest.param(
            lambda it: AddEntry(item(it, "b"), "aws_auth", AWS, "image"), id="credentials added"
        ),
        pytest.param(
            lambda it: ReplaceScalar(scalar(item(it, "b"), "image"), Text("quay.io/acme/x:2")),
            id="another image",
        ),
    ],
)
def test_a_reversal_that_does_more(too_much: Callable[[ProofSide], Operation]) -> None:
    side = good(FIXED, REVERTING)
    more = planned_instead(side, *side.plan.operations, too_much(side))
    assert refused_by(more, REVERTING) in (Clause.REVERTED, Clause.CREDENTIALS)


MIRRORING = Policy(mirror=Mirror("mirror.acme.dev"))


def mirrored(text: str, name: str) -> Clause | None:
    """What refuses ``name`` for the image of the first job of ``text``."""
    side = good(text)
    scalar = resolved(side.images[0].item.image.value)
    assert isinstance(scalar, Scalar)
    operation = ReplaceText(scalar, 0, len(scalar.value), name)
    return refused_by(planned(side, operation), MIRRORING)


def test_a_name_at_the_mirror_that_is_another_image() -> None:
    for other in (
        "mirror.acme.dev/cimg/go:1.23",
        "mirror.acme.dev/go:1.22",
        "acme.dev/cimg/go:1.22",
    ):
        assert mirrored(CONFIG, other) is Clause.IMAGES


def test_credentials_for_docker_hub_that_would_go_to_the_mirror() -> None:
    auth = "        auth: {username: acme, password: $HUB_TOKEN}\n"
    text = CONFIG.replace("go:1.22\n", "go:1.22\n" + auth)
    assert mirrored(text, "mirror.acme.dev/cimg/go:1.22") is Clause.CREDENTIALS


def test_an_upgrade_that_leaves_a_text_in_which_values_are_put() -> None:
    side = good("version: 2\njobs:\n  a:\n    machine: true\n    steps: [run: cat <<EOF]\n")
    root = side.documents[0].root
    version = value_of(root, "version")
    assert isinstance(version, Scalar)
    number = ReplaceScalar(version, Text("2.1", is_number=True))
    assert refused_by(planned(side, number)) is Clause.ESCAPES


@pytest.mark.parametrize("index", [0, 1])
def test_a_step_that_would_pull_another_image_from_the_mirror(index: int) -> None:
    steps = "[{run: docker pull redis:7}, {run: docker pull redis:7}]"
    before = good(f"version: 2.1\njobs: {{a: {{machine: true, steps: {steps}}}}}\n", MIRRORING)
    (docker,) = before.dockers
    operations = []
    for number, step in enumerate(docker.steps):
        command = step.value
        assert isinstance(command, Scalar)
        name = f"mirror.acme.dev/library/redis:{6 if number == index else 7}"
        start = command.value.index("redis:7")
        operations.append(ReplaceText(command, start, len(command.value), name))
    assert refused_by(planned(before, *operations), MIRRORING) is Clause.IMAGES


def test_a_pull_in_a_job_that_had_none() -> None:
    job = "docker: [{image: cimg/go:1.22}]\n    steps: [{run: docker pull redis:7}, checkout]"
    before = good(f"version: 2.1\njobs:\n  a:\n    {job}\n", MIRRORING)
    steps = before.config.body.jobs["a"].steps
    assert isinstance(steps, Sequence)
    added = AddItem(steps, 0, Text("setup_remote_docker"))
    assert refused_by(planned(before, added), MIRRORING) is Clause.IMAGES
