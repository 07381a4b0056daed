"""Errors in one repository, described in a line that quotes none of its content."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from cci_migrate.escaping.error_place import place_of
from cci_migrate.transport.git.process import GitError
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    OverloadedError,
    RefusedError,
    StaleSnapshot,
)

#: Errors that end the run: the host is unavailable, or the pace cannot be recorded.
FATAL_ERRORS = (HostUnavailable, sqlite3.Error)
#: Errors whose own texts say what failed.
_SELF_EXPLANATORY = (GitError, HostError, StaleSnapshot, RefusedError)


def describe_error(error: Exception) -> str:
    """The description of ``error`` that is recorded.

    An internal error is described by its place, since its text may quote the config.
    """
    if isinstance(error, _SELF_EXPLANATORY):
        return str(error)
    if isinstance(error, OverloadedError):
        return f"the host does not answer ({error})"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"internal error, please report it: {place_of(error)}"


@contextmanager
def git_errors_of_host() -> Iterator[None]:
    """Turn a GitError of the block, or of the decorated method of a host, into a HostError."""
    try:
        yield
    except GitError as error:
        raise HostError(str(error)) from None
