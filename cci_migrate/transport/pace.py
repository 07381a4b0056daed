"""Limits the pace of writes: one lane for each host, recorded by the caller and on the machine.

GitHub asks for serial writes at least a second apart and documents 80 content-creating requests
a minute and 500 an hour; some endpoints allow fewer
(https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api). A pull request
takes three writes, so 150 an hour stays below.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

from msgspec import Struct

from cci_migrate.transport.host_errors import HostUnavailable
from cci_migrate.transport.progress import Progress, local_time
from cci_migrate.transport.reading_pace import DEFAULT_READ_LIMITS, ReadingPace, ReadLimits
from cci_migrate.transport.single_writer import SingleWriter
from cci_migrate.transport.write_kinds import WriteKind
from cci_migrate.transport.write_record import WriteRecord

HOUR = 3600.0


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


class PaceLimits(Struct, frozen=True):
    """At most ``per_hour`` pull requests, at least ``apart`` seconds between two of them.

    The same holds for merges.
    """

    per_hour: int = 150
    apart: float = 5.0

    @property
    def writes_per_hour(self) -> int:
        """The limit of all writes: three for each pull request, and some in reserve."""
        return self.per_hour * 3 + self.per_hour // 10

    @property
    def writes_apart(self) -> float:
        """Seconds between any two writes: the one that GitHub asks for, or less if ``apart`` is."""
        return min(1.0, self.apart)

    def seconds_for(self, count: int) -> float:
        """How long ``count`` pull requests take at least, if the hour's budget is not yet used."""
        if count < 1:
            return 0.0
        full_hours, rest = divmod(count - 1, self.per_hour)
        return max(full_hours * HOUR + rest * self.apart, (count - 1) * self.apart)


#: The limits unless the user sets others.
DEFAULT_PACE_LIMITS = PaceLimits()


class Lane:
    """The requests of one identity to one host: writes one at a time, reads from several threads.

    ``record`` is used from one of them at a time. ``deadline`` (seconds since 1970, 0: none) is the
    end of the run: a wait beyond it raises HostUnavailable.
    """

    def __init__(
        self,
        name: str,
        record: WriteRecord,
        limits: PaceLimits = DEFAULT_PACE_LIMITS,
        clock: Clock | None = None,
        deadline: float = 0.0,
        progress: Progress | None = None,
        read_limits: ReadLimits = DEFAULT_READ_LIMITS,
    ) -> None:
        self.name = name
        self._record = record
        self._limits = limits
        self._clock: Clock = SystemClock() if clock is None else clock
        self._deadline = deadline
        self._progress = progress or Progress()
        self._writer = SingleWriter(name)
        self._shared: WriteRecord | None = None
        self._lock = threading.RLock()
        self._announced = 0.0
        self._has_ended = False
        self.reads = ReadingPace(read_limits, self._clock.now, self._clock.sleep)

    @contextmanager
    def turn(self, kind: WriteKind | None) -> Iterator[None]:
        """Wait for a turn to write (``kind`` of `take`) or to read (None), as long as the block.

        Raises what `take` raises.
        """
        if kind is not None:
            self.take(kind)
            yield
            return
        with self.reads.turn():
            # Within the turn: the answer to another read may have asked for a pause.
            self.wait_out()
            yield

    def take(self, kind: WriteKind) -> None:
        """Wait until a write of ``kind`` is allowed, and count it. Call it right before each write.

        Raises HostUnavailable if the wait goes beyond the deadline, or if another process is
        writing to the host.
        """
        self._writer.take()
        with self._lock:
            if self._shared is None:
                with suppress(OSError):
                    self._shared = WriteRecord.shared(self.name, self._clock.now() - HOUR)
        self.wait(self.next_time(kind), "the next write")
        now = self._clock.now()
        with self._lock:
            for record in self._records():
                record.add(self.name, kind, now)
        self._progress.budget(self.name, *self.used())

    def next_time(self, kind: WriteKind) -> float:
        """When a write of ``kind`` is allowed, in seconds since 1970; in the past if now."""
        since = self._clock.now() - HOUR
        limits, writes = self._limits, self._since(None, since)
        times = [
            self._not_before(),
            _next_time(writes, limits.writes_apart, limits.writes_per_hour),
        ]
        if kind.is_paced:
            times.append(_next_time(self._since(kind, since), limits.apart, limits.per_hour))
        return max(times)

    def used(self) -> tuple[int, int]:
        """The number of pull requests opened within the last hour, and the limit."""
        since = self._clock.now() - HOUR
        return len(self._since(WriteKind.PULL_REQUEST, since)), self._limits.per_hour

    def end(self) -> None:
        """Make no further writes: let other campaigns write. The record may then be closed.

        Threads may still be reading; to close a database while one of them uses it would crash.
        """
        self._writer.release()
        with self._lock:
            self._has_ended = True
            if self._shared is not None:
                self._shared.close()
                self._shared = None

    def report_response(self, method: str, path: str, status: int, left: int | None) -> None:
        """Report a response; ``left`` is the number of requests left until the limit, if known."""
        with self._lock:
            self._progress.request(self.name, method, path, status, left)

    def pause_until(self, until: float) -> None:
        """Record that the host asked for a pause until ``until``."""
        with self._lock:
            for record in self._records():
                record.pause_until(self.name, until)

    def now(self) -> float:
        """The time, in seconds since 1970."""
        return self._clock.now()

    def wait_out(self) -> None:
        """Wait until the end of any pause that the host asked for, in this or an earlier run.

        Raises HostUnavailable if that is beyond the deadline.
        """
        self.wait(self._not_before(), "the host asked for a pause")

    def wait(self, until: float, why: str) -> None:
        """Wait until ``until``. Raises HostUnavailable if that is beyond the deadline."""
        seconds = until - self._clock.now()
        if seconds <= 0:
            return
        if self._deadline and until > self._deadline:
            raise HostUnavailable(
                f"{self.name}: {why}, too long for this run to wait; try again at "
                f"{local_time(until)}",
                until,
            )
        with self._lock:
            # Several threads that hit one limit are asked to wait until almost the same time.
            is_news = until > self._announced + 1
            self._announced = max(until, self._announced)
            if is_news:
                self._progress.waiting(until, why)
        self._clock.sleep(seconds)

    def _records(self) -> tuple[WriteRecord, ...]:
        """The campaign's record, and the one shared by all on this machine, if it exists.

        The first write creates the latter: a run that only reads leaves nothing on the machine.
        """
        if self._has_ended:
            return ()
        if self._shared is None:
            self._shared = WriteRecord.shared_if_exists(self.name)
        return (self._record, *(() if self._shared is None else (self._shared,)))

    def _since(self, kind: WriteKind | None, since: float) -> list[float]:
        """The times of all campaigns' writes (None: of any kind), sorted.

        This campaign's are in both records.
        """
        with self._lock:
            records = self._records()
            return sorted({at for record in records for at in record.since(self.name, kind, since)})

    def _not_before(self) -> float:
        with self._lock:
            return max((record.not_before(self.name) for record in self._records()), default=0.0)


def _next_time(writes: Sequence[float], apart: float, per_hour: int) -> float:
    """When limits allow another write after those at the times ``writes`` of the last hour."""
    after_last = writes[-1] + apart if writes else 0.0
    return max(after_last, writes[-per_hour] + HOUR) if len(writes) >= per_hour else after_last
