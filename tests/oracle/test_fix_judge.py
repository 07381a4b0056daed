"""The judge of fixes must see every kind of wrong fix: one that sees none proves nothing."""

from __future__ import annotations

import pytest

from tests.oracle.changed_data import DataChangeKind
from tests.oracle.explained_lines import Reason
from tests.oracle.fix_judge import Judgement, judge

BEFORE = """\
version: 2.1
# the base of all
x-base: &base
  image: cimg/base:2024.01 # pinned
jobs:
  build:
    docker:
      - image: cimg/go:1.22
        environment: {TZ: UTC}

      # a mirror of our own
      - image: quay.io/acme/db:4
    steps: [checkout]
  lint:
    docker:
      - *base
  release:
    docker: [{image: alpine}]
workflows:
  main:
    jobs:
      - build # on every push
      - hold: {type: approval}
      - lint:
          context: aws
      - release:
          requires: [hold]
          context: [aws, slack]
"""
AUTH = """\
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
"""
AFTER = (
    BEFORE.replace("cimg/go:1.22\n", f"cimg/go:1.22\n{AUTH}")
    .replace(
        "# pinned\n",
        "# pinned\n" + AUTH.replace("\n      ", "\n").replace("        auth", "  auth"),
    )
    .replace(
        "{image: alpine}",
        "{image: alpine, auth: {username: $DOCKERHUB_USERNAME, password: $DOCKERHUB_PASSWORD}}",
    )
    .replace("- build #", "- build: #")
    .replace("on every push\n", "on every push\n          context: docker-hub-creds\n")
    .replace("context: aws\n", "context:\n            - aws\n            - docker-hub-creds\n")
    .replace("[aws, slack]", "[aws, slack, docker-hub-creds]")
)


def judged(after: str, before: str = BEFORE) -> Judgement:
    return judge(before.encode(), after.encode())


def checks(after: str, before: str = BEFORE) -> set[str]:
    return {complaint.check for complaint in judged(after, before).complaints}


def test_a_right_fix_passes() -> None:
    judgement = judged(AFTER)
    assert judgement.complaints == ()
    assert judgement.reasons == {
        Reason.ENTRY_BECAME_MAPPING: 1,
        Reason.CONTEXT_BECAME_LIST: 1,
        Reason.CONTEXT_EXTENDED: 1,
        Reason.FLOW_EXTENDED: 1,
    }
    # The anchor's credentials are seen where it is defined and where it is used.
    assert judgement.changes == {DataChangeKind.AUTH_ADDED: 4, DataChangeKind.CONTEXT_ADDED: 3}


def wrong(old: str, new: str) -> str:
    assert old in AFTER
    return AFTER.replace(old, new, 1)


@pytest.mark.parametrize(
    ("after", "check"),
    [
        pytest.param(BEFORE, "covers every Docker Hub image", id="nothing done"),
        pytest.param(wrong(AUTH, ""), "covers every Docker Hub image", id="one image forgotten"),
        pytest.param(
            wrong("quay.io/acme/db:4\n", f"quay.io/acme/db:4\n{AUTH}"),
            "credentials",
            id="credentials of one registry sent to another",
        ),
        pytest.param(
            wrong("$DOCKERHUB_PASSWORD", "hunter2"), "credentials", id="a password written out"
        ),
        pytest.param(
            AFTER.replace("$DOCKERHUB_PASSWORD", "$PASS"), "credentials", id="names out of the blue"
        ),
        pytest.param(
            wrong("          context: docker-hub-creds\n", "          requires: []\n"),
            "contexts",
            id="context missing",
        ),
        pytest.param(
            wrong("context: docker-hub-creds", "context: other"), "contexts", id="another context"
        ),
        pytest.param(
            wrong("{type: approval}", "{type: approval, context: docker-hub-creds}"),
            "contexts",
            id="context on an approval",
        ),
        pytest.param(
            wrong(
                "            - aws\n            - docker-hub-creds",
                "            - docker-hub-creds",
            ),
            "data",
            id="a context lost",
        ),
        pytest.param(
            wrong("[aws, slack, docker-hub-creds]", "[slack, aws, docker-hub-creds]"),
            "data",
            id="contexts in another order",
        ),
        pytest.param(wrong("# the base of all\n", ""), "lines kept", id="a comment line lost"),
        pytest.param(wrong(" # pinned", ""), "lines kept", id="a comment lost from a line"),
        pytest.param(
            wrong(" # on every push", ""), "lines kept", id="a comment lost from an entry"
        ),
        pytest.param(wrong("UTC}\n\n", "UTC}\n"), "lines kept", id="a blank line lost"),
        pytest.param(
            wrong("  lint:\n", "  lint: \n"), "lines kept", id="a line altered by a space"
        ),
        pytest.param(
            wrong("    steps: [checkout]\n", "    steps: [ checkout ]\n"),
            "lines kept",
            id="brackets written anew",
        ),
        pytest.param(
            wrong("cimg/go:1.22", '"cimg/go:1.22"'), "lines kept", id="a value quoted anew"
        ),
        pytest.param(wrong("[checkout]", "[checkout, checkout]"), "data", id="a step made up"),
        pytest.param(wrong("{TZ: UTC}", "{TZ: UTC, A: b}"), "data", id="an entry made up"),
        pytest.param(wrong("cimg/go:1.22", "cimg/go:1.23"), "images kept", id="another image"),
        pytest.param(wrong("{TZ: UTC}", "{TZ: [}"), "readable", id="no YAML any more"),
        pytest.param(AFTER.rstrip("\n"), "frame", id="the final line break lost"),
        pytest.param("\ufeff" + AFTER, "frame", id="a byte order mark added"),
        pytest.param(wrong("\n", "\r\n"), "frame", id="another line break"),
    ],
)
def test_a_wrong_fix_is_seen(after: str, check: str) -> None:
    assert after != AFTER
    assert check in checks(after)


