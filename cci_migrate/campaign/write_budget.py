"""How much a run may still write: so many changes, and until when."""

from __future__ import annotations

from cci_migrate.transport.pace import Clock


class WriteBudget:
    """``limit`` changes (None: any number) until ``deadline`` (seconds since 1970; 0: none)."""

    def __init__(self, limit: int | None, deadline: float, clock: Clock) -> None:
        self.left = limit
        self._deadline = deadline
        self._clock = clock

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be written."""
        is_late = bool(self._deadline) and self._clock.now() >= self._deadline
        return is_late or self.left == 0

    def spend(self) -> None:
        """Count one change."""
        if self.left:
            self.left -= 1
