"""Records a walk through examples/ with the real program: ``python -m tools.record_walk``.

Writes `docs/walk.svg`, which moves, `docs/walk.cast` for asciicast players, and `docs/walk.txt`,
the same as text. The program runs at a pseudo-terminal; how long a frame is shown is our choice, so
that a recording of the same program is the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pexpect
from msgspec import Struct
from rich.text import Text

from tools.recording import Frame, Size, asciicast, moving_svg
from tools.shared_data import ROOT
from tools.terminal_screen import TerminalScreen

SVG = ROOT / "docs" / "walk.svg"
CAST = ROOT / "docs" / "walk.cast"
TEXT = ROOT / "docs" / "walk.txt"

SIZE = Size(columns=88, rows=28)
COMMAND = "$ cci-migrate --interactive"
TITLE = "cci-migrate --interactive"
ENTER = "\r"

_PER_KEY = 0.07
_KEYS_A_FRAME = 2
#: To read what is new: a pause, and time for each of its lines.
_PAUSE, _PER_LINE, _LONGEST, _AT_END = 0.7, 0.11, 3.2, 5.0


class Turn(Struct, frozen=True):
    """The beginning of a prompt, how it ends, and the keys pressed at it."""

    prompt: str
    keys: str
    end: str = "?] "


#: The end of a prompt that shows what Enter stands for, and of one for a line: the last thing drawn
#: with it turns the wrapping of lines on again.
_WITH_DEFAULT, _LINE = "Enter: 1] ", "\x1b[?7h"

TURNS = (
    Turn("Where do the jobs run?", ENTER, _WITH_DEFAULT),
    Turn("Where are the variables", ENTER, _WITH_DEFAULT),
    Turn("Docker Hub user name:", ENTER, _LINE),
    Turn("Variable with the password:", ENTER, _LINE),
    Turn("Context with both variables:", ENTER, _LINE),
    Turn("Fixes 1-9/9 ", "?"),
    Turn("Fixes 1-9/9 ", "e"),
    Turn("Fix 1/9 ", "a"),
    Turn("Fix 2/9 ", "i"),
    Turn("Reason, for the comment", "pulled from our mirror" + ENTER, _LINE),
    Turn("Fix 3/9 ", "b"),
    Turn("Fix 2/9 ", "b"),
    Turn("Fix 1/9 ", "b"),
    Turn("Fixes 1-9/9 ", "a"),
    Turn("Write 2 files?", "p"),
    Turn("Write 2 files?", "y"),
)


def record() -> tuple[Frame, ...]:
    """What was on the terminal, frame by frame."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        shutil.copytree(ROOT / "examples" / "shop", shop)
        subprocess.run(["git", "init", "--quiet"], cwd=shop, check=True)
        return tuple(_frames(shop))


def _frames(shop: Path) -> Iterator[Frame]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"} and not name.startswith("GIT_")
    }
    ours = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = pexpect.spawn(
        sys.executable,
        ["-m", "cci_migrate", "--interactive"],
        cwd=str(shop),
        env={**kept, **ours},
        dimensions=(SIZE.rows, SIZE.columns),
        encoding="utf-8",
        timeout=60,
    )
    process.delaybeforesend = None
    yield from _typing((), "$ ", COMMAND.removeprefix("$ "))
    screen = TerminalScreen(SIZE.columns)
    screen.feed(f"{COMMAND}\r\n")
    seen = 1
    for turn in TURNS:
        for text in (turn.prompt, turn.end):
            process.expect_exact(text)
            screen.feed(str(process.before) + str(process.after))
        rows = screen.rows()
        yield Frame(rows, min(_LONGEST, _PAUSE + _PER_LINE * (len(rows) - seen)))
        seen = len(rows)
        process.send(turn.keys)
        if len(turn.keys) > 1:
            yield from _typing(rows[:-1], f"{rows[-1]} ", turn.keys.removesuffix(ENTER))
    process.expect(pexpect.EOF)
    screen.feed(str(process.before))
    process.wait()
    process.close()
    if process.exitstatus != 0:
        raise SystemExit(f"the program ended with {process.exitstatus}")
    yield Frame(screen.rows(), _AT_END)


def _typing(above: tuple[str, ...], prompt: str, keys: str) -> Iterator[Frame]:
    for end in range(_KEYS_A_FRAME, len(keys) + _KEYS_A_FRAME, _KEYS_A_FRAME):
        yield Frame((*above, prompt + keys[:end]), _KEYS_A_FRAME * _PER_KEY)


def documents() -> dict[Path, str]:
    """The files that show the walk, and what they are to hold."""
    frames = record()
    # The group, the first view that shows what the program is about.
    still = next(n for n, frame in enumerate(frames) if "Fixes 1-9/9 " in frame.rows[-1])
    return {
        SVG: moving_svg(frames, SIZE, TITLE, still),
        CAST: asciicast(frames, SIZE, TITLE),
        TEXT: plain(frames[-1]),
    }


def plain(frame: Frame) -> str:
    """The text of ``frame``, without colours."""
    lines = [Text.from_ansi(row).plain.rstrip() for row in frame.rows]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the files."""
    for path, content in documents().items():
        path.write_text(content)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
