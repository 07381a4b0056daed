"""Limits reads of one host: how many wait for answers at once, and for how long in a minute.

GitHub allows 90 seconds of processor time in a minute, 60 of them for GraphQL, and has the summed
time of the answers estimate it; after a limit it wants requests one after the other
(https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits,
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api). Other
forges document no such limits, and get the same.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

#: Reads of a forge that wait for an answer at the same time.
READERS = 4
_MINUTE = 60.0


class ReadLimits(Struct, frozen=True):
    """At most ``at_once`` reads, and ``seconds_a_minute`` of waiting for their answers."""

    at_once: int = READERS
    seconds_a_minute: float = 60.0


#: The limits for forges.
DEFAULT_READ_LIMITS = ReadLimits()


class ReadingPace:
    """The pace of the reads of one host. Its methods may be called from several threads.

    ``now`` and ``sleep`` are the clock's.
    """

    def __init__(
        self, limits: ReadLimits, now: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._limits = limits
        self._now = now
        self._sleep = sleep
        self._at_once = limits.at_once
        self._reading = 0
        self._changed = threading.Condition()
        #: When each answer of the last minute came, and how long it took.
        self._answers: deque[tuple[float, float]] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn to read, which lasts as long as the block."""
        with self._changed:
            while self._reading >= self._at_once:
                self._changed.wait()
            self._reading += 1
        try:
            self._wait_for_minute()
            begun = time.perf_counter()
            try:
                yield
            finally:
                with self._changed:
                    self._answers.append((self._now(), time.perf_counter() - begun))
        finally:
            with self._changed:
                self._reading -= 1
                self._changed.notify()

    def slow_down(self) -> None:
        """Read one at a time from now on: the host limited requests."""
        with self._changed:
            self._at_once = 1

    def _wait_for_minute(self) -> None:
        """Wait until the answers of the last minute leave time for another one."""
        with self._changed:
            now = self._now()
            while self._answers and self._answers[0][0] <= now - _MINUTE:
                self._answers.popleft()
            over = sum(seconds for _, seconds in self._answers)
            over -= self._limits.seconds_a_minute
            until = now
            for at, seconds in self._answers:
                if over < 0:
                    break
                over -= seconds
                until = at + _MINUTE
        if until > now:
            self._sleep(until - now)
