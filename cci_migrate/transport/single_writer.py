"""Locks a host: campaigns of one user on one machine don't write to it at the same time.

GitHub asks for requests one after the other, not at once
(https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from cci_migrate.transport.host_errors import HostInUse, HostUnavailable
from cci_migrate.transport.write_record import state_path


class SingleWriter:
    """A lock on one host, from `take` to `release` or the end of the process."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._lock = FileLock(state_path(host, ".lock"), timeout=0, mode=0o600, thread_local=False)

    def take(self) -> None:
        """Take the lock.

        Raises HostInUse if another process has it, and HostUnavailable if its file can't be made.
        """
        if self._lock.is_locked:
            return
        folder = Path(self._lock.lock_file).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise HostInUse(
                f"{self._host}: another campaign is writing there; run this one again later"
            ) from None
        except OSError as error:
            raise HostUnavailable(
                f"{folder}: can't write the lock for {self._host}: "
                f"{error.strerror or error}; set XDG_STATE_HOME to a writable folder"
            ) from None

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()
