"""Errors of a host, by what they mean for the rest of the work."""

from __future__ import annotations

from cci_migrate.error_kinds import OutsideError, UserError


class StaleSnapshot(Exception):
    """A write's effect is unknown, or the repository changed: read it and decide again."""


class RefusedError(Exception):
    """The host refuses permission."""


class OverloadedError(Exception):
    """The host failed to answer in time: ask again, or for less."""


class HostError(Exception):
    """The host failed to do it, for this repository; ``code`` is its own for the reason, if any."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class HostUnavailable(OutsideError):
    """The host can't be used in this run any more: the token expired, or the wait is too long.

    ``until`` is the time (seconds since 1970) at which to go on, 0 if unknown.
    """

    def __init__(self, message: str, until: float = 0.0) -> None:
        super().__init__(message)
        self.until = until

    @property
    def is_limit(self) -> bool:
        """Whether nothing is wrong: a later run goes on."""
        return bool(self.until)


class HostInUse(HostUnavailable):
    """Another process of this user writes to the host; it is free again when that ends."""

    @property
    def is_limit(self) -> bool:
        """Always: running it again later is enough."""
        return True


class UnauthorizedError(HostUnavailable):
    """The host wants a token, or another than it got."""


class TokenError(UserError):
    """The token command failed; the message says why."""
