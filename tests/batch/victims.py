"""Commands in processes of their own, that can be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

from tests.batch.clocks import QuickClock
from tests.program import start


class Victim:
    """A running command."""

    def __init__(self, words: Sequence[str]) -> None:
        self._output = TemporaryFile()  # noqa: SIM115 - closed once it has been read
        with Path(os.devnull).open("rb") as nowhere:
            self._running = start(
                Path.cwd(),
                ("batch", *words),
                os.environ,
                (nowhere.fileno(), self._output.fileno(), self._output.fileno()),
                prepare="tests.batch.victims:be_quick",
            )

    def kill(self) -> None:
        """Kill it with SIGKILL. It is waiting for an answer, and will do nothing any more."""
        self._running.kill()

    @property
    def was_killed(self) -> bool:
        """Wait for its end; whether that was `kill`. It fails with what it said if it was not."""
        code = self._running.wait()
        with self._output:
            self._output.seek(0)
            output = self._output.read().decode()
        assert code == -signal.SIGKILL, f"it ended with {code}:\n{output}"
        return True


def be_quick() -> None:
    """Let no time pass while the command waits."""
    from cci_migrate.cli import batch_sessions

    batch_sessions.SystemClock = QuickClock  # type: ignore[assignment, attr-defined]
