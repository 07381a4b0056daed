"""Interactive views and prompts, `init` and diffs at a terminal, for names that are hostile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import put
from tests.escaping.hostile_text import config
from tests.interactive.conftest import POLICY
from tests.interactive.dialog import Dialog


def assert_only_ours(dialog: Dialog) -> None:
    """The sequences of names are shown, and none is carried out."""
    assert "EVIL" in dialog.transcript
    for forbidden in ("\x1b]8", "\x1b[2J\x1b[1A", "\x9b", "\x90", "\u202e", "\u2066", "\0", "\x0b"):
        assert forbidden not in dialog.transcript, ascii(forbidden)
    assert not re.search("[\u200b\u2060\ufeff\u3164\u2028\u2029\U000e0041]", dialog.transcript)
    lines = dialog.text.replace("\r", "\n").split("\n")
    assert not [line for line in lines if line.lstrip().startswith(("FORGED", "::"))]


@pytest.mark.parametrize("terminal", ["xterm-256color", "dumb"])
def test_views_and_prompts(tmp_path: Path, terminal: str) -> None:
    (tmp_path / ".git").mkdir()
    put(tmp_path / ".circleci" / "config.yml", config())
    put(tmp_path / ".cci-migrate.toml", POLICY)
    end = "\n" if terminal == "dumb" else ""
    dialog = Dialog(tmp_path, "-i", TERM=terminal)
    dialog.answer(("Fixes 1-36/", f"e{end}"), ("Fixes 1-", f"s{end}"))
    for _ in range(8):
        dialog.answer(("/113 ", f"s{end}"))
    dialog.answer(("/113 ", f"q{end}"))
    assert dialog.ended() == 1
    assert_only_ours(dialog)


@pytest.mark.parametrize("colour", ["never", "always"])
def test_a_diff(tmp_path: Path, colour: str) -> None:
    (tmp_path / ".git").mkdir()
    # What YAML allows in a comment; the diff shows it as context.
    text = "EVIL \u202e\u2066 \x85 ::error::FORGED ##[error]x"
    content = f"version: 2.1\njobs:\n  a:\n    docker:\n      - image: cimg/go:1  # {text}\r\n"
    put(tmp_path / ".circleci" / "config.yml", content.replace("\x85", ""))
    dialog = Dialog(tmp_path, "--dry-run", "--color", colour, columns=400)
    assert dialog.ended() == 1
    assert_only_ours(dialog)
    assert "EVIL \\u202e\\u2066" in dialog.text
