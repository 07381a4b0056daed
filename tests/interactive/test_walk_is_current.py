"""The recorded walk in docs/ is what the program shows today, in each of its forms."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from tools.record_walk import CAST, SIZE, SVG, TEXT, documents, plain
from tools.recording import Frame
from tools.terminal_screen import TerminalScreen


def test_the_walk_is_current() -> None:
    for path, content in documents().items():
        assert path.read_text() == content, f"{path.name} is out of date; run: make docs"


def test_the_recording_plays_what_the_text_says() -> None:
    header, *events = map(json.loads, CAST.read_text().splitlines())
    assert (header["version"], header["width"]) == (2, SIZE.columns)
    times = [at for at, _, _ in events]
    assert times == sorted(times)
    screen = TerminalScreen(SIZE.columns)
    for _, kind, data in events:
        assert kind == "o"
        screen.feed(data)
    assert plain(Frame(screen.rows(), 0)) == TEXT.read_text()


def test_the_picture_moves_fetches_nothing_and_can_stand_still() -> None:
    text = SVG.read_text()
    ElementTree.fromstring(text)
    assert "@keyframes film" in text
    assert "prefers-reduced-motion" in text
    assert not any(word in text for word in ("url(", "<script", 'href="http', "@import"))
