"""How much a run may still write: so many changes, and until when."""

from __future__ import annotations

from msgspec import Struct

from cci_migrate.transport.pace import Clock


class WriteBudget(Struct):
    """``left`` changes (None: any number) until ``deadline`` (seconds since 1970; 0: none)."""

    left: int | None
    deadline: float
    clock: Clock

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be written."""
        is_late = bool(self.deadline) and self.clock.now() >= self.deadline
        return is_late or self.left == 0

    def spend(self) -> None:
        """Count one change."""
        if self.left:
            self.left -= 1
