"""Planning many repositories on all cores; one process reads and records them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from msgspec import Struct, field

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.repository_plan import RepositoryPlan, plan_repository
from cci_migrate.findings import APPLY_ALL
from cci_migrate.forges.fetched_files import FurtherFiles
from cci_migrate.forges.repository import Snapshot
from cci_migrate.forges.repository_errors import describe_error
from cci_migrate.policy.settings import Policy
from cci_migrate.transport.host_errors import HostUnavailable
from cci_migrate.workers.limited_work import CAN_INTERRUPT, took_too_long
from cci_migrate.workers.pool import Lost, Workers

#: The number of repositories from which starting processes pays off.
WORKERS_FROM = 100
#: A repository with more bytes of config is always planned in a process: only there do all limits
#: hold, whatever the C parsers do.
SMALL = 100_000

Fetch = Callable[[Snapshot, tuple[str, ...]], Mapping[str, bytes | None]]


class PlanResult(Struct, frozen=True):
    """A snapshot and its plan, or the ``error`` with which planning failed.

    ``others`` are the further files of the repository that were fetched for it.
    """

    snapshot: Snapshot
    plan: RepositoryPlan | None
    error: str = ""
    others: Mapping[str, bytes | None] = field(default_factory=dict)


class _Request(Struct, frozen=True):
    """The input of a worker: a repository, and further files of it."""

    snapshot: Snapshot
    further: FurtherFiles = FurtherFiles()


class Planner:
    """Plans snapshots as they arrive, in processes once there are many.

    ``jobs`` is the number of processes.
    """

    def __init__(self, policy: Policy, limits: WorkLimits, jobs: int) -> None:
        self._limits = limits
        self._jobs = jobs
        self._work = partial(_plan, policy=policy, limits=limits)
        # Not fork: it copies the locks of this process's threads as they happen to be.
        self._workers: Workers[_Request, RepositoryPlan] = Workers(
            self._work, jobs, limits, configs_in=_configs_in, start_method="spawn"
        )
        self._submitted = 0

    def plan_all(self, snapshots: Iterable[Snapshot], fetch: Fetch) -> Iterator[PlanResult]:
        """The plan of each of ``snapshots``, in any order.

        ``fetch`` reads further files of a repository. Only a few more snapshots than there are
        processes are in memory at a time. Raises HostUnavailable.
        """
        for snapshot in snapshots:
            self._submitted += 1
            is_many = self._jobs > 1 and self._submitted > WORKERS_FROM
            if is_many or not _is_small(snapshot):
                self._workers.submit(_Request(snapshot))
                if self._workers.pending >= 8 * self._jobs:
                    yield from self._collect(fetch)
            else:
                yield self._plan_in_process(snapshot, fetch)
        while self._workers.pending:
            yield from self._collect(fetch)

    def plan_one(self, snapshot: Snapshot, fetch: Fetch) -> PlanResult:
        """The plan of one repository. Raises HostUnavailable."""
        (planned,) = self.plan_all([snapshot], fetch)
        return planned

    def close(self) -> None:
        """Stop the processes."""
        self._workers.close()

    def _plan_in_process(self, snapshot: Snapshot, fetch: Fetch) -> PlanResult:
        request = _Request(snapshot)
        while True:
            outcome = self._next(request, self._work(request), fetch)
            if isinstance(outcome, PlanResult):
                return outcome
            request = outcome

    def _collect(self, fetch: Fetch) -> Iterator[PlanResult]:
        for request, result in self._workers.collect():
            if isinstance(result, Lost):
                yield PlanResult(request.snapshot, None, self._why_lost(result))
                continue
            outcome = self._next(request, result, fetch)
            if isinstance(outcome, PlanResult):
                yield outcome
            else:
                self._workers.submit(outcome)

    def _next(self, request: _Request, plan: RepositoryPlan, fetch: Fetch) -> PlanResult | _Request:
        """The result, or the request to plan again with the files that ``plan`` lacked."""
        snapshot = request.snapshot
        try:
            further = request.further.with_missing(plan.missing_files, partial(fetch, snapshot))
        except HostUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the other repositories go on
            return PlanResult(snapshot, None, describe_error(error))
        if further is None:
            return PlanResult(snapshot, plan, others=request.further.files)
        return _Request(snapshot, further)

    def _why_lost(self, lost: Lost) -> str:
        return took_too_long(self._limits, ()).problem if lost.is_late else lost.problem


@contextmanager
def planner(policy: Policy, limits: WorkLimits, jobs: int | None = None) -> Iterator[Planner]:
    """A planner with ``jobs`` processes (None: as many as cores), stopped at the end."""
    change_planner = Planner(policy, limits, jobs or os.cpu_count() or 1)
    try:
        yield change_planner
    finally:
        change_planner.close()


def _plan(request: _Request, policy: Policy, limits: WorkLimits) -> RepositoryPlan:
    snapshot = request.snapshot
    return plan_repository(
        snapshot.files, policy, APPLY_ALL, request.further.files, limits, snapshot.problems
    )


def _configs_in(request: _Request) -> int:
    return len(request.snapshot.files)


def _is_small(snapshot: Snapshot) -> bool:
    return CAN_INTERRUPT and sum(map(len, snapshot.files.values())) <= SMALL