def test_nothing_done_to_a_file_that_needs_nothing_passes() -> None:
    assert judged(AFTER, AFTER).complaints == ()


PROJECT = """\
version: 2.1
jobs:
  old:
    docker:
      - image: redis
        auth: {username: me, password: $HUB}
  new:
    docker:
      - image: redis
workflows: {main: {jobs: [old, new]}}
"""


def test_a_file_without_contexts_gets_none() -> None:
    fixed = PROJECT.replace(
        "image: redis\nworkflows",
        "image: redis\n        auth: {username: me, password: $HUB}\nworkflows",
    )
    assert checks(fixed, PROJECT) == set()
    added = fixed.replace("[old, new]", "[old, {new: {context: docker-hub-creds}}]")
    assert checks(added, PROJECT) == {"contexts"}
    other_names = fixed.replace("password: $HUB}\nw", "password: $DOCKERHUB_PASSWORD}\nw")
    assert checks(other_names, PROJECT) == {"credentials", "contexts"}


def test_the_files_own_context_is_expected() -> None:
    before = PROJECT.replace("[old, new]", "[old: {context: hub-login}, new: {}]")
    fixed = before.replace(
        "image: redis\nworkflows",
        "image: redis\n        auth: {username: me, password: $HUB}\nworkflows",
    )
    own = fixed.replace("new: {}", "new: {context: hub-login}")
    default = fixed.replace("new: {}", "new: {context: docker-hub-creds}")
    assert checks(own, before) == set()
    assert checks(default, before) == {"contexts"}


def test_a_complete_credential_stays() -> None:
    changed = PROJECT.replace("username: me", "username: you")
    assert "credentials" in checks(changed, PROJECT)


MISPLACED = """\
version: 2.1
jobs:
  a:
    docker:
      - image: redis
        auth:
        username: me
        password: $HUB
"""


def test_a_login_may_move_to_where_it_belongs() -> None:
    nested = MISPLACED.replace("        username", "          username").replace(
        "        password", "          password"
    )
    judgement = judged(nested, MISPLACED)
    assert judgement.complaints == ()
    assert judgement.reasons == {Reason.LOGIN_MOVED: 2}
    lost = MISPLACED.replace("        username: me\n        password: $HUB\n", AUTH[14:])
    assert "lines kept" in checks(lost, MISPLACED)


def test_a_written_out_password_may_become_a_variable() -> None:
    before = PROJECT.replace("$HUB", "hunter2")
    after = before.replace("hunter2", "$DOCKERHUB_PASSWORD")
    assert "credentials" not in checks(after, before)
    assert "lines kept" not in checks(after, before)
    assert "credentials" in checks(before.replace("hunter2", "hunter3"), before)


STEPS_LOG_IN = """\
version: 2.1
jobs:
  build:
    docker: [{image: cimg/go:1.22}]
    steps:
      - setup_remote_docker
      - run: echo "$PLUM_TOKEN" | docker login -u "$PLUM_USER" --password-stdin
      - run: docker pull redis:7
  lint:
    docker: [{image: cimg/base:2024.01}]
workflows:
  main:
    jobs:
      - build: {CONTEXT}
      - lint: {context: [docker-hub-creds]}
"""
POLICYS = ", auth: {username: $DOCKERHUB_USERNAME, password: $DOCKERHUB_PASSWORD}}]"


@pytest.mark.parametrize(
    ("context", "is_wrong"),
    [
        pytest.param("requires: [lint]", True, id="the project has what the steps read"),
        pytest.param("context: [a, b]", False, id="one of its contexts has it"),
    ],
)
def test_the_policys_names_beside_a_login_in_steps(context: str, is_wrong: bool) -> None:
    before = STEPS_LOG_IN.replace("CONTEXT", context)
    after = before.replace("base:2024.01}]", f"base:2024.01{POLICYS}")
    assert ("credentials" in checks(after, before)) is is_wrong


