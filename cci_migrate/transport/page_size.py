"""The number of repositories in one request: halved when a host is overloaded, then increased."""

from __future__ import annotations

from cci_migrate.transport.host_patience import HostPatience

#: Others met 502s at 50 and 100 repositories with contents, and none at 30 to 40 (gato-x issue 270,
#: Sourcegraph issues 3881 and 4223).
FIRST = 40
#: Answers in a row after which a few more are asked for.
CALM = 3
STEP = 5
#: Failures with a single repository after which it is given up.
REPOSITORY_PATIENCE = 3


class PageSize:
    """The size of the next request's page. Several requests may be under way."""

    def __init__(self, first: int = FIRST) -> None:
        self.size = first
        self._first = first
        self._calm = 0
        self._patience = HostPatience()

    @property
    def is_hopeless(self) -> bool:
        """Whether to give up on the single repository of the last request."""
        failures = self._patience.failures
        return failures > 0 and failures % REPOSITORY_PATIENCE == 0

    def grow(self) -> None:
        """Record a success."""
        self._patience.record_answer()
        self._calm += 1
        if self._calm >= CALM:
            self._calm = 0
            self.size = min(self._first, self.size + STEP)

    def shrink(self, failed: int, error: Exception) -> float:
        """Record that the host was overloaded by a request for ``failed`` repositories.

        Halves the size, unless that was done since the request was sent. Returns how many seconds
        to wait. Raises HostUnavailable after too many failures with a single repository.
        """
        self._calm = 0
        if failed > 1:
            self.size = max(1, min(self.size, failed // 2))
            return 0.0
        self.size = 1
        self._patience.record_failure("the host", error)
        return 0.5 * 2.0 ** (self._patience.failures % REPOSITORY_PATIENCE)
