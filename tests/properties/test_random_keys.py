"""Any keys at any speed, through the real program at a pseudo-terminal.

What is written is exactly what the screen says was answered, each answer was a key of its own, and
each was given to a fix that was shown.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from cci_migrate.findings import Decisions, Skip
from cci_migrate.interactive.fix_keys import Action
from cci_migrate.interactive.interview import (
    AskAtEnd,
    AskFix,
    Interview,
    Item,
    after,
    can_be_decided,
    in_order,
    next_step,
)
from cci_migrate.policy.file import read_policy_file
from cci_migrate.policy.settings import Policy
from tests.interactive.conftest import CONFIG, config_of, make_repository
from tests.interactive.dialog import CTRL_C, Dialog
from tests.processing import examined, fixed

_ANSWERED = re.compile(
    r"^(?:Fix (?P<number>\d+)/\d+|Write 1 file\?) \[[^\]]*\] (?P<letter>\w)(?:  |$)",
    re.M,
)

LETTERS = [*"asrfdbmwp", "y", "x", "?"]
NOISE = [
    "\r",
    "\n",
    "apply",
    "y\ry\r",
    "\x1b[A",
    "\x1b",
    "\x1ba",
    "\x1b[200~a\r\x1b[201~",
    "\x1b]11;rgb:ffff/0000/ffff\x07",
]
KEYS = st.one_of(
    st.sampled_from(LETTERS),
    st.sampled_from(LETTERS).map(lambda letter: letter + "\r"),
    st.sampled_from(NOISE),
)
PAUSES = st.sampled_from([0.0, 0.005, 0.03, 0.08, 0.12, 0.2, 0.35])
INTERRUPTED = 130
COUNT = 3 if os.environ.get("HYPOTHESIS_PROFILE", "repeatable") == "repeatable" else 100


class Taken(Struct, frozen=True):
    """An answer that the screen shows. ``number`` is None for the question before writing."""

    number: int | None
    letter: str
    at: int


def _taken(text: str) -> Iterator[Taken]:
    for match in _ANSWERED.finditer(text):
        number = int(match["number"]) if match["number"] else None
        yield Taken(number, match["letter"], match.start())


@settings(max_examples=COUNT)
@given(st.lists(st.tuples(KEYS, PAUSES), min_size=12, max_size=25))
def test_only_what_was_shown_and_answered_is_written(turns: list[tuple[str, float]]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        _check(make_repository(folder / "here"), turns)
    finally:
        shutil.rmtree(folder)


def _check(root: Path, turns: list[tuple[str, float]]) -> None:
    dialog = Dialog(root, "-i").see(" fixes to decide.")
    sent = []
    for keys, pause in turns:
        dialog.press(keys)
        sent.append(keys)
        if not dialog.watch(pause):
            break
    while dialog.watch(0.5):
        if dialog.waits_for_a_key:
            dialog.press(CTRL_C)
            break
    code = dialog.ended()
    written = config_of(root)
    policy = read_policy_file(root / ".cci-migrate.toml", ()).policy
    taken = list(_taken(dialog.text))
    _assert_a_key_for_each(taken, sent)
    interview, is_confirmed = _replayed(taken, dialog.text, policy)
    if code != INTERRUPTED:
        assert (written != CONFIG) == is_confirmed
    if written != CONFIG:
        assert is_confirmed
        assert written == _fixed_as(interview, policy)


def _assert_a_key_for_each(taken: list[Taken], sent: list[str]) -> None:
    """Each answer is a press of its own, in this order."""
    presses = iter(sent)
    for answer in taken:
        assert any(keys.rstrip("\r") == answer.letter for keys in presses), (answer, sent)


def _replayed(taken: list[Taken], text: str, policy: Policy) -> tuple[Interview, bool]:
    """The interview after ``taken``, and whether the last of them was to write."""
    found = (each.finding for each in examined(CONFIG, policy).resolutions)
    interview = Interview(in_order(Item(0, each) for each in found if can_be_decided(each)))
    for answer in taken:
        step = next_step(interview)
        if isinstance(step, AskAtEnd):
            assert answer.number is None
            if answer.letter != Action.BACK.value:
                return interview, answer.letter == "y"
        else:
            assert isinstance(step, AskFix)
            assert step.number == answer.number
            view = text[: answer.at].rpartition(f"\n{step.number} of {step.total}  ")[2]
            assert step.item.finding.message in " ".join(view.split()), "it was not shown"
        interview = after(interview, Action(answer.letter))
    return interview, False


def _fixed_as(interview: Interview, policy: Policy) -> str:
    decided = {key.finding: decision for key, decision in interview.decided.items()}
    return fixed(CONFIG, policy, Decisions(Skip(), decided))
