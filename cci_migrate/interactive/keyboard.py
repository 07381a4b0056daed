"""Keys at a terminal, so that each is the answer to what its user saw.

A prompt is drawn only once the keys have been quiet for a moment, and what came before that is
dropped: the Enter after a letter, a held key, a paste, what was typed ahead. What comes after it
answers. Built on the input of prompt_toolkit, which knows the terminals of each platform.
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyPress

#: For how long no key may come before a prompt is drawn, in seconds. A held key comes more often:
#: the slowest, at the Linux console, 10.9 times a second.
QUIET = 0.1
#: The same where Enter alone answers and the last answer was a letter, whose Enter may be late.
_QUIET_AFTER_LETTER = 0.3
#: Keys that come closer together than anybody types are a paste or a terminal's report.
_BURST = 0.025
_LONGEST_BURST = 100

ENTER = "\r"


class Press(Struct, frozen=True):
    """One key: its character, or `ENTER`.

    ``problem`` is what to say where it answers nothing; what can answer nothing has no character.
    """

    character: str
    problem: str


class Keyboard:
    """The keys of standard input.

    Every method raises KeyboardInterrupt for Ctrl-C and Ctrl-D, and once the terminal is gone.
    """

    def __init__(self) -> None:
        from prompt_toolkit.input import create_input

        self.input = create_input()
        self._last_key_at = time.monotonic()
        self._enter_may_follow = False

    def raw(self) -> AbstractContextManager[None]:
        """While it lasts, keys come as they are pressed and are not echoed."""
        return self.input.raw_mode()

    def wait_for_quiet(self, *, enter_answers: bool) -> None:
        """Drop all keys until none has come for a moment; call it before a prompt is drawn."""
        from prompt_toolkit.input.typeahead import get_typeahead

        self._drop(get_typeahead(self.input))
        while True:
            late = enter_answers and self._enter_may_follow
            quiet = _QUIET_AFTER_LETTER if late else QUIET
            keys = self._read(max(0.0, self._last_key_at + quiet - time.monotonic()))
            if keys is None:
                break
            self._drop(keys)
        if enter_answers:
            self._enter_may_follow = False

    def drop_what_came(self) -> None:
        """Drop the keys that are there already."""
        self._drop(self._pressed(self.input.read_keys()))

    def entered(self) -> None:
        """Take note that a line was typed by other means, and Enter pressed."""
        self._last_key_at = time.monotonic()
        self._enter_may_follow = False

    def next_press(self) -> Press:
        """The next key. An Enter that may belong to the letter before is none."""
        while True:
            keys: list[KeyPress] = []
            while not keys:
                keys = self._read(None) or []
                while (more := self._read(_BURST)) is not None:
                    keys = [*keys, *more][:_LONGEST_BURST]
            if self._enter_may_follow and _is_enter(keys[0]):
                del keys[0]
            self._enter_may_follow = False
            if keys:
                self._enter_may_follow = not any(map(_is_enter, keys))
                return _press_of(keys)

    def _drop(self, keys: Iterable[KeyPress]) -> None:
        if any(map(_is_enter, keys)):
            self._enter_may_follow = False

    def _read(self, timeout: float | None) -> list[KeyPress] | None:
        """The keys that are there, waiting for them up to ``timeout``; None if none came."""
        if self._is_readable(timeout):
            keys = self.input.read_keys()
        else:
            # An Escape is held back until it is clear that it begins nothing longer.
            keys = self.input.flush_keys()
            if not keys:
                return None
        self._last_key_at = time.monotonic()
        return self._pressed(keys)

    def _is_readable(self, timeout: float | None) -> bool:
        if sys.platform == "win32":
            from prompt_toolkit.eventloop.win32 import INFINITE, wait_for_handles
            from prompt_toolkit.input.win32 import Win32Input

            # A file descriptor of a console cannot be waited for, its handle can.
            handles = [self.input.handle] if isinstance(self.input, Win32Input) else []
            limit = INFINITE if timeout is None else int(timeout * 1000)
            return wait_for_handles(handles, limit) is not None
        return bool(select.select([self.input.fileno()], [], [], timeout)[0])

    def _pressed(self, keys: Iterable[KeyPress]) -> list[KeyPress]:
        """``keys`` without the answers of the terminal to prompt_toolkit."""
        from prompt_toolkit.keys import Keys

        pressed = [press for press in keys if press.key not in (Keys.CPRResponse, Keys.Ignore)]
        if self.input.closed or any(
            press.key in (Keys.ControlC, Keys.ControlD) for press in pressed
        ):
            raise KeyboardInterrupt
        return pressed


def _is_enter(key: KeyPress) -> bool:
    from prompt_toolkit.keys import Keys

    return key.key in (Keys.ControlM, Keys.ControlJ)


def _press_of(keys: list[KeyPress]) -> Press:
    """What keys that came at once mean: one key, perhaps repeated, perhaps with its Enter."""
    from prompt_toolkit.keys import Keys

    first = keys[0].key
    if first == Keys.BracketedPaste:
        return Press("", "pasted text ignored; press one key")
    if all(map(_is_enter, keys)):
        return Press(ENTER, "press a letter")
    rest = [press.key for press in keys if not _is_enter(press)]
    begins_with_rest = not any(map(_is_enter, keys[: len(rest)]))
    if begins_with_rest and all(key == first for key in rest):
        if isinstance(first, Keys) or not first.isprintable():
            return Press("", "unknown key")
        return Press(first, f"unknown key {first}")
    return Press("", "several keys at once ignored; press one key")


def drop_typed_lines(terminal: TextIO) -> None:
    """Drop the lines typed at ``terminal`` until none has come for a moment.

    Raises KeyboardInterrupt once the terminal is gone.
    """
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            while msvcrt.kbhit():
                msvcrt.getwch()
            time.sleep(QUIET)
    else:
        import termios

        try:
            termios.tcflush(terminal, termios.TCIFLUSH)
            while select.select([terminal], [], [], QUIET)[0]:
                termios.tcflush(terminal, termios.TCIFLUSH)
        except termios.error:
            raise KeyboardInterrupt from None


def wait_for_line(terminal: TextIO) -> None:
    """Wait until there is something to read at ``terminal``.

    A Ctrl-C that comes just before a read begins does not end that read: it would wait on.
    """
    if sys.platform != "win32":
        while not select.select([terminal], [], [], QUIET)[0]:
            continue
