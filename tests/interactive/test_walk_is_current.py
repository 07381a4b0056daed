"""The recorded walk in docs/ is what the program shows today."""

from __future__ import annotations

from tools.record_walk import documents


def test_the_walk_is_current() -> None:
    for path, content in documents().items():
        assert path.read_text() == content, f"{path.name} is out of date; run: make docs"
