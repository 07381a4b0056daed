"""The names of a fix: why it writes them, and the others that the config shows."""

from __future__ import annotations

from tests.cli.conftest import put
from tests.interactive.conftest import MakeRepository, config_of
from tests.interactive.dialog import ENTER, Dialog

CONFIG = """\
version: 2.1
jobs:
  unit:
    docker:
      - image: cimg/go:1.23
    steps: [checkout]
  publish:
    machine:
      image: ubuntu-2204:current
    steps:
      - run: |
          echo "$PUSH_PASS" | docker login -u "$PUSH_USER" --password-stdin
          docker push lemon/app:latest
workflows:
  main:
    jobs: [unit, publish]
"""


def test_a_login_that_was_not_followed_is_shown_and_offered(repository: MakeRepository) -> None:
    root = repository(CONFIG, None)
    dialog = Dialog(root, "-i").answer(
        ("jobs run?", ENTER),
        ("Where are the variables", ENTER),
        ("user name:", ENTER),
        ("password:", ENTER),
        ("both variables:", ENTER),
    )
    dialog.see("Ignored: $PUSH_USER, $PUSH_PASS of job publish, line 11: the job only pushes")
    dialog.answer(
        ("Fix 1/", "n"),
        ("which names?", "2"),
        ("User name:", ENTER),
        ("password:", ENTER),
        ("Context (", ENTER),
        ("Fix 1/", "f"),
        ("Write 1 file?", "y"),
    )
    dialog.ended()
    assert "username: $PUSH_USER\n          password: $PUSH_PASS" in config_of(root)


TWO_ACCOUNTS = """\
version: 2.1
jobs:
  stage:
    machine: {image: ubuntu-2404:current}
    steps:
      - run: echo $LIME_PASS | docker login -u $LIME_USER --password-stdin
      - run: docker pull lime/app:stage
  release:
    machine: {image: ubuntu-2404:current}
    steps:
      - run: echo $PLUM_PASS | docker login -u $PLUM_USER --password-stdin
      - run: docker pull lime/app:release
  scan:
    machine: {image: ubuntu-2404:current}
    steps:
      - run: docker run redis:7
workflows:
  main:
    jobs:
      - stage
      - release: {context: plum}
      - scan
"""


def test_which_account_a_step_logs_in_with_is_asked(repository: MakeRepository) -> None:
    root = repository(TWO_ACCOUNTS, None)
    dialog = Dialog(root, "-i")
    dialog.see("pull-before-login").see("1) $LIME_USER, $LIME_PASS (job stage)")
    dialog.see("2) $PLUM_USER, $PLUM_PASS (job release)", "3) leave it")
    dialog.answer(("Question 1/1", "2"), ("Write 1 file?", "y"))
    dialog.ended()
    scan = config_of(root).split("  scan:")[1]
    assert "docker_password: PLUM_PASS" in scan
    assert "- scan:\n          context: plum" in scan


PLAIN = """\
version: 2.1
jobs:
  unit:
    docker: [{image: cimg/go:1.23}]
    steps: [checkout]
workflows:
  main:
    jobs: [unit]
"""
AUTHENTICATED = """\
version: 2.1
jobs:
  unit:
    docker: [{image: cimg/go:1.23, auth: {username: $FIG_USER, password: $FIG_TOKEN}}]
    steps: [checkout]
workflows:
  main:
    jobs: [{unit: {context: CONTEXT}}]
"""


def test_the_context_is_asked_for_where_other_configs_have_several(
    repository: MakeRepository,
) -> None:
    root = repository(PLAIN, None)
    for name, context in (("nightly", "fig-a"), ("weekly", "fig-b")):
        put(root / ".circleci" / f"{name}.yml", AUTHENTICATED.replace("CONTEXT", context))
    dialog = Dialog(root, "-i").answer(
        ("jobs run?", ENTER),
        ("Where are the variables", ENTER),
        ("user name:", ENTER),
        ("password:", ENTER),
    )
    dialog.see("context fig-a (.circleci/nightly.yml); context fig-b")
    # Enter alone takes neither.
    dialog.answer(("both variables:", ENTER), ("must be the name of a context", "fig-b" + ENTER))
    dialog.answer(("Fix 1/1", "a"), ("Write 1 file?", "y"))
    dialog.ended()
    assert "password: $FIG_TOKEN" in config_of(root)
    assert "fig-b" in config_of(root)
    assert "fig-a" not in config_of(root)
