"""Repeating what reads the campaign's pull requests, at a pace that hosts bear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum

from msgspec import Struct

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.pull_request_waits import WaitingPull, longest_first
from cci_migrate.transport.pace import Clock

#: Seconds between two passes, at least.
LEAST_PAUSE = 60.0
#: The pause after a pass is so many times as long as the pass: a tenth of the time is spent asking.
PAUSE_FACTOR = 9
#: Passes in a row that read nothing, after which it is given up.
PATIENCE = 3


class Pass(Enum):
    """What came of one pass.

    STOPPED: another one is of no use. INCOMPLETE: it read only some. FAILED: it read nothing.
    """

    DONE = "done"
    STOPPED = "stopped"
    LEFT = "left"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


def repeat(
    one_pass: Callable[[], Pass],
    clock: Clock,
    deadline: float,
    announce: Callable[[float], None],
) -> Pass:
    """Repeat ``one_pass`` until it is done, stopped, or fails three times in a row.

    Returns what the last came to. Ends before ``deadline`` (seconds since 1970; 0: none).
    ``announce`` gets the time at which the next one begins.
    """
    failures = 0
    while True:
        started_at = clock.now()
        result = one_pass()
        failures = failures + 1 if result is Pass.FAILED else 0
        if result in (Pass.DONE, Pass.STOPPED) or failures >= PATIENCE:
            return result
        now = clock.now()
        pause = max(LEAST_PAUSE, PAUSE_FACTOR * (now - started_at))
        if deadline and now + pause >= deadline:
            return result
        announce(now + pause)
        clock.sleep(pause)


class WatchedPulls(Struct, frozen=True):
    """The pull requests after a pass: the ``open`` ones, the longest waiting first.

    ``states`` are those of all repositories with a pull request, by key.
    """

    open: tuple[WaitingPull, ...]
    states: Mapping[str, str]


def watched_pulls(session: CampaignSession) -> WatchedPulls:
    """The pull requests in the included repositories, as the ledger records them."""
    entries = [
        entry
        for entry in filter(session.includes, session.ledger.entries())
        if entry.pull is not None
    ]
    states = {entry.ref.key: entry.state.value for entry in entries}
    return WatchedPulls(tuple(longest_first(entries)), states)


def changes(before: WatchedPulls, after: WatchedPulls) -> Iterator[str]:
    """The pull requests that wait for something else than before, or for nothing any more."""
    earlier = {pull.key: pull for pull in before.open}
    still_open = {pull.key for pull in after.open}
    for pull in before.open:
        if pull.key not in still_open:
            yield f"{pull.name}: {after.states.get(pull.key, 'no longer open')}"
    for pull in after.open:
        recorded = earlier.get(pull.key)
        if recorded is None:
            yield f"{pull.name}: waits for {pull.wait.text}"
        elif recorded.wait != pull.wait:
            yield f"{pull.name}: waits for {pull.wait.text} (before: {recorded.wait.text})"
