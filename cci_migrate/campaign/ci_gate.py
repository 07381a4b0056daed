"""Gates that CI opens: whether the next writes may be made, and how long that is waited for."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress

#: Seconds between two requests for the state of CI.
POLL = 60.0


class Gate(Enum):
    """Whether further pull requests may be opened."""

    OPEN = "open"
    WAITING = "waiting"
    SHUT = "shut"


class CiGate(Struct, frozen=True):
    """Waits for CI, at most ``patience`` seconds at a time.

    It ends at the ``deadline`` of the run (seconds since 1970, 0: none) all the same.
    """

    patience: float
    clock: Clock
    progress: Progress
    deadline: float = 0.0

    def state(self, judge: Callable[[], tuple[Gate, str]], left: str, skip: str) -> Gate:
        """What ``judge`` says in the end.

        A note says why, and if the gate is not open what is ``left``, and how to ``skip`` it.
        Raises HostUnavailable.
        """
        gate, why = self._verdict(judge)
        match gate:
            case Gate.OPEN:
                self.progress.note(why)
            case Gate.SHUT:
                self.progress.note(f"stopped with {left}: {why}. Fix it, or {skip}")
            case Gate.WAITING:
                self.progress.note(f"{left}: {why}; run it again later, or {skip}")
        return gate

    def _verdict(self, judge: Callable[[], tuple[Gate, str]]) -> tuple[Gate, str]:
        """What ``judge`` says, and why; it is asked every minute for as long as it says WAITING."""
        until = self.clock.now() + self.patience
        if self.deadline:
            until = min(until, self.deadline)
        while True:
            gate, why = judge()
            left = until - self.clock.now()
            if gate is not Gate.WAITING or left <= 0:
                return gate, why
            self.progress.waiting(self.clock.now() + min(POLL, left), why)
            self.clock.sleep(min(POLL, left))
