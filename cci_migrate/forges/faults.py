"""What went wrong with one repository, in a line that quotes nothing of it."""

from __future__ import annotations

import sqlite3

from cci_migrate.escaping.error_place import place_of
from cci_migrate.transport.git.process import GitError
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    RefusedError,
    StaleSnapshot,
)

#: What is no matter of one repository: the host hears no more, or the pace cannot be recorded.
FATAL_ERRORS = (HostUnavailable, sqlite3.Error)
#: These say what failed themselves.
_TOLD = (GitError, HostError, StaleSnapshot, RefusedError)


def described(error: Exception) -> str:
    """What is to be recorded of ``error``.

    Of one of our own mistakes that is its place: its text may quote the config.
    """
    if isinstance(error, _TOLD):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"internal error, please report it: {place_of(error)}"
