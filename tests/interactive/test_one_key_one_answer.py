"""No key answers twice, and none answers what was not on the screen when it was pressed."""

from __future__ import annotations

import re
import sys

import pytest

from cci_migrate.interactive.keyboard import QUIET
from tests.interactive.conftest import CONFIG, MakeRepository, config_of
from tests.interactive.dialog import ENTER, Dialog

#: Pasted text, as a terminal hands it to a program that asked for it.
PASTE = "\x1b[200~{}\x1b[201~"


def _answers(dialog: Dialog) -> list[str]:
    """The letters that were taken, as the screen shows them."""
    return re.findall(r"(?:\?|Enter: \d)\] (\w)(?:  |$)", dialog.text, re.MULTILINE)


@pytest.mark.parametrize(
    ("enter", "pause"), [("\r", None), ("\n", None), ("\r", 0.0), ("\r", 0.06), ("\r", 0.25)]
)
def test_an_enter_after_a_letter_answers_nothing(
    repository: MakeRepository, enter: str, pause: float | None
) -> None:
    root = repository()
    dialog = Dialog(root, "-i")
    for prompt, letter in (("Fix 1/3 ", "s"), ("Fix 2/3 ", "f")):
        if pause is None:
            dialog.answer((prompt, letter + enter))
        else:
            dialog.answer((prompt, letter)).watch(pause)
            dialog.press(enter)
    dialog.see("Write 1 file?").press(enter + enter)
    assert dialog.watch(0.3), dialog.text
    dialog.press("n")
    assert dialog.see("Nothing was written.").ended() == 1
    assert _answers(dialog) == ["s", "f", "n"]
    assert config_of(root) == CONFIG


def test_the_enter_of_a_letter_answers_no_question_with_a_default(
    repository: MakeRepository,
) -> None:
    root = repository(policy=None)
    dialog = Dialog(root, "-i").answer(("Where do the jobs run?", "2" + ENTER))
    dialog.see("Where are the variables").press("1")
    # As late as the Enter of a slow hand, before the line to type is there.
    dialog.watch(0.15)
    dialog.press(ENTER).see("Docker Hub user name:").press("-ours" + ENTER)
    dialog.see("Variable with the password:").press(ENTER + ENTER + "x")
    dialog.see("Context with both variables:").press(ENTER)
    dialog.see("$DOCKERHUB_USERNAME-ours", "Fix 1/3 ").press("q")
    assert dialog.ended() == 1
    assert _answers(dialog) == ["2", "1", "q"]


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_what_is_typed_before_the_first_prompt_is_dropped(
    repository: MakeRepository, term: str
) -> None:
    root = repository()
    script = f"sleep 0.2; exec '{sys.executable}' -m cci_migrate -i"
    dialog = Dialog(root, script=script, TERM=term).press("f\ny\nfy\n")
    dialog.see("Fix 1/3 ")
    assert dialog.watch(0.3)
    dialog.press("q\n")
    assert dialog.see("Nothing was written.").ended() == 1
    assert dialog.text.count("[a,s,r,f,d,i,n,m,w,p,q,?]") == 1
    assert config_of(root) == CONFIG


def test_what_is_typed_after_a_line_is_dropped(repository: MakeRepository) -> None:
    dialog = Dialog(repository(), "-i").answer(("Fix 1/3 ", "i"), ("Reason", f"{ENTER}af{ENTER}y"))
    dialog.see("Fix 1/3 ")
    assert dialog.watch(0.3)
    dialog.press("i").answer(("Reason", f"ours{ENTER}aa")).see("Fix 2/3 ").press("d")
    dialog.answer(("Write 1 file?", "n"))
    assert dialog.ended() == 1
    assert _answers(dialog) == ["i", "i", "d", "n"]


