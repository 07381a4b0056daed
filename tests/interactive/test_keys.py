"""Every key at the prompt of a fix, through the program at a pseudo-terminal."""

from __future__ import annotations

from tests.interactive.conftest import CONFIG, HARD, MakeRepository, config_of, run
from tests.interactive.dialog import ENTER, Dialog

AUTH = """\
        auth:
          username: $HUB_USER
          password: $HUB_TOKEN
"""


def test_all_applied_is_what_a_run_in_place_writes(repository: MakeRepository) -> None:
    asked, unasked = repository(), repository(name="unasked")
    dialog = Dialog(asked, "-i")
    dialog.see("1 config: .circleci/config.yml", "Docker Hub: 3 pulls, 3 not authenticated")
    dialog.see("3 fixes to decide.")
    for number in range(1, 4):
        dialog.answer((f"Fix {number}/3 ", "a"))
    dialog.answer(("Write 1 file?", "y"))
    assert dialog.ended() == 0
    assert run(unasked).returncode == 0
    assert config_of(asked) == config_of(unasked) != CONFIG


def test_a_fix_is_shown_with_its_sentence_its_lines_and_its_diff_alone(
    repository: MakeRepository,
) -> None:
    dialog = Dialog(repository(), "-i")
    dialog.answer(("Fix 1/3 ", "a"), ("Fix 2/3 ", "q"), ("Write 1 file?", "n"))
    assert dialog.ended() == 1
    _, _, view = dialog.text.partition("2 of 3  .circleci/config.yml:6:16  unauthenticated-image")
    view = view.partition("Fix 2/3")[0]
    assert "postgres:16 is pulled from Docker Hub without credentials (job build)." in view
    assert "> 6         - image: postgres:16\n    +         auth:\n" in view
    assert "  5         - image: cimg/node:22.4   # keep\n" in view
    # What was accepted before is not part of it.
    assert view.count("auth:") == 1


def test_skip_and_all_of_this_rule(repository: MakeRepository) -> None:
    root = repository()
    dialog = Dialog(root, "-i")
    dialog.answer(("Fix 1/3 ", "s")).see("s  skip it")
    dialog.answer(("Fix 2/3 ", "R")).see("r  apply all 2 left of this rule")
    dialog.answer(("Write 1 file?", "y"))
    assert dialog.ended() == 1
    changed = config_of(root)
    assert "cimg/node:22.4   # keep\n      - image" in changed
    assert changed.count(AUTH) == 2
    # Each image brings the context of its job along.
    assert changed.count("          context:\n            - hub\n") == 2


def test_the_rest_of_a_file_applied_and_skipped(repository: MakeRepository) -> None:
    root = repository()
    (root / ".circleci" / "more.yml").write_text(CONFIG)
    dialog = Dialog(root, "-i")
    dialog.answer(("Fixes 1-6/6 ", "e"), ("Fix 1/6 ", "s"), ("Fix 2/6 ", "f"))
    dialog.see("4 of 6  .circleci/more.yml")
    dialog.answer(("Fix 4/6 ", "a"), ("Fix 5/6 ", "d"), ("Write 2 files?", "y"))
    assert dialog.ended() == 1
    assert config_of(root).count(AUTH) == 2
    assert config_of(root).count("- hub") == 2
    more = (root / ".circleci" / "more.yml").read_text()
    assert more.count(AUTH) == 1
    assert more.count("- hub") == 1


def test_a_fix_is_shown_and_made_with_the_context_that_its_job_needs(
    repository: MakeRepository,
) -> None:
    root = repository()
    dialog = Dialog(root, "-i")
    dialog.answer(("Fix 1/3 ", "s"), ("Fix 2/3 ", "s"))
    dialog.see("The fix: add auth under the image, and add context hub to job lint.")
    dialog.see("+         auth:", "+             - hub")
    dialog.answer(("Fix 3/3 ", "a"), ("Write 1 file?", "y"))
    assert dialog.ended() == 1
    assert "- build\n      - lint:\n          context:\n            - hub\n" in config_of(root)


def test_a_reason_becomes_a_comment_that_counts(repository: MakeRepository) -> None:
    root = repository()
    dialog = Dialog(root, "-i")
    dialog.answer(("Fix 1/3 ", "i"), ("Reason, for the comment", ENTER))  # thought better of
    dialog.answer(("Fix 1/3 ", "i"), ("Reason, for the comment", "mirrored here" + ENTER))
    dialog.answer(("Fix 2/3 ", "f"), ("Write 1 file?", "y"))
    assert dialog.ended() == 0
    comment = "      # cci-migrate: ignore[unauthenticated-image] mirrored here\n"
    assert comment + "      - image: cimg/node:22.4   # keep\n" in config_of(root)
    assert run(root, "--check").returncode == 0


