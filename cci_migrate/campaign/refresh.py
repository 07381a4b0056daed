"""Reads the campaign's open pull requests from their hosts, and records what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.host_groups import group_by_host
from cci_migrate.campaign.isolation import review_each
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.ownership import is_replaced
from cci_migrate.campaign.pull_request_waits import WaitsFor, wait_of
from cci_migrate.campaign.states import State
from cci_migrate.forges.pull_request_reviews import (
    OwnPull,
    PullRequestReview,
    ReviewedHost,
    Reviews,
)
from cci_migrate.forges.repository import PullState, Unreadable
from cci_migrate.transport.host_errors import HostUnavailable

#: Pull requests read together, in as few requests as their host needs.
CHUNK = 200
#: Seconds after which a host is asked again that had not worked out yet what can be merged: it
#: begins that when it is asked
#: (https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-your-git-database#checking-mergeability-of-pull-requests).
MERGEABILITY_PAUSE = 5.0


_READ_AT = "refreshed"


def read_at(ledger: Ledger) -> float:
    """When the open pull requests were last read, in seconds since 1970; 0 if they never were."""
    return float(ledger.setting(_READ_AT) or 0)


class RefreshCounts(Struct, frozen=True):
    """How many pull requests were ``read``, and how many could not be."""

    read: int
    unread: int


class ReadPull(Struct, frozen=True):
    """The recorded ``entry`` of a pull request that was just read.

    ``review`` None: it could not be read, as a note said.
    """

    entry: LedgerEntry
    review: PullRequestReview | None


class Refresh(Struct, frozen=True):
    """The open pull requests of a campaign, in the repositories that the session includes."""

    session: CampaignSession

    def run(self) -> RefreshCounts:
        """Read and record all of them; a note says why one could not be read."""
        by_host = self.keys_by_host()
        self.session.begin("status", by_host)
        read = 0
        for reviews, keys in by_host.items():
            try:
                for pull in self.read(reviews, keys):
                    read += pull.review is not None
                    self.session.progress.done(pull.entry.done)
            except HostUnavailable as error:
                self.session.progress.note(str(error))
        return RefreshCounts(read, sum(map(len, by_host.values())) - read)

    def keys_by_host(self) -> dict[Reviews, list[str]]:
        """The keys of the repositories with an open pull request, by their hosts."""
        keys_of_opened = (
            (entry.ref, "", entry.ref.key)
            for entry in self.session.ledger.entries()
            if entry.has_open_pull and self.session.includes(entry)
        )
        grouped = group_by_host(keys_of_opened, self.session.host_of)
        return {
            host.reviews: keys for host, keys in grouped.items() if isinstance(host, ReviewedHost)
        }

    def read(self, reviews: Reviews, keys: Sequence[str]) -> Iterator[ReadPull]:
        """Read the pull requests of the repositories with ``keys``, and record each.

        Those that the host had not worked out yet come last, and are read twice.
        Raises HostUnavailable.
        """
        undecided = []
        for pull in self._read(reviews, keys):
            if pull.review is not None and _is_undecided(pull.review, pull.entry.base):
                undecided.append(pull.entry.ref.key)
            else:
                yield pull
        if undecided:
            self.session.clock.sleep(MERGEABILITY_PAUSE)
            yield from self._read(reviews, undecided)
        self.session.ledger.set({_READ_AT: str(self.session.clock.now())})

    def _read(self, reviews: Reviews, keys: Sequence[str]) -> Iterator[ReadPull]:
        for start in range(0, len(keys), CHUNK):
            entries = [
                entry
                for key in keys[start : start + CHUNK]
                if (entry := self.session.ledger.entry(key)) is not None and entry.pull is not None
            ]
            pulls = [OwnPull(entry.ref, entry.pull) for entry in entries if entry.pull is not None]
            for entry, review in zip(entries, review_each(reviews, pulls), strict=True):
                if isinstance(review, Unreadable):
                    self.session.progress.note(f"{entry.ref.label}: {review.cause}")
                    yield ReadPull(entry, None)
                else:
                    yield ReadPull(self._record(entry, review), review)

    def _record(self, entry: LedgerEntry, review: PullRequestReview) -> LedgerEntry:
        updated = reviewed_entry(entry, review, self.session.clock.now())
        if updated != entry:
            self.session.ledger.record(updated)
        return updated


def _is_undecided(review: PullRequestReview, base: str) -> bool:
    return review.state is PullState.OPEN and wait_of(review, base).kind is WaitsFor.HOST


def reviewed_entry(entry: LedgerEntry, review: PullRequestReview, now: float) -> LedgerEntry:
    """``entry``, whose pull request is now as ``review`` shows."""
    if entry.pull is None:
        return entry
    if review.state is not PullState.OPEN:
        ended = ended_entry(entry, review.state, now)
        if ended.state is State.PULL_REQUEST_MERGED and review.base != entry.base:
            cause = f"{entry.pull.url} is merged into {review.base}, not into {entry.base}"
            return replace(ended, state=State.NEEDS_DECISION, cause=cause)
        return ended
    kind = wait_of(review, entry.base).kind
    since = entry.waits_since
    if entry.review is None:
        since = review.created_at if kind is WaitsFor.REVIEW else review.updated_at
    elif wait_of(entry.review, entry.base).kind is not kind:
        since = now
    return replace(entry, review=review, waits_since=since)


def ended_entry(entry: LedgerEntry, state: PullState, now: float) -> LedgerEntry:
    """``entry``, whose pull request is merged or closed."""
    pull = entry.pull
    if pull is None or is_replaced(replace(pull, state=state), entry):
        return entry
    if entry.state is State.PLANNED:
        entry = entry.without_plan()
    if state is PullState.MERGED:
        ended = State.PULL_REQUEST_MERGED
    else:
        ended = State.CLOSED_BY_HUMAN if entry.undoing is None else State.CLOSED
    entry = entry.with_pull(replace(pull, state=state))
    return replace(entry, state=ended, cause=pull.url, changed_at=now, undoing=None)
