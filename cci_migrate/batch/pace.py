"""How fast writes may go: one lane a host and identity, its record kept in the ledger.

GitHub asks for serial writes at least a second apart and documents 80 content-creating requests
a minute and 500 an hour; some end points take fewer
(https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api). A pull request
takes three writes, so 150 an hour stays below.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from cci_migrate.batch.host import LaneClosedError
from cci_migrate.batch.ledger import Ledger
from cci_migrate.batch.progress import Progress
from cci_migrate.batch.single_writer import SingleWriter

HOUR = 3600.0
PULL_REQUEST = "pull-request"
OTHER = "other"


class Clock(Protocol):
    """The time, and waiting."""

    def now(self) -> float:
        """Seconds since 1970."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The computer's clock."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Limits:
    """``per_hour`` pull requests, ``apart`` seconds between two of them, and what follows."""

    per_hour: int = 150
    apart: float = 5.0

    @property
    def writes_per_hour(self) -> int:
        """All writes: branch, commit and pull request count alike, as nobody says otherwise."""
        return self.per_hour * 3 + self.per_hour // 10

    @property
    def writes_apart(self) -> float:
        """Between any two writes: the second that GitHub asks for, unless all is sped up."""
        return min(1.0, self.apart)


class Lane:
    """The writes of one identity on one host, one at a time.

    ``deadline`` (seconds since 1970, 0: none) is when the run has to end: a wait beyond it raises
    LaneClosedError.
    """

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        limits: Limits = Limits(),
        clock: Clock | None = None,
        deadline: float = 0.0,
        progress: Progress | None = None,
    ) -> None:
        self.name = name
        self._ledger = ledger
        self._limits = limits
        self._clock: Clock = SystemClock() if clock is None else clock
        self._deadline = deadline
        self._progress = progress
        self._writer = SingleWriter(name)

    def take(self, kind: str) -> None:
        """Wait until a write of ``kind`` may go, and count it. Called right before each write.

        Raises LaneClosedError if that is beyond the deadline.
        """
        self._writer.take()
        self.wait(self.next_time(kind), "the next write")
        self._ledger.add_write(self.name, kind, self._clock.now())
        if self._progress is not None:
            self._progress.budget(self.name, *self.used())

    def next_time(self, kind: str) -> float:
        """When a write of ``kind`` may go; in the past if at once."""
        now = self._clock.now()
        writes = self._ledger.writes_since(self.name, "", now - HOUR)
        pulls = self._ledger.writes_since(self.name, PULL_REQUEST, now - HOUR)
        times = [self._ledger.not_before(self.name)]
        if writes:
            times.append(writes[-1] + self._limits.writes_apart)
        if len(writes) >= self._limits.writes_per_hour:
            times.append(writes[-self._limits.writes_per_hour] + HOUR)
        if kind == PULL_REQUEST:
            if pulls:
                times.append(pulls[-1] + self._limits.apart)
            if len(pulls) >= self._limits.per_hour:
                times.append(pulls[-self._limits.per_hour] + HOUR)
        return max(times)

    def used(self) -> tuple[int, int]:
        """Pull requests opened within the last hour, and how many may be."""
        since = self._clock.now() - HOUR
        return len(self._ledger.writes_since(self.name, PULL_REQUEST, since)), self._limits.per_hour

    def end(self) -> None:
        """No further writes: let other campaigns write."""
        self._writer.release()

    def hold(self, seconds: float, why: str) -> None:
        """The host asked for silence: remember that, and wait.

        Raises LaneClosedError if that is beyond the deadline.
        """
        until = self._clock.now() + seconds
        self._ledger.hold(self.name, until)
        self.wait(until, why)

    def wait_out(self) -> None:
        """Wait as long as the host asked for, in this run or an earlier one."""
        self.wait(self._ledger.not_before(self.name), "the host asked for a pause")

    def wait(self, until: float, why: str) -> None:
        """Wait until then. Raises LaneClosedError if that is beyond the deadline."""
        seconds = until - self._clock.now()
        if seconds <= 0:
            return
        if self._deadline and until > self._deadline:
            raise LaneClosedError(f"{self.name}: {why} would be after the end of this run", until)
        if self._progress is not None:
            self._progress.waiting(until, why)
        self._clock.sleep(seconds)
