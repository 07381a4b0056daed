"""What hosts have in common that are git alone: no pull requests, no CI, no token."""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.forges.access import UNKNOWN_TO_GIT, TokenAccess
from cci_migrate.forges.extras import Extras, MissingExtra
from cci_migrate.forges.host import NewPullRequest
from cci_migrate.forges.repository import Checks, PullRequest, Snapshot
from cci_migrate.transport.host_errors import HostError


class WithoutPullRequests:
    """The part of `Host` that is about pull requests, for a host that has none."""

    #: Git names no scopes.
    token_problem = ""

    def open_pull_request(self, snapshot: Snapshot, opening: NewPullRequest) -> PullRequest:
        """Raises HostError: there are no pull requests."""
        del snapshot, opening
        raise HostError("it has no pull requests")

    def impossible_extras(self, owner: str, extras: Extras) -> tuple[MissingExtra, ...]:
        """None: there are no pull requests."""
        del owner, extras
        return ()

    def add_extras(self, snapshot: Snapshot, extras: Extras) -> tuple[MissingExtra, ...]:
        """Do nothing: there are no pull requests."""
        del snapshot, extras
        return ()

    def base_checks(self, snapshot: Snapshot) -> Checks:
        """Always NONE: there is no CI."""
        del snapshot
        return Checks.NONE

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """None: there are no pull requests."""
        del snapshot
        return iter(())

    def is_discussed(self, snapshot: Snapshot) -> bool:
        """Never: there are no pull requests."""
        del snapshot
        return False

    def comment(self, snapshot: Snapshot, text: str) -> None:
        """Raises HostError: there are no pull requests."""
        del snapshot, text
        raise HostError("there is no pull request")

    def access(self, snapshot: Snapshot) -> TokenAccess:
        """Not known: git is asked by pushing only."""
        del snapshot
        return UNKNOWN_TO_GIT
