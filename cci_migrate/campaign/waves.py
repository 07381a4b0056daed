"""Waves: after the canary, so many pull requests at a time, while no CI turns red.

The ledger records the wave of each pull request, so that a later run goes on with the last one.
"""

from __future__ import annotations

from msgspec import Struct

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.ci_gate import CiGate, Gate, GateVerdict, is_settled, wave_verdict
from cci_migrate.campaign.ci_results import read_ci, still_open
from cci_migrate.campaign.states import OPENED, PENDING, TRIED_AGAIN, State
from cci_migrate.forges.repository import Kind, RepositoryRef
from cci_migrate.wording import counted

#: The states in which there may be an open pull request that is to be brought up to date.
_TO_UPDATE = (PENDING | TRIED_AGAIN) - OPENED


class WaveLimits(Struct, frozen=True):
    """``size``: pull requests of a wave; ``most_open``: of the campaign at a time. 0: no limit."""

    size: int = 0
    most_open: int = 0


class _Wave(Struct):
    """The current wave of a host, by the keys of its repositories; ``settled``: CI is not red."""

    number: int
    keys: list[str]
    settled: set[str]


class Waves:
    """The waves of a campaign; each host has its own."""

    def __init__(self, limits: WaveLimits, ci_gate: CiGate, session: CampaignSession) -> None:
        self._limits = limits
        self._ci_gate = ci_gate
        self._session = session
        self._waves: dict[tuple[Kind, str], _Wave] = {}
        #: The pull requests that the ledger has as open, and that were merged or closed.
        self._ended: set[str] = set()

    def joined(self, state: State, ref: RepositoryRef) -> int:
        """The number of the wave that ``ref`` joins, which just reached ``state``; 0: none."""
        if not self._limits.size or state not in OPENED:
            return 0
        wave = self._current(ref)
        if ref.key not in wave.keys:
            wave.keys.append(ref.key)
        return wave.number

    def gate(self, ref: RepositoryRef, waiting: int) -> Gate:
        """Whether the next of ``waiting`` pull requests on the host of ``ref`` may be opened now.

        Waits for the CI of the wave, at most for the user's patience. Raises HostUnavailable.
        """
        entry = self._session.ledger.entry(ref.key)
        is_update = entry is not None and entry.has_open_pull
        if self._limits.most_open and not is_update and not self._has_room():
            self._session.progress.note(
                f"stopped with {waiting} left: {self._limits.most_open} pull requests are open "
                "(--max-open). Merge or close some, then run it again"
            )
            return Gate.SHUT
        if not self._limits.size:
            return Gate.OPEN
        wave = self._current(ref)
        if len(wave.keys) < self._limits.size:
            return Gate.OPEN
        gate = self._ci_gate.state(
            lambda: self._verdict(wave), f"{waiting} left", "continue without --wave"
        )
        if gate is Gate.OPEN:
            self._waves[ref.server] = _Wave(wave.number + 1, [], set())
        return gate

    def _current(self, ref: RepositoryRef) -> _Wave:
        """The last wave that the ledger has of the host of ``ref``, or the first."""
        if ref.server not in self._waves:
            recorded = [
                (entry.wave, entry.ref.key)
                for entry in self._session.ledger.entries()
                if entry.wave and entry.ref.server == ref.server
            ]
            last = max((number for number, _ in recorded), default=1)
            keys = [key for number, key in recorded if number == last]
            self._waves[ref.server] = _Wave(last, keys, set())
        return self._waves[ref.server]

    def _verdict(self, wave: _Wave) -> GateVerdict:
        undecided = (
            self._session.ledger.entry(key) for key in wave.keys if key not in wave.settled
        )
        entries = [entry for entry in undecided if entry is not None]
        results = list(read_ci(entries, self._session.host_of))
        now = self._session.clock.now()
        wave.settled |= {result.entry.ref.key for result in results if is_settled(result, now)}
        size = counted(len(wave.keys), "pull request")
        passed = f"no CI failed in wave {wave.number} ({size}); wave {wave.number + 1} begins"
        return wave_verdict(results, now, passed)

    def _has_room(self) -> bool:
        if self._count_open() < self._limits.most_open:
            return True
        opened = list(self._session.ledger.entries(OPENED))
        self._ended = {entry.ref.key for entry in opened}
        self._ended -= {entry.ref.key for entry in still_open(opened, self._session.host_of)}
        return self._count_open() < self._limits.most_open

    def _count_open(self) -> int:
        counts = self._session.ledger.counts()
        updates = sum(entry.has_open_pull for entry in self._session.ledger.entries(_TO_UPDATE))
        return sum(counts[state] for state in OPENED) + updates - len(self._ended)
