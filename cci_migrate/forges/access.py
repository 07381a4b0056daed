"""What a token may do in a repository, as its host says without being written to."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class TokenAccess(Struct, frozen=True):
    """Whether the token may push a branch and open a pull request. None: the host does not say.

    ``problems`` say what is missing or unknown, and what to do.
    """

    may_push: bool | None = None
    may_open: bool | None = None
    problems: tuple[str, ...] = ()

    @property
    def is_sufficient(self) -> bool | None:
        """Whether a change can be delivered; None if that is not known."""
        return both(self.may_push, self.may_open)


def both(first: bool | None, second: bool | None) -> bool | None:
    """Whether two conditions hold, each of which may be unknown."""
    if first is False or second is False:
        return False
    return True if first and second else None


def lacking_scope(scopes: Iterable[str]) -> str:
    """What to do about a token without one of ``scopes``."""
    return f"the token lacks the scope {' or '.join(scopes)}; make one that has it"


#: Git has no question that tells whether a push would be accepted.
UNKNOWN_TO_GIT = TokenAccess(problems=("git can't be asked without pushing",))
