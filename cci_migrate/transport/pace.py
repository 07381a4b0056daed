"""How fast writes may go: one lane a host, its record kept by the caller and on the machine.

GitHub asks for serial writes at least a second apart and documents 80 content-creating requests
a minute and 500 an hour; some end points take fewer
(https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api). A pull request
takes three writes, so 150 an hour stays below.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Protocol

from msgspec import Struct

from cci_migrate.transport.host_errors import HostUnavailable
from cci_migrate.transport.progress import Progress
from cci_migrate.transport.single_writer import SingleWriter
from cci_migrate.transport.write_record import WriteRecord

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


class Limits(Struct, frozen=True):
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


#: What is asked of a host unless the user says otherwise.
DEFAULT_LIMITS = Limits()


class Lane:
    """The writes of one identity on one host, one at a time.

    ``deadline`` (seconds since 1970, 0: none) is when the run has to end: a wait beyond it raises
    HostUnavailable.
    """

    def __init__(
        self,
        name: str,
        record: WriteRecord,
        limits: Limits = DEFAULT_LIMITS,
        clock: Clock | None = None,
        deadline: float = 0.0,
        progress: Progress | None = None,
    ) -> None:
        self.name = name
        self._record = record
        self._limits = limits
        self._clock: Clock = SystemClock() if clock is None else clock
        self._deadline = deadline
        self._progress = progress
        self._writer = SingleWriter(name)
        self._shared: WriteRecord | None = None

    def take(self, kind: str) -> None:
        """Wait until a write of ``kind`` may go, and count it. Called right before each write.

        Raises HostUnavailable if that is beyond the deadline.
        """
        self._writer.take()
        if self._shared is None:
            with suppress(OSError):
                self._shared = WriteRecord.of_machine(self.name, self._clock.now() - HOUR)
        self.wait(self.next_time(kind), "the next write")
        now = self._clock.now()
        for record in self._records():
            record.add(self.name, kind, now)
        if self._progress is not None:
            self._progress.budget(self.name, *self.used())

    def next_time(self, kind: str) -> float:
        """When a write of ``kind`` may go; in the past if at once."""
        since = self._clock.now() - HOUR
        writes, pulls = self._since("", since), self._since(PULL_REQUEST, since)
        times = [self._not_before()]
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
        return len(self._since(PULL_REQUEST, since)), self._limits.per_hour

    def end(self) -> None:
        """No further writes: let other campaigns write."""
        self._writer.release()
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    def heard(self, method: str, path: str, status: int, left: int | None) -> None:
        """The host answered; ``left`` is how many more requests it will hear before a pause."""
        if self._progress is not None:
            self._progress.request(self.name, method, path, status, left)

    def hold(self, seconds: float, why: str) -> None:
        """The host asked for silence: remember that, and wait.

        Raises HostUnavailable if that is beyond the deadline.
        """
        until = self._clock.now() + seconds
        for record in self._records():
            record.hold(self.name, until)
        self.wait(until, why)

    def wait_out(self) -> None:
        """Wait as long as the host asked for, in this run or an earlier one."""
        self.wait(self._not_before(), "the host asked for a pause")

    def wait(self, until: float, why: str) -> None:
        """Wait until then. Raises HostUnavailable if that is beyond the deadline."""
        seconds = until - self._clock.now()
        if seconds <= 0:
            return
        if self._deadline and until > self._deadline:
            raise HostUnavailable(f"{self.name}: {why} would be after the end of this run", until)
        if self._progress is not None:
            self._progress.waiting(until, why)
        self._clock.sleep(seconds)

    def _records(self) -> tuple[WriteRecord, ...]:
        """The campaign's, and the one that it shares with others on this machine, if there is one.

        The latter is made by the first write: who only reads leaves nothing outside the campaign.
        """
        if self._shared is None:
            self._shared = WriteRecord.there(self.name)
        return (self._record, *(() if self._shared is None else (self._shared,)))

    def _since(self, kind: str, since: float) -> list[float]:
        """Of all campaigns' writes; this one's are in both records."""
        found = (record.since(self.name, kind, since) for record in self._records())
        return sorted({at for times in found for at in times})

    def _not_before(self) -> float:
        return max(record.not_before(self.name) for record in self._records())
