"""Records a walk through examples/ with the real program: ``python -m tools.record_walk``.

Writes `docs/walk.svg`, a picture of the whole session, and `docs/walk.txt`, the same as text.
The program runs at a pseudo-terminal, and what a terminal would show is read back with the part of
it that the program uses: text, colours, moving the cursor up.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pexpect
from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
SVG = ROOT / "docs" / "walk.svg"
TEXT = ROOT / "docs" / "walk.txt"

COLUMNS = 92
ENTER = "\r"


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
    Turn("Context that holds both:", ENTER, _LINE),
    Turn("Fixes 1-9/9 ", "?"),
    Turn("Fixes 1-9/9 ", "e"),
    Turn("Fix 1/9 ", "a"),
    Turn("Fix 2/9 ", "i"),
    Turn("Reason, for the comment", "pulled from our mirror" + ENTER, _LINE),
    Turn("Fix 3/", "f"),
    Turn("Fix 8/", "r"),
    Turn("Write 2 files?", "y"),
)
_STEERING = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[=>]")


class Screen:
    """As much of a terminal as the program needs, without an end at the bottom."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._lines: list[list[tuple[str, str]]] = [[]]
        self._row = self._column = 0
        self._style = ""

    def feed(self, text: str) -> None:
        """Show ``text``."""
        at = 0
        for match in _STEERING.finditer(text):
            self._write(text[at : match.start()])
            at = match.end()
            if match[2] is not None:
                self._steer(match[2], match[1])
        self._write(text[at:])

    def _write(self, text: str) -> None:
        for char in text:
            if char == "\r":
                self._column = 0
            elif char == "\n":
                self._move_to(self._row + 1, self._column)
            elif char == "\b":
                self._column = max(0, self._column - 1)
            elif char >= " ":
                if self._column >= self._columns:
                    self._move_to(self._row + 1, 0)
                line = self._lines[self._row]
                line += [(" ", "")] * (self._column + 1 - len(line))
                line[self._column] = (char, self._style)
                self._column += 1

    def _move_to(self, row: int, column: int) -> None:
        self._row, self._column = max(0, row), max(0, column)
        while len(self._lines) <= self._row:
            self._lines.append([])

    def _steer(self, command: str, given: str) -> None:
        number = int(given) if given.isdecimal() else 1
        match command:
            case "m":
                # Every style that the program sets begins anew.
                self._style = "" if given in ("", "0") else f"\x1b[{given}m"
            case "A":
                self._move_to(self._row - number, self._column)
            case "B":
                self._move_to(self._row + number, self._column)
            case "C":
                self._column += number
            case "D":
                self._column = max(0, self._column - number)
            case "K":
                del self._lines[self._row][self._column :]
            case "J":
                del self._lines[self._row][self._column :]
                del self._lines[self._row + 1 :]
            case _:
                pass  # modes, which show nothing

    def rows(self) -> list[str]:
        """The lines, with their colours."""
        return [_painted(line) for line in self._lines]


def _painted(line: list[tuple[str, str]]) -> str:
    shown, style = "", ""
    for char, its in line:
        if its != style:
            shown += ("\x1b[0m" if style else "") + its
            style = its
        shown += char
    return (shown + "\x1b[0m" if style else shown).rstrip()


def record() -> list[str]:
    """What was on the terminal, line by line."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        shutil.copytree(ROOT / "examples" / "shop", shop)
        subprocess.run(["git", "init", "--quiet"], cwd=shop, check=True)
        return _record_in(shop)


def _record_in(shop: Path) -> list[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"} and not name.startswith("GIT_")
    }
    ours = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = pexpect.spawn(
        sys.executable,
        ["-m", "cci_migrate", "--interactive", "--quiet"],
        cwd=str(shop),
        env={**kept, **ours},
        dimensions=(60, COLUMNS),
        encoding="utf-8",
        timeout=60,
    )
    process.delaybeforesend = None
    screen = Screen(COLUMNS)
    screen.feed("$ cci-migrate --interactive --quiet\r\n")
    for turn in TURNS:
        for text in (turn.prompt, turn.end):
            process.expect_exact(text)
            screen.feed(str(process.before) + str(process.after))
        process.send(turn.keys)
    process.expect(pexpect.EOF)
    screen.feed(str(process.before))
    process.wait()
    process.close()
    if process.exitstatus != 0:
        raise SystemExit(f"the program ended with {process.exitstatus}")
    return screen.rows()


def documents() -> dict[Path, str]:
    """The files that show the walk, and what they are to hold."""
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    text = Text.from_ansi("\n".join(record()))
    console = Console(
        record=True, file=StringIO(), width=COLUMNS, force_terminal=True, color_system="truecolor"
    )
    console.print(text, soft_wrap=True)
    lines = [line.rstrip() for line in text.plain.split("\n")]
    return {
        SVG: console.export_svg(title="cci-migrate --interactive", unique_id="walk"),
        TEXT: "\n".join(lines).rstrip() + "\n",
    }


def main() -> None:
    """Write both files."""
    for path, content in documents().items():
        path.write_text(content)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
