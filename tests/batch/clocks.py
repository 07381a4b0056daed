"""A clock that does not keep one waiting."""

from __future__ import annotations

import time


class QuickClock:
    """The real time, and what was slept through at once. ``slept`` lists the naps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Be later at once."""
        self.slept.append(seconds)
