"""Fixes and questions that are alike are decided on together first, and summed up at the end."""

from __future__ import annotations

import pytest

from cci_migrate.interactive.prompter import Menu, MenuOption
from tests.interactive.conftest import MakeRepository, config_of
from tests.interactive.dialog import Dialog

AUTH = "auth: {username: $HUB_USER, password: $HUB_TOKEN}"


def _config(*jobs: str, images: int = 0, executors: int = 0, workflows: bool = True) -> str:
    """Jobs with an image each, the last of them with two, and executors that take an image."""
    names = [f"job{number}" for number in range(images)]
    lines = ["version: 2.1", "executors:"]
    for number in range(executors):
        lines += [f"  any{number}:", "    parameters: {image: {type: string}}"]
        lines += ["    docker:", "      - image: << parameters.image >>"]
    lines += ["  none: {machine: true}", "jobs:", *jobs]
    for number, name in enumerate(names):
        lines += [f"  {name}:", "    docker:", f"      - image: cimg/go:1.{number}"]
        lines += ["    steps: [checkout]"]
    if workflows:
        lines += ["workflows:", "  main:", "    jobs:", *(f"      - {name}" for name in names)]
    return "\n".join([*lines, ""])


def test_all_that_are_alike_with_one_key(repository: MakeRepository) -> None:
    root = repository(_config(images=7))
    dialog = Dialog(root, "-i", rows=24, columns=80)
    dialog.see("1-7 of 7  .circleci/config.yml  unauthenticated-image")
    dialog.see("cimg/go:1.1, cimg/go:1.2, cimg/go:1.3, cimg/go:1.4 and 2 more.")
    dialog.see("The fix for all: add auth under 7 images, and add context hub to 7 jobs of")
    dialog.see("The first of them:", "Fixes 1-7/7 ").press("n")
    dialog.see("n: is for one fix; e decides on each").answer(("Fixes 1-7/7 ", "?"))
    dialog.see("a  apply all 7", "e  decide on each", "s  skip all 7")
    dialog.answer(("Fixes 1-7/7 ", "e"), ("Fix 1/7 ", "s"), ("Fix 2/7 ", "b"))
    # Back to the fix, then to the group.
    dialog.answer(("Fix 1/7 ", "b"), ("Fixes 1-7/7 ", "a"))
    dialog.see("7 fixes accepted:", "add auth under 7 images, and add context hub to 7 jobs")
    # Too long for the screen: shown when asked for.
    dialog.answer(("Write 1 file? [y,n,p,b,?]", "q")).see("n quits and writes nothing")
    dialog.see("Write 1 file?").press("p").see("cimg/go:1.0", "cimg/go:1.6", "- hub")
    dialog.answer(("Write 1 file?", "y"))
    assert dialog.ended() == 0
    assert config_of(root).count("password: $HUB_TOKEN") == 7


def test_questions_with_the_same_answers(repository: MakeRepository) -> None:
    root = repository(_config(images=1, executors=4))
    dialog = Dialog(root, "-i").see("Which registry does << parameters.image >> come from?")
    dialog.answer(("Questions 1-4/5 ", "a")).see("a: choose one of the answers")
    dialog.answer(("Questions 1-4/5 ", "1"), ("Fix 5/5 ", "s"))
    dialog.see("4 fixes accepted:", "under 4 images", "1 skipped.").answer(("Write 1 file?", "y"))
    assert dialog.ended() == 1
    assert config_of(root).count("<< parameters.image >>\n        auth:") == 4


def test_what_will_not_work_is_said_before_writing(repository: MakeRepository) -> None:
    """Auth that no context provides, and jobs that keep auth without their context."""
    root = repository(_config(images=4, workflows=False))
    dialog = Dialog(root, "-i").answer(("Fixes 1-4/4 ", "a"))
    dialog.see("4 images get auth whose variables no context provides: it is empty unless")
    dialog.answer(("Write 1 file?", "n"))
    assert dialog.ended() == 1
    jobs = [f"  has{n}:\n    docker:\n      - image: a/b:{n}\n        {AUTH}" for n in range(2)]
    config = _config(*jobs, images=1) + "      - has0: {context: hub}\n      - has1\n"
    root = repository(config, name="skipped")
    dialog = Dialog(root, "-i", "--credentials", "context").answer(("Fix 1/2 ", "a"))
    dialog.answer(("Fix 2/2 ", "s")).see("1 skipped.", "1 workflow job still needs a context")
    assert dialog.see("Write 1 file?").press("y").ended() == 1


def test_a_long_fix_leaves_its_heading_on_the_screen(repository: MakeRepository) -> None:
    job = "  one:\n    docker:\n      - image: cimg/go:1.1\n    steps: [checkout]"
    entry = "      - one:\n          name: run{}\n          requires:\n            - one\n"
    entries = "".join(map(entry.format, range(30)))
    root = repository(f"{_config(job)}{entries}")
    for rows, columns in ((24, 80), (20, 40)):
        dialog = Dialog(root, "-i", rows=rows, columns=columns).see("1 of 1 ", "Fix 1/1 ")
        view = dialog.text.rpartition("1 of 1 ")[2]
        assert view.count("\n") < rows, view
        assert "more hunks at lines" in view
        dialog.press("m").see("name: run29", "Fix 1/1 ").press("q")
        assert dialog.ended() == 1
    dialog = Dialog(repository(_config(images=9), name="group"), "-i", rows=20, columns=40)
    dialog.see("1-9 of 9", "Fixes 1-9/9 ").press("s")
    assert dialog.ended() == 1
    assert dialog.text.partition("1-9 of 9")[2].partition("Fixes")[0].count("\n") < 20


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("text", ["Fix 4/65", "Question 104/650", "Where are the variables kept?"])
def test_a_prompt_ends_on_a_line_with_room_for_the_key(text: str, width: int) -> None:
    options = tuple(MenuOption(letter, "does it") for letter in "123asrfdinbmwpq")
    *above, line = Menu(text, options).prompt(width).split("\n")
    assert max(map(len, [*above, line + "x"])) < width
    assert " ".join([*above, line]).replace(" ", "").startswith(text.replace(" ", ""))
    assert line.startswith("[1,2") or "[1,2" in line
    assert line.endswith(",q,?] ")
