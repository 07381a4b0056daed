"""Runs the program at a pseudo-terminal, as a user does."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pexpect

from tests.cli.conftest import environment

#: How long a slow machine may take for one answer.
PATIENCE = 30
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
        program, given = sys.executable, ["-m", "cci_migrate", *arguments]
        if script is not None:
            program, given = "/bin/sh", ["-c", script]
        self._process = pexpect.spawn(
            program,
            given,
            cwd=str(folder),
            dimensions=(rows, columns),
            env=environment(**{"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", **more}),
            encoding="utf-8",
            timeout=PATIENCE,
            echo=False,
        )
        self._process.delaybeforesend = None
        self._process.ptyproc.delayafterclose = 0

    def see(self, *texts: str) -> Dialog:
        """Wait for each of ``texts`` to come up, in this order."""
        for text in texts:
            try:
                self._process.expect_exact(text)
            except (pexpect.TIMEOUT, pexpect.EOF) as error:
                seen = plain(self.transcript + str(self._process.before))
                raise AssertionError(f"{text!r} did not come up ({error!r}):\n{seen}") from None
            self.transcript += str(self._process.before) + str(self._process.after)
        return self

    def press(self, keys: str) -> Dialog:
        """Press ``keys``."""
        self._process.send(keys)
        return self

    def answer(self, *turns: tuple[str, str]) -> Dialog:
        """For each turn wait for the prompt, then press the keys."""
        for prompt, keys in turns:
            self.see(prompt).press(keys)
        return self

    def watch(self, seconds: float) -> bool:
        """Wait for ``seconds``, or for the end; whether the program still runs."""
        if self._process.expect([pexpect.TIMEOUT, pexpect.EOF], timeout=seconds) == 0:
            return True
        self.transcript += str(self._process.before)
        return False

    @property
    def waits_for_a_key(self) -> bool:
        """Whether `watch` saw a prompt for a key come up last."""
        return plain(str(self._process.before)).endswith("?] ")

    def resize(self, rows: int, columns: int) -> Dialog:
        """Make the terminal another size."""
        self._process.setwinsize(rows, columns)
        return self

    def hang_up(self) -> bool:
        """Close the terminal; whether the program has ended then, of itself."""
        os.close(self._process.child_fd)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ended, _ = os.waitpid(self._process.pid, os.WNOHANG)
            if ended:
                return True
            time.sleep(0.02)
        os.kill(self._process.pid, signal.SIGKILL)
        return False

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        try:
            self._process.expect(pexpect.EOF)
        except pexpect.TIMEOUT:
            seen = plain(self.transcript + str(self._process.before))
            raise AssertionError(f"it did not end:\n{seen}") from None
        self.transcript += str(self._process.before)
        self._process.wait()
        self._process.close()
        assert "Traceback" not in self.transcript, self.transcript
        code = self._process.exitstatus
        assert code is not None, f"ended by signal {self._process.signalstatus}"
        return int(code)

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


def plain(text: str) -> str:
    return _STEERING.sub("", text).replace("\r", "")