#: What answers nothing at the first fix, and what is said of it.
NO_ANSWERS = (
    (ENTER, "press a letter; ? lists the keys"),
    (PASTE.format("a"), "pasted text ignored; press one key"),
    (PASTE.format("apply\rf\ry\r"), "pasted text ignored; press one key"),
    ("apply", "several keys at once ignored; press"),
    ("a\rs\r", "several keys at once ignored; press"),
    ("\x1ba", "several keys at once ignored; press"),
    ("\x1b]11;rgb:ffff/ffff/ffff\x07", "several keys at once ignored; press"),
    ("\x1b[A", "unknown key; ? lists the keys"),
    ("\x1b", "unknown key; ? lists the keys"),
    ("\x00", "unknown key; ? lists the keys"),
    ("\x1a", "unknown key; ? lists the keys"),
    ("x", "unknown key x; ? lists the keys"),
    ("b", "b: no previous answer to go back to; ? lists the keys"),
    ("y", "unknown key y"),
    ("é", "unknown key é"),
)


def test_what_is_no_answer_is_said_to_be_none(repository: MakeRepository) -> None:
    dialog = Dialog(repository(), "-i")
    for keys, problem in NO_ANSWERS:
        dialog.answer(("Fix 1/3 ", keys)).see(problem)
    dialog.answer(("Fix 1/3 ", "?")).see("a  apply this fix").answer(("Fix 1/3 ", "q"))
    assert dialog.ended() == 1
    assert _answers(dialog) == ["q"]


def test_a_key_that_is_held_answers_once(repository: MakeRepository) -> None:
    for attempt in range(5):
        dialog = Dialog(repository(name=f"attempt{attempt}"), "-i").see("Fix 1/3 ")
        for _ in range(12):
            dialog.press("a").watch(0.03)
        # On a busy machine the key may have been let go in between.
        if dialog.longest_pause < QUIET * 0.9:
            break
        dialog.hang_up()
    else:
        pytest.skip("this machine is too busy to hold a key down")
    dialog.see("Fix 2/3 ").press("q")
    dialog.answer(("Write 1 file?", "n"))
    assert dialog.ended() == 1
    assert _answers(dialog) == ["a", "q", "n"]


def test_a_dumb_terminal_takes_one_line_for_one_answer(repository: MakeRepository) -> None:
    root = repository()
    dialog = Dialog(root, "-i", TERM="dumb").answer(("Fix 1/3 ", "a\ns\nf\ny\n"))
    dialog.see("Fix 2/3 ").press("f\ny\n").see("Write 1 file?")
    assert dialog.watch(0.3)
    dialog.press("\n").see("Type one of y, n, b:")
    dialog.answer(("Write 1 file?", "\x80\n")).see("Type one of").answer(("Write", "n\n"))
    assert dialog.see("Nothing was written.").ended() == 1
    assert config_of(root) == CONFIG


def test_print_again_and_back_to_the_choices_for_all(repository: MakeRepository) -> None:
    root = repository(policy=None)
    dialog = Dialog(root, "-i").answer(("Where do the jobs run?", "1"), ("Where are", "1"))
    dialog.answer(("user name:", ENTER), ("password:", ENTER), ("Context with", ENTER))
    dialog.see("1 of 3", "Fix 1/3 ").press("p").see("1 of 3", "Fix 1/3 ").press("b")
    dialog.answer(("Context with both variables:", "<" + ENTER))
    dialog.answer(("Variable with the password:", "\x15<" + ENTER))
    dialog.answer(("Docker Hub user name:", "<" + ENTER), ("Where are the variables", "b"))
    dialog.answer(("Where do the jobs run?", "b")).see("b: no previous answer to go back to")
    dialog.answer(("Where do the jobs run?", "2"), ("Where are the variables", "2"))
    dialog.answer(("Docker Hub user name:", f"\x15bot{ENTER}"), ("the password:", ENTER))
    dialog.see("On CircleCI Server").answer(("Fix 1/3 ", "a"), ("Fix 2/3 ", "q"), ("Write 1", "y"))
    assert dialog.ended() == 1
    assert "username: bot\n" in config_of(root)
    assert "context" not in config_of(root)
