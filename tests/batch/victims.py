"""Commands in processes of their own, that can be killed.

They are forked from one process that has imported the program already, so that a test may start
many of them.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from tests.batch.clocks import QuickClock

_context: ForkServerContext = get_context("forkserver")
_context.set_forkserver_preload(
    [
        "cci_migrate.cli.batch",
        "cci_migrate.forges.gitlab.host",
        "cci_migrate.forges.bitbucket",
        "cci_migrate.forges.github.host",
    ]
)


class Victim:
    """A running command."""

    def __init__(self, words: Sequence[str]) -> None:
        self._process: ForkServerProcess = _context.Process(
            target=_run, args=(list(words), dict(os.environ), str(Path.cwd()))
        )
        self._process.start()

    def kill(self) -> None:
        """Kill it with SIGKILL. It is waiting for an answer, and will do nothing any more."""
        assert self._process.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)

    @property
    def was_killed(self) -> bool:
        """Wait for its end; whether that was `kill`."""
        self._process.join(120)
        return self._process.exitcode == -signal.SIGKILL


def _run(words: list[str], environment: Mapping[str, str], folder: str) -> None:
    from cci_migrate.cli import batch_sessions
    from cci_migrate.cli.batch import batch

    batch_sessions.SystemClock = QuickClock  # type: ignore[assignment, attr-defined]

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    command: Any = batch
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        command(words)
