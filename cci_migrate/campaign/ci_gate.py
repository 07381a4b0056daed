"""Gates that CI opens: when CI counts as passed, and how long that is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from itertools import starmap

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.campaign.ci_results import CiResult
from cci_migrate.campaign.isolation import Failure
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.forges.repository import Checks, PullState
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress

#: Seconds between two requests for the state of CI.
POLL = 60.0
#: Seconds after which a pull request whose CI has not started is taken for one without CI.
START = 300.0


class Gate(Enum):
    """Whether the next writes may be made."""

    OPEN = "open"
    WAITING = "waiting"
    SHUT = "shut"


class GateVerdict(Struct, frozen=True):
    """What CI says of a gate, and why."""

    gate: Gate
    why: str = ""


class CiGate(Struct, frozen=True):
    """Waits for CI, at most ``patience`` seconds at a time.

    It ends at the ``deadline`` of the run (seconds since 1970, 0: none) all the same.
    """

    patience: float
    clock: Clock
    progress: Progress
    deadline: float = 0.0

    def state(self, judge: Callable[[], GateVerdict], left: str, skip: str) -> Gate:
        """What ``judge`` says in the end.

        A note says why, and if the gate is not open what is ``left``, and how to ``skip`` it.
        Raises HostUnavailable.
        """
        verdict = self._last_verdict(judge)
        match verdict.gate:
            case Gate.OPEN:
                self.progress.note(verdict.why)
            case Gate.SHUT:
                self.progress.note(f"stopped with {left}: {verdict.why}. Fix it, or {skip}")
            case Gate.WAITING:
                self.progress.note(f"{left}: {verdict.why}; run it again later, or {skip}")
            case _:
                assert_never(verdict.gate)
        return verdict.gate

    def _last_verdict(self, judge: Callable[[], GateVerdict]) -> GateVerdict:
        """What ``judge`` says, which is asked every minute for as long as that is WAITING."""
        until = self.clock.now() + self.patience
        if self.deadline:
            until = min(until, self.deadline)
        while True:
            verdict = judge()
            left = until - self.clock.now()
            if verdict.gate is not Gate.WAITING or left <= 0:
                return verdict
            self.progress.waiting(self.clock.now() + min(POLL, left), verdict.why)
            self.clock.sleep(min(POLL, left))


def canary_verdict(canary: Sequence[CiResult]) -> GateVerdict:
    """Whether CI passed on all pull requests of the canary."""
    first = f"{len(canary)} pull requests" if len(canary) > 1 else "pull request"
    failing = sum(result.fails_as_base for result in canary)
    but = f", but that of {failing} fails as on the base" if failing else ""
    passed = f"the CI of the first {first} passed{but}"
    if failing == len(canary):
        passed = f"the CI of the first {first} fails, as on the base"
    return _together(map(_of_canary, canary), passed)


def wave_verdict(wave: Iterable[CiResult], now: float, passed: str) -> GateVerdict:
    """Whether CI can't fail any more on the pull requests of a wave; ``passed`` says that."""
    return _together((_of_wave(result, now) for result in wave), passed)


def is_settled(result: CiResult, now: float) -> bool:
    """Whether CI can't fail any more on one pull request of a wave."""
    return _of_wave(result, now).gate is Gate.OPEN


def merges_verdict(
    bases: Iterable[tuple[LedgerEntry, Checks | Failure]], count: int
) -> GateVerdict:
    """Whether CI of each base is as it was before the first ``count`` merges."""
    return _together(
        starmap(_of_base, bases), f"CI of the base is as before after the first {count} merges"
    )


def _of_canary(result: CiResult) -> GateVerdict:
    if result.checks is Checks.FAILED or result.pull is PullState.CLOSED:
        return GateVerdict(Gate.SHUT, f"CI failed on {result.url}, or somebody closed it")
    if result.pull is PullState.MERGED or result.checks is Checks.PASSED:
        return GateVerdict(Gate.OPEN)
    return _waiting(result)


def _of_wave(result: CiResult, now: float) -> GateVerdict:
    if result.checks is Checks.FAILED:
        return GateVerdict(Gate.SHUT, f"CI failed on {result.url}, and not on its base")
    is_closed = result.pull in (PullState.MERGED, PullState.CLOSED)
    is_without_ci = result.checks is Checks.NONE and now - result.entry.changed_at >= START
    if is_closed or result.checks is Checks.PASSED:
        return GateVerdict(Gate.OPEN)
    if result.pull is PullState.OPEN and is_without_ci:
        return GateVerdict(Gate.OPEN)
    return _waiting(result)


def _waiting(result: CiResult) -> GateVerdict:
    if result.pull is None:
        return GateVerdict(Gate.WAITING, f"can't read {result.url}")
    state = "has not finished" if result.checks is Checks.PENDING else "has not started"
    return GateVerdict(Gate.WAITING, f"CI {state} on {result.url}")


def _of_base(merged: LedgerEntry, after: Checks | Failure) -> GateVerdict:
    url, before = merged.pull_url, merged.merge.base if merged.merge is not None else Checks.NONE
    if isinstance(after, Failure):
        return GateVerdict(Gate.WAITING, f"can't read CI of the base of {url}: {after.cause}")
    if after is Checks.FAILED and before is not Checks.FAILED:
        return GateVerdict(Gate.SHUT, f"CI of the base failed after {url} was merged")
    has_started = after is not Checks.NONE or before is Checks.NONE
    if after is Checks.PENDING or not has_started:
        state = "has not finished" if has_started else "has not started"
        return GateVerdict(Gate.WAITING, f"CI of the base {state} after {url} was merged")
    return GateVerdict(Gate.OPEN)


def _together(verdicts: Iterable[GateVerdict], passed: str) -> GateVerdict:
    """SHUT as soon as one is, else WAITING if one is; ``passed`` says why it is OPEN."""
    reasons = []
    for verdict in verdicts:
        if verdict.gate is Gate.SHUT:
            return verdict
        if verdict.gate is Gate.WAITING:
            reasons.append(verdict.why)
    if reasons:
        more = f", and {len(reasons) - 1} more" if reasons[1:] else ""
        return GateVerdict(Gate.WAITING, f"{reasons[0]}{more}")
    return GateVerdict(Gate.OPEN, passed)
