"""Commands in processes of their own, that can be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from tests.batch.clocks import QuickClock
from tests.batch.watching import Request, truly
from tests.program import start

if TYPE_CHECKING:
    from tests.batch.host_stand_in import HostStandIn
    from tests.batch.repositories import Batch


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

    def interrupt(self) -> None:
        """Interrupt it with SIGTERM."""
        os.kill(self._running.pid, signal.SIGTERM)

    def wait(self) -> tuple[int, str]:
        """Wait for its end: its exit code, and what it said."""
        code = self._running.wait()
        with self._output:
            self._output.seek(0)
            return code, self._output.read().decode()

    @property
    def was_killed(self) -> bool:
        """Wait for its end; whether that was `kill`. It fails with what it said if it was not."""
        code, output = self.wait()
        assert code == -signal.SIGKILL, f"it ended with {code}:\n{output}"
        return True


def kill_at(
    host: HostStandIn[Any],
    batch: Batch,
    command: str,
    *arguments: object,
    operation: str = "",
    moment: str = "after",
    nth: int = 1,
) -> None:
    """Run a command, and kill it at the ``nth`` write to ``host``, before or after that is done.

    Only writes count whose name ends with ``operation``.
    """
    process: list[Victim] = []
    writes: list[Request] = []

    def watch(request: Request) -> None:
        is_counted = request.is_write and request.operation.endswith(operation)
        if is_counted and request.moment == moment:
            writes.append(request)
            if len(writes) == nth:
                process[0].kill()
                raise ConnectionError

    host.watch = watch
    with host.lock:
        process.append(batch.start(command, *arguments))
    assert process[0].was_killed
    host.watch = truly


def be_quick() -> None:
    """Let no time pass while the command waits."""
    from cci_migrate.cli import batch_sessions

    batch_sessions.SystemClock = QuickClock  # type: ignore[assignment, attr-defined]