def test_only_the_images_of_a_job_with_half_of_the_pair_may_be_left() -> None:
    """Whether it is the same account is asked about: the others are no such question."""
    before = STEPS_LOG_IN.replace("CONTEXT", "requires: [lint]").replace(
        "PLUM_USER", "DOCKERHUB_USERNAME"
    )
    left = {
        complaint.place
        for complaint in judged(before, before).complaints
        if complaint.check == "covers every Docker Hub image"
    }
    assert left == {"jobs.lint.docker[0]"}


@pytest.mark.parametrize(
    ("steps", "is_wrong"),
    [
        pytest.param("docker push acme/app", False, id="it keeps its own to itself"),
        pytest.param("docker pull acme/app", True, id="it pulls with it"),
    ],
)
def test_the_policys_context_beside_one_of_a_job_that_publishes(steps: str, is_wrong: bool) -> None:
    before = STEPS_LOG_IN.replace("CONTEXT", "context: hub").replace("docker pull redis:7", steps)
    before = before.replace("PLUM_USER", "DOCKERHUB_USERNAME")
    before = before.replace("PLUM_TOKEN", "DOCKERHUB_PASSWORD")
    after = before.replace("base:2024.01}]", f"base:2024.01{POLICYS}")
    assert ("contexts" in checks(after, before)) is is_wrong


NO_EFFECT = """\
version: 2.1
jobs:
  build:
    context: hub
    docker:
      - image: redis
        auth: {username: me, password: $HUB}
workflows:
  main:
    jobs:
      - build: {}
      - hold: {type: approval}
"""


def test_a_context_without_effect_may_move_to_the_workflow_jobs() -> None:
    gone = NO_EFFECT.replace("    context: hub\n", "")
    moved = gone.replace("build: {}", "build: {context: hub}")
    assert judged(moved, NO_EFFECT).complaints == ()
    assert checks(gone, NO_EFFECT) == {"contexts"}
    needless = moved.replace("approval}", "approval, context: hub}")
    assert checks(needless, NO_EFFECT) == {"contexts"}
    # Where it has effect it stays.
    assert {"data", "lines kept"} <= checks(moved.replace("{context: hub}", "{}"), moved)


def test_images_that_only_builds_of_forks_pull_may_be_left() -> None:
    only = "filters: {branches: {only: /pull.*/}}"
    before = PROJECT.replace("[old, new]", f"[old, new: {{{only}}}]")
    assert checks(before, before) == set()
    assert "covers every Docker Hub image" in checks(PROJECT, PROJECT)
    also_others = before.replace(f"new: {{{only}}}", f"new: {{{only}}}, new: {{name: again}}")
    assert "covers every Docker Hub image" in checks(also_others, also_others)


def test_a_context_that_may_override_what_a_job_reads() -> None:
    """Such a job is asked about: it may be left without a context, and not be given one."""
    before = STEPS_LOG_IN.replace("CONTEXT", "context: [plum]").replace(
        "lint:\n    docker: [{image: cimg/base:2024.01}]",
        "lint:\n    docker: [{image: cimg/base:2024.01}]\n    steps: [{run: ./log $PLUM_USER}]",
    )
    before = before.replace("- lint: {context: [docker-hub-creds]}", "- lint: {}")
    names = ", auth: {username: $PLUM_USER, password: $PLUM_TOKEN}}]"
    left = before.replace("base:2024.01}]", f"base:2024.01{names}")
    assert "contexts" not in checks(left, before)
    assert "contexts" in checks(left.replace("lint: {}", "lint: {context: [plum]}"), before)


GIVEN_STEPS = """\
version: 2.1
jobs:
  run:
    parameters: {before: {type: steps}}
    docker: [{image: cimg/base:2024.01, auth: {username: me, password: $PEAR}}]
workflows:
  main:
    jobs:
      - run:
          context: pears
          KEY:
            - run: echo $PEAR | docker login -u me --password-stdin
"""


@pytest.mark.parametrize(
    ("key", "is_wrong"), [("before", False), ("pre-steps", False), ("post-steps", True)]
)
def test_the_names_of_steps_that_a_job_is_given(key: str, is_wrong: bool) -> None:
    after = GIVEN_STEPS.replace("KEY", key)
    before = after.replace(", auth: {username: me, password: $PEAR}", "")
    assert ("credentials" in checks(after, before)) is is_wrong


@pytest.mark.parametrize(
    ("arguments", "context"),
    [
        pytest.param("{}", "docker-hub-creds", id="without a context it never read them"),
        pytest.param("{context: pears}", "pears", id="its context may hold them"),
    ],
)
def test_the_context_of_a_login_that_moves(arguments: str, context: str) -> None:
    workflow = f"workflows: {{main: {{jobs: [a: {arguments}]}}}}\n"
    before = MISPLACED + workflow
    after = before.replace("        username", "          username").replace(
        "        password", "          password"
    )
    assert ("contexts" in checks(after, before)) is (arguments == "{}")
    assert checks(after.replace(arguments, f"{{context: {context}}}"), before) == set()
