"""Planning many repositories: the computing goes to all cores, reading and recording do not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.campaign.planning import RepositoryPlan, plan_repository
from cci_migrate.findings import APPLY_ALL
from cci_migrate.forges.faults import described
from cci_migrate.forges.fetched_files import ROUNDS
from cci_migrate.forges.repository import Snapshot
from cci_migrate.policy.model import Policy
from cci_migrate.transport.errors import HostUnavailable
from cci_migrate.workers.pool import Lost, Workers
from cci_migrate.workers.work_limits import CAN_INTERRUPT, WorkLimits

#: From here on processes pay for their start.
WORKERS_FROM = 100
#: From how many bytes of config on a repository is worth a process in any case: there alone all
#: limits hold whatever the parsers in C do.
SMALL = 100_000

Fetch = Callable[[Snapshot, tuple[str, ...]], Mapping[str, bytes | None]]


class Planned(Struct, frozen=True):
    """A snapshot and what came of it. ``error`` is set when planning itself broke."""

    snapshot: Snapshot
    plan: RepositoryPlan | None
    error: str = ""


class _Request(Struct, frozen=True):
    """A repository to be planned, as a worker gets it: ``others`` were fetched in ``rounds``."""

    snapshot: Snapshot
    others: Mapping[str, bytes | None] = field(default_factory=dict)
    rounds: int = 0


class Planner:
    """Plans snapshots as they come, in processes once there are many."""

    def __init__(self, policy: Policy, limits: WorkLimits, jobs: int) -> None:
        self._limits = limits
        self._jobs = jobs
        self._work = partial(_plan, policy=policy, limits=limits)
        # Not fork: it copies the locks of this process's threads as they happen to be.
        self._workers: Workers[_Request, RepositoryPlan] = Workers(
            self._work, jobs, limits, configs_in=_configs_in, start_method="spawn"
        )
        self._seen = 0

    def plan(self, snapshots: Iterable[Snapshot], fetch: Fetch) -> Iterator[Planned]:
        """Each of ``snapshots`` with its plan, in any order.

        Takes only a few more from ``snapshots`` than there are cores, so memory does not grow
        with the number of repositories.
        """
        for snapshot in snapshots:
            self._seen += 1
            is_many = self._jobs > 1 and self._seen > WORKERS_FROM
            if is_many or not _is_small(snapshot):
                self._workers.submit(_Request(snapshot))
                if self._workers.pending >= 8 * self._jobs:
                    yield from self._collected(fetch)
            else:
                yield self._here(snapshot, fetch)
        while self._workers.pending:
            yield from self._collected(fetch)

    def plan_one(self, snapshot: Snapshot, fetch: Fetch) -> Planned:
        """The plan of one repository."""
        (planned,) = self.plan([snapshot], fetch)
        return planned

    def close(self) -> None:
        """End the processes."""
        self._workers.close()

    def _here(self, snapshot: Snapshot, fetch: Fetch) -> Planned:
        request = _Request(snapshot)
        while True:
            outcome = self._next(request, self._work(request), fetch)
            if isinstance(outcome, Planned):
                return outcome
            request = outcome

    def _collected(self, fetch: Fetch) -> Iterator[Planned]:
        for request, result in self._workers.collect():
            if isinstance(result, Lost):
                yield Planned(request.snapshot, None, self._why_lost(result))
                continue
            outcome = self._next(request, result, fetch)
            if isinstance(outcome, Planned):
                yield outcome
            else:
                self._workers.submit(outcome)

    def _next(self, request: _Request, plan: RepositoryPlan, fetch: Fetch) -> Planned | _Request:
        """The plan, or what is to be planned again with the files that it turned out to need."""
        snapshot = request.snapshot
        if not plan.wanted or request.rounds == ROUNDS:
            return Planned(snapshot, plan)
        try:
            found = fetch(snapshot, plan.wanted)
        except HostUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one repository never stops the others
            return Planned(snapshot, None, described(error))
        fetched = {path: found.get(path) for path in plan.wanted}
        return replace(request, others={**request.others, **fetched}, rounds=request.rounds + 1)

    def _why_lost(self, lost: Lost) -> str:
        return self._limits.took_too_long(()).problem if lost.is_late else lost.problem


@contextmanager
def planner(policy: Policy, limits: WorkLimits, jobs: int | None = None) -> Iterator[Planner]:
    """A planner with ``jobs`` processes (None: one a core)."""
    made = Planner(policy, limits, jobs or os.cpu_count() or 1)
    try:
        yield made
    finally:
        made.close()


def _plan(request: _Request, policy: Policy, limits: WorkLimits) -> RepositoryPlan:
    snapshot = request.snapshot
    return plan_repository(
        snapshot.files, policy, APPLY_ALL, request.others, limits, snapshot.problems
    )


def _configs_in(request: _Request) -> int:
    return len(request.snapshot.files)


def _is_small(snapshot: Snapshot) -> bool:
    return CAN_INTERRUPT and sum(map(len, snapshot.files.values())) <= SMALL
