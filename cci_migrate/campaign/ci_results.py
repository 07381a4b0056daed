"""The CI of the campaign's pull requests and of their bases, read from their hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from cci_migrate.campaign.host_groups import group_by_host
from cci_migrate.campaign.isolation import Failure, attempt, review_each
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.forges.host import Host
from cci_migrate.forges.pull_request_reviews import (
    OwnPull,
    PullRequestReview,
    ReviewedHost,
    Reviews,
)
from cci_migrate.forges.repository import Checks, PullRequest, PullState, RepositoryRef, Unreadable


class CiResult(Struct, frozen=True):
    """The CI of a pull request. ``pull`` is its state; None if it could not be read.

    ``fails_as_base``: it fails, and ``checks`` is PASSED as its base fails too.
    """

    entry: LedgerEntry
    pull: PullState | None
    checks: Checks = Checks.NONE
    fails_as_base: bool = False

    @property
    def url(self) -> str:
        """The address of the pull request."""
        return self.entry.pull_url or self.entry.ref.label


def read_ci(
    entries: Iterable[LedgerEntry], host_of: Callable[[RepositoryRef, str], Host]
) -> Iterator[CiResult]:
    """The CI of the pull requests of ``entries``; of closed and merged ones only the state.

    A failure that the base has too does not count (see `Checks.beside`). Raises HostUnavailable.
    """
    for reviews, entry, pull, review in _reviewed(entries, host_of):
        if review is None:
            yield CiResult(entry, None)
        elif review.state is PullState.OPEN:
            checks = _beside_base(reviews, OwnPull(entry.ref, pull), review)
            fails_as_base = checks is Checks.PASSED and review.checks is Checks.FAILED
            yield CiResult(entry, review.state, checks, fails_as_base)
        else:
            yield CiResult(entry, review.state)


def still_open(
    entries: Iterable[LedgerEntry], host_of: Callable[[RepositoryRef, str], Host]
) -> Iterator[LedgerEntry]:
    """Those of ``entries`` whose pull requests are open, or can't be read.

    Raises HostUnavailable.
    """
    for _, entry, _, review in _reviewed(entries, host_of):
        if review is None or review.state is PullState.OPEN:
            yield entry


def read_bases(
    reviews: Reviews, merged: Iterable[LedgerEntry]
) -> Iterator[tuple[LedgerEntry, Checks | Failure]]:
    """The CI of the bases of ``merged`` pull requests, all on one host. Raises HostUnavailable."""
    for entry in merged:
        if entry.pull is not None:
            yield entry, attempt(reviews.base_checks, OwnPull(entry.ref, entry.pull))


def _reviewed(
    entries: Iterable[LedgerEntry], host_of: Callable[[RepositoryRef, str], Host]
) -> Iterator[tuple[Reviews, LedgerEntry, PullRequest, PullRequestReview | None]]:
    """The pull request of each of ``entries`` as it is now; None if it can't be read."""
    opened = [(entry, entry.pull) for entry in entries if entry.pull is not None]
    items = ((entry.ref, "", (entry, pull)) for entry, pull in opened)
    for host, pulls in group_by_host(items, host_of).items():
        if not isinstance(host, ReviewedHost):
            continue
        reviews = host.reviews
        own = [OwnPull(entry.ref, pull) for entry, pull in pulls]
        for (entry, pull), review in zip(pulls, review_each(reviews, own), strict=True):
            yield reviews, entry, pull, None if isinstance(review, Unreadable) else review


def _beside_base(reviews: Reviews, own: OwnPull, review: PullRequestReview) -> Checks:
    """The result of CI for the change alone; PENDING if that of the base can't be read."""
    checks = attempt(review.checks.beside, lambda: reviews.base_checks(own))
    return Checks.PENDING if isinstance(checks, Failure) else checks
