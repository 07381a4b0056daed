"""Measures the language server: from a change in an editor to what is said of it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from tests.editor.editor import editor
from tests.processing import PATH
from tools.generated_config import generated_config

#: A config of about 1,000 lines.
_SIZE = 26_000


def measure_editor(changes: int) -> tuple[int, tuple[float, ...]]:
    """The lines of a config, and the seconds from each of ``changes`` to its diagnostics."""
    text = generated_config(_SIZE).decode()
    return text.count("\n"), asyncio.run(_seconds(text, changes))


async def _seconds(text: str, changes: int) -> tuple[float, ...]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        (root / ".git").mkdir()
        (root / ".circleci").mkdir()
        seconds = []
        async with editor(asyncio.get_running_loop()) as window:
            window.root = root
            await window.open(PATH, text)
            for number in range(changes):
                started = time.perf_counter()
                window.type(PATH, f"{text}# {number}\n")
                await window.said_of(PATH)
                seconds.append(time.perf_counter() - started)
    return tuple(seconds)