def test_names_for_one_fix(repository: MakeRepository) -> None:
    root = repository()
    dialog = Dialog(root, "-i")
    clear = "\x15"  # Ctrl-U empties the line
    dialog.answer(("Fix 1/3 ", "s"), ("Fix 2/3 ", "s"), ("Fix 3/3 ", "n"))
    dialog.see("User name:").answer(("$HUB_USER", f"{clear}acme-ci{ENTER}"))
    dialog.see("Variable with the password:")
    dialog.answer(("$HUB_TOKEN", f"{clear}hunter2{ENTER}"))
    dialog.see("must be the name of an environment").press(f"{clear}$ACME_TOKEN{ENTER}")
    dialog.see("Context (- for the project's settings):")
    dialog.answer(("hub", f"{clear}acme{ENTER}"))
    dialog.see("username: acme-ci", "password: $ACME_TOKEN", "- acme").answer(("Fix 3/3 ", "a"))
    dialog.answer(("Write 1 file?", "y"))
    assert dialog.ended() == 1
    assert "username: acme-ci\n          password: $ACME_TOKEN\n" in config_of(root)
    assert "- lint:\n          context:\n            - acme\n" in config_of(root)


def test_back_undoes_the_last_answer(repository: MakeRepository) -> None:
    root = repository()
    dialog = Dialog(root, "-i")
    dialog.answer(("Fix 1/3 ", "a"), ("Fix 2/3 ", "b"), ("Fix 1/3 ", "s"))
    dialog.answer(("Fix 2/3 ", "f"), ("Write 1 file?", "b"))
    dialog.answer(("Fix 2/3 ", "d"))
    # Nothing is accepted now, so there is nothing to confirm.
    dialog.see("Nothing was written.")
    assert dialog.ended() == 1
    assert config_of(root) == CONFIG


def test_more_lines_and_why(repository: MakeRepository) -> None:
    dialog = Dialog(repository(), "-i")
    dialog.answer(("Fix 1/3 ", "w"))
    dialog.see("An image of a Docker executor is pulled without credentials.", "When to ignore it")
    dialog.answer(("Fix 1/3 ", "m"))
    dialog.see("version: 2.1", "- image: cimg/node:22.4", "+         auth:", "workflows:")
    # Everything is shown: there are no more lines to offer.
    dialog.answer(("Fix 1/3 ", "q"))
    dialog.see("Nothing was written.")
    assert dialog.ended() == 1
    assert dialog.text.rpartition("Fix 1/3 ")[2].count("more lines around it") == 0


def test_accepted_then_quit_is_never_lost_unsaid(repository: MakeRepository) -> None:
    root = repository()
    quitting = (("Fix 1/3 ", "a"), ("Fix 2/3 ", "q"))
    dialog = Dialog(root, "-i")
    dialog.answer(*quitting).see("1 fix accepted:", "2 not decided on.")
    dialog.answer(("Write 1 file?", "b"), ("Fix 2/3 ", "q"), ("Write 1 file?", "n"))
    assert dialog.see("Nothing was written.").ended() == 1
    assert config_of(root) == CONFIG
    # What is written is shown whole before, however it was accepted.
    dialog = Dialog(root, "-i").answer(*quitting).see("username: $HUB_USER")
    assert dialog.answer(("Write 1 file?", "y")).ended() == 1
    with_context = "- build:\n          context:\n            - hub\n"
    written = CONFIG.replace("# keep\n", "# keep\n" + AUTH).replace("- build\n", with_context)
    assert config_of(root) == written


def test_questions_say_what_follows_and_a_secret_is_never_shown(
    repository: MakeRepository,
) -> None:
    root = repository(HARD)
    dialog = Dialog(root, "-i", "-v")
    dialog.see("Which registry does << parameters.image >> come from?")
    dialog.see("The image gets the credentials of Docker Hub.")
    dialog.answer(("Question 1/5 ", "1"))
    dialog.see("Which are right?", "The pull is then anonymous")
    dialog.answer(("Question 2/5 ", "s"))
    dialog.see("the password for acme/secret:1 is written out").answer(("Fix 3/", "m"))
    dialog.see("password: [withheld]").answer(("Fix 3/", "a"))
    dialog.see("postgres:16 is pulled").answer(("Fix 4/", "f"), ("Write 1 file?", "y"))
    assert dialog.ended() == 1
    changed = config_of(root)
    assert "image: << parameters.image >>\n" + AUTH in changed
    assert "username: bot\n          password: $HUB_TOKEN\n" in changed
    assert "password: $DOCKERHUB_PASSWORD" in changed
    assert "hunter2" not in dialog.transcript
