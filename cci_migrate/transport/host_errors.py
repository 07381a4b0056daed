"""How a host says no, and what that means for the work that is left."""

from __future__ import annotations


class StaleSnapshot(Exception):
    """What a write did is not known, or the repository moved: look at it again and decide anew."""


class RefusedError(Exception):
    """The host does not permit it."""


class HostError(Exception):
    """The host could not do it, for this repository."""


class HostUnavailable(Exception):
    """Nothing more can be done on this host in this run: the token expired, or the wait is long.

    ``until`` is the time (seconds since 1970) at which it is worth going on, 0 if none is known.
    """

    def __init__(self, message: str, until: float = 0.0) -> None:
        super().__init__(message)
        self.until = until


class UnauthorizedError(HostUnavailable):
    """The host wants a token, or another than it got."""


class TokenError(Exception):
    """The command for the token does not give one; the text says why."""
