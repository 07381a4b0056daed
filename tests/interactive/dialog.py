"""Runs the program at a pseudo-terminal, as a user does."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import termios
import time
from pathlib import Path

import pexpect
from pexpect.fdpexpect import fdspawn

from tests.cli.conftest import environment
from tests.program import Running, start, take_terminal

#: How long a slow machine may take for one answer.
PATIENCE = 120
CTRL_C, CTRL_D = "\x03", "\x04"
UP, DOWN, ENTER = "\x1b[A", "\x1b[B", "\r"

_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")
_COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-9]|4[0-9]|9[0-7])(?:;[0-9;]*)?m")


class Dialog:
    """One run of the program, and all that was on the screen so far."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        rows: int = 40,
        columns: int = 100,
        script: str | None = None,
        **more: str,
    ) -> None:
        self.transcript = ""
        #: The longest time between two presses of keys, in seconds.
        self.longest_pause = 0.0
        self._pressed_at: float | None = None
        told = environment(**{"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", **more})
        terminal, theirs = os.openpty()
        settings = termios.tcgetattr(theirs)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, settings)
        _set_size(theirs, rows, columns)
        self._process: subprocess.Popen[bytes] | Running
        if script is None:
            self._process = start(folder, arguments, told, (theirs, theirs, theirs))
        else:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", script],
                cwd=folder,
                env=told,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                preexec_fn=take_terminal,
            )
        os.close(theirs)
        self._terminal = fdspawn(terminal, encoding="utf-8", timeout=PATIENCE)
        self._terminal.delaybeforesend = None

    def see(self, *texts: str) -> Dialog:
        """Wait for each of ``texts`` to come up, in this order."""
        for text in texts:
            try:
                self._terminal.expect_exact(text)
            except (pexpect.TIMEOUT, pexpect.EOF) as error:
                seen = plain(self.transcript + str(self._terminal.before))
                raise AssertionError(f"{text!r} did not come up ({error!r}):\n{seen}") from None
            self.transcript += str(self._terminal.before) + str(self._terminal.after)
        return self

    def press(self, keys: str) -> Dialog:
        """Press ``keys``."""
        now = time.monotonic()
        self.longest_pause = max(self.longest_pause, now - (self._pressed_at or now))
        self._pressed_at = now
        self._terminal.send(keys)
        return self

    def answer(self, *turns: tuple[str, str]) -> Dialog:
        """For each turn wait for the prompt, then press the keys."""
        for prompt, keys in turns:
            self.see(prompt).press(keys)
        return self

    def watch(self, seconds: float) -> bool:
        """Wait for ``seconds``, or for the end; whether the program still runs."""
        if self._terminal.expect([pexpect.TIMEOUT, pexpect.EOF], timeout=seconds) == 0:
            return True
        self.transcript += str(self._terminal.before)
        return False

    @property
    def waits_for_a_key(self) -> bool:
        """Whether `watch` saw a prompt for a key come up last."""
        return plain(str(self._terminal.before)).endswith("?] ")

    def resize(self, rows: int, columns: int) -> Dialog:
        """Make the terminal another size."""
        _set_size(self._terminal.child_fd, rows, columns)
        return self

    def hang_up(self) -> bool:
        """Close the terminal; whether the program has ended then, of itself."""
        self._terminal.close()
        try:
            self._process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, TimeoutError):
            self._process.kill()
            return False
        return True

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        try:
            self._terminal.expect(pexpect.EOF)
        except pexpect.TIMEOUT:
            seen = plain(self.transcript + str(self._terminal.before))
            raise AssertionError(f"it did not end:\n{seen}") from None
        self.transcript += str(self._terminal.before)
        code = self._process.wait(PATIENCE)
        self._terminal.close()
        assert "Traceback" not in self.transcript, self.transcript
        assert code >= 0, f"ended by signal {-code}"
        return code

    @property
    def text(self) -> str:
        """What was on the screen, without what steers the terminal."""
        return plain(self.transcript)

    @property
    def steering(self) -> list[str]:
        """The sequences that steer the terminal."""
        return _STEERING.findall(self.transcript)

    @property
    def colours(self) -> list[str]:
        """The sequences that change the colour."""
        return _COLOUR.findall(self.transcript)


def _set_size(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def plain(text: str) -> str:
    return _STEERING.sub("", text).replace("\r", "")
