"""The names of a fix: why it writes them, and the others that the config shows."""

from __future__ import annotations

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
        ("holds both:", ENTER),
    )
    dialog.see("Not followed: $PUSH_USER, $PUSH_PASS of job publish, line 11: the job uses it to")
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
