"""What a terminal shows after a program's output: text, colours, and moving the cursor."""

from __future__ import annotations

import re

_STEERING = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[=>]")


class TerminalScreen:
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

    def rows(self) -> tuple[str, ...]:
        """The lines down to that of the cursor, with their colours."""
        return tuple(_painted(line) for line in self._lines[: self._row + 1])


def _painted(line: list[tuple[str, str]]) -> str:
    shown, style = "", ""
    for char, its in line:
        if its != style:
            shown += ("\x1b[0m" if style else "") + its
            style = its
        shown += char
    return (shown + "\x1b[0m" if style else shown).rstrip()
