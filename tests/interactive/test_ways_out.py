"""Ctrl-C and Ctrl-D at every prompt, and a terminal that goes away: nothing is written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.interactive.conftest import CONFIG, HARD, MakeRepository, config_of, run
from tests.interactive.dialog import CTRL_C, CTRL_D, ENTER, Dialog

#: What leads to each prompt, and the prompt. Those for all fixes are asked where no policy speaks.
GENERAL = (
    ("Where do the jobs run?", ENTER),
    ("Where are the variables", ENTER),
    ("Docker Hub user name:", ENTER),
    ("Variable with the password:", ENTER),
    ("Context with both variables:", ENTER),
    ("How do steps log in", ENTER),
)
FIXES: dict[str, tuple[tuple[str, str], ...]] = {
    "Fix 1/3 ": (),
    "Reason, for the comment": (("Fix 1/3 ", "i"),),
    "User name:": (("Fix 1/3 ", "n"),),
    "Variable with the password:": (("Fix 1/3 ", "n"), ("User name:", ENTER)),
    "Context (-": (
        ("Fix 1/3 ", "n"),
        ("User name:", ENTER),
        ("Variable with", ENTER),
    ),
    "Fix 2/3 ": (("Fix 1/3 ", "a"),),
    "Write 1 file?": (("Fix 1/3 ", "f"),),
}


def assert_interrupted(dialog: Dialog, root: Path, config: str) -> None:
    assert dialog.ended() == 130
    assert "\ncci-migrate: interrupted; nothing was written" in dialog.text
    assert config_of(root) == config


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
@pytest.mark.parametrize("number", range(len(GENERAL)), ids=lambda number: GENERAL[number][0])
def test_at_a_choice_for_all(repository: MakeRepository, number: int, key: str) -> None:
    root = repository(HARD, None)
    dialog = Dialog(root, "-i", "--save-answers", "answers.json").answer(*GENERAL[:number])
    dialog.see(GENERAL[number][0]).press(key)
    assert_interrupted(dialog, root, HARD)
    assert not (root / "answers.json").exists()


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
@pytest.mark.parametrize("prompt", FIXES)
def test_at_a_fix(repository: MakeRepository, prompt: str, key: str) -> None:
    root = repository()
    dialog = Dialog(root, "-i", "--save-answers", "answers.json").answer(*FIXES[prompt])
    dialog.see(prompt).press(key)
    assert_interrupted(dialog, root, CONFIG)
    assert not (root / "answers.json").exists()


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
def test_at_a_question_and_on_a_dumb_terminal(repository: MakeRepository, key: str) -> None:
    root = repository(HARD)
    assert_interrupted(Dialog(root, "-i").see("Question 1/5 ").press(key), root, HARD)
    dialog = Dialog(root, "-i", TERM="dumb")
    assert_interrupted(dialog.see("Question 1/5 ").press(key), root, HARD)


def test_a_line_that_ctrl_d_ends_is_no_answer(repository: MakeRepository) -> None:
    root = repository()
    dialog = Dialog(root, "-i", TERM="dumb").answer(("Fix 1/3 ", "f\n"), ("Write 1 file?", "y"))
    assert_interrupted(dialog.press(CTRL_D + CTRL_D), root, CONFIG)


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_terminal_that_goes_away(repository: MakeRepository, term: str) -> None:
    root = repository()
    # A program that outlives its terminal (nohup) must not wait for ever either.
    script = f"trap '' HUP; exec '{sys.executable}' -m cci_migrate -i"
    dialog = Dialog(root, script=script, TERM=term).answer(("Fix 1/3 ", "f\n"))
    assert dialog.see("Write 1 file?").hang_up()
    assert config_of(root) == CONFIG


@pytest.mark.parametrize("arguments", [["-i"], ["-n", "-i"], ["init"]])
def test_without_a_terminal_it_says_so(repository: MakeRepository, arguments: list[str]) -> None:
    root = repository(policy=None)
    done = run(root, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard input is not a terminal")
    assert ("--answers" in done.stderr) == (arguments != ["init"])  # init has no such option
    assert done.stdout == ""
    assert config_of(root) == CONFIG


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-i", "--check"], "can't be combined with --check"),
        (["-i", "-"], "- can't be combined with --interactive"),
        (["--save-answers", "x"], "--save-answers requires --interactive"),
        (["-i", "--answers", ".cci-migrate.toml"], "choose one"),
    ],
)
def test_options_that_do_not_go_together(
    repository: MakeRepository, arguments: list[str], problem: str
) -> None:
    done = run(repository(), *arguments)
    assert done.returncode == 2
    assert problem in done.stderr
