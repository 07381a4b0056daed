"""How many failures of a host in a row are put up with before it is given up."""

from __future__ import annotations

from cci_migrate.transport.host_errors import HostUnavailable

#: Failures in a row, each after several attempts, after which a host is taken to be down.
HOST_PATIENCE = 9


class HostPatience:
    """Counts the ``failures`` of a host in a row."""

    def __init__(self) -> None:
        self.failures = 0

    def record_answer(self) -> None:
        """The host answered."""
        self.failures = 0

    def record_failure(self, host: str, error: Exception) -> None:
        """``host`` did not answer. Raises HostUnavailable after too many times in a row."""
        self.failures += 1
        if self.failures >= HOST_PATIENCE:
            message = f"{host} does not answer ({error}); run it again later"
            raise HostUnavailable(message) from None
