"""The kinds of writes to a host that its limits tell apart."""

from __future__ import annotations

from enum import Enum


class WriteKind(Enum):
    """What a write does."""

    PULL_REQUEST = "pull-request"
    MERGE = "merge"
    OTHER = "other"

    @property
    def is_paced(self) -> bool:
        """Whether it starts CI and asks people to look, and so has the limits for itself."""
        return self is not WriteKind.OTHER
