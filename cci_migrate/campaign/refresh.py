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
    """The recorded ``entry`` of a pull request; not ``is_read``: it could not be, as a note said.

    What was read of one that is open is the ``review`` in the entry.
    """

    entry: LedgerEntry
    is_read: bool


def refresh_pulls(session: CampaignSession) -> RefreshCounts:
    """Read and record the open pull requests; a note says why one could not be read."""
    by_host = opened_by_host(session)
    session.begin("status", by_host)
    read = 0
    for reviews, keys in by_host.items():
        try:
            for pull in read_pulls(session, reviews, keys):
                read += pull.is_read
                session.progress.done(pull.entry.done)
        except HostUnavailable as error:
            session.progress.note(str(error))
    return RefreshCounts(read, sum(map(len, by_host.values())) - read)


def opened_by_host(session: CampaignSession) -> dict[Reviews, list[str]]:
    """The keys of the included repositories with an open pull request, by their hosts."""
    opened = (
        (entry.ref, "", entry.ref.key)
        for entry in session.ledger.entries()
        if entry.has_open_pull and session.includes(entry)
    )
    grouped = group_by_host(opened, session.host_of)
    return {host.reviews: keys for host, keys in grouped.items() if isinstance(host, ReviewedHost)}


def read_pulls(
    session: CampaignSession, reviews: Reviews, keys: Sequence[str]
) -> Iterator[ReadPull]:
    """Read the pull requests of the repositories with ``keys``, and record each.

    Those that the host had not worked out yet come last, and are read twice.
    Raises HostUnavailable.
    """
    undecided = []
    for pull in _read(session, reviews, keys):
        if pull.is_read and _is_undecided(pull.entry):
            undecided.append(pull.entry.ref.key)
        else:
            yield pull
    if undecided:
        session.clock.sleep(MERGEABILITY_PAUSE)
        yield from _read(session, reviews, undecided)
    session.ledger.set({_READ_AT: str(session.clock.now())})


def _read(session: CampaignSession, reviews: Reviews, keys: Sequence[str]) -> Iterator[ReadPull]:
    for start in range(0, len(keys), CHUNK):
        recorded = map(session.ledger.entry, keys[start : start + CHUNK])
        pulls = [
            (entry, OwnPull(entry.ref, entry.pull)) for entry in recorded if entry and entry.pull
        ]
        answers = review_each(reviews, [own for _, own in pulls])
        for (entry, _), review in zip(pulls, answers, strict=True):
            if isinstance(review, Unreadable):
                session.progress.note(f"{entry.ref.label}: {review.cause}")
                yield ReadPull(entry, is_read=False)
                continue
            updated = reviewed_entry(entry, review, session.clock.now())
            if updated != entry:
                session.ledger.record(updated)
            yield ReadPull(updated, is_read=True)


def _is_undecided(entry: LedgerEntry) -> bool:
    return entry.review is not None and wait_of(entry.review, entry.base).kind is WaitsFor.HOST


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
        return replace(entry, review=None, waits_since=0.0)
    if entry.state is State.PLANNED:
        entry = entry.without_plan()
    if state is PullState.MERGED:
        ended = State.PULL_REQUEST_MERGED
    else:
        ended = State.CLOSED_BY_HUMAN if entry.undoing is None else State.CLOSED
    entry = entry.with_pull(replace(pull, state=state))
    return replace(entry, state=ended, cause=pull.url, changed_at=now, undoing=None)
