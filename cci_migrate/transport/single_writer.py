"""One writer a host: campaigns of one user on one machine do not write to a host at the same time.

GitHub asks for requests one after the other, not at once
(https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
"""

from __future__ import annotations

import fcntl
import os

from cci_migrate.transport.errors import LaneClosedError
from cci_migrate.transport.write_record import state_path


class SingleWriter:
    """The right to write to one host. Held from `take` to `release`, or to the process's end."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._handle: int | None = None

    def take(self) -> None:
        """Raises LaneClosedError while another process has it."""
        if self._handle is not None:
            return
        path = state_path(self._host, ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LaneClosedError(
                f"{path.parent}: cannot be written, and it tells who writes to {self._host}: "
                f"{error.strerror}; set XDG_STATE_HOME to a folder of yours"
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise LaneClosedError(
                f"{self._host}: another campaign of yours is writing there; run it again after that"
            ) from None
        self._handle = handle

    def release(self) -> None:
        """Let others write."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
