"""Planning many repositories on all cores; one process reads and records them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from msgspec import Struct, field

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.repository_plan import RepositoryPlan, plan_repository
from cci_migrate.findings import APPLY_ALL
from cci_migrate.forges.fetched_files import FurtherFiles
from cci_migrate.forges.host import WantedFiles
from cci_migrate.forges.repository import Snapshot
from cci_migrate.policy.settings import Policy
from cci_migrate.workers.limited_work import CAN_INTERRUPT, took_too_long
from cci_migrate.workers.pool import Lost, Workers

#: The number of repositories from which starting processes pays off.
WORKERS_FROM = 100
#: A repository with more bytes of config is always planned in a process: only there do all limits
#: hold, whatever the C parsers do.
SMALL = 100_000

#: Repositories whose further files are fetched together.
FETCHED_TOGETHER = 40

#: Reads files of several repositories: what was read, or why it was not, by the repository's key.
ReadEach = Callable[[Sequence[WantedFiles]], Mapping[str, Mapping[str, bytes | None] | str]]


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
        #: The requests that lack files, with these.
        self._lacking: list[tuple[_Request, tuple[str, ...]]] = []

    def plan_all(self, snapshots: Iterable[Snapshot], read_each: ReadEach) -> Iterator[PlanResult]:
        """The plan of each of ``snapshots``, in any order.

        ``read_each`` reads further files of repositories. Only a few more snapshots than there are
        processes, and those that lack files, are in memory at a time. Raises HostUnavailable.
        """
        for snapshot in snapshots:
            self._submitted += 1
            yield from self._plan(_Request(snapshot))
            if len(self._lacking) >= FETCHED_TOGETHER:
                yield from self._fetch(read_each)
        while self._workers.pending or self._lacking:
            if self._workers.pending:
                yield from self._collect()
            else:
                yield from self._fetch(read_each)

    def plan_one(self, snapshot: Snapshot, read_each: ReadEach) -> PlanResult:
        """The plan of one repository. Raises HostUnavailable."""
        (planned,) = self.plan_all([snapshot], read_each)
        return planned

    def close(self) -> None:
        """Stop the processes."""
        self._workers.close()

    def _plan(self, request: _Request) -> Iterator[PlanResult]:
        """Plan ``request`` here, or in a process, whose results are collected now and then."""
        is_many = self._jobs > 1 and self._submitted > WORKERS_FROM
        if is_many or not _is_small(request.snapshot):
            self._workers.submit(request)
            if self._workers.pending >= 8 * self._jobs:
                yield from self._collect()
        else:
            yield from self._results(request, self._work(request))

    def _collect(self) -> Iterator[PlanResult]:
        for request, result in self._workers.collect():
            if isinstance(result, Lost):
                yield PlanResult(request.snapshot, None, self._why_lost(result))
            else:
                yield from self._results(request, result)

    def _results(self, request: _Request, plan: RepositoryPlan) -> Iterator[PlanResult]:
        """The result; none yet if ``plan`` lacks files that are still to be fetched."""
        if plan.missing_files and request.further.may_have_more:
            self._lacking.append((request, plan.missing_files))
        else:
            yield PlanResult(request.snapshot, plan, others=request.further.files)

    def _fetch(self, read_each: ReadEach) -> Iterator[PlanResult]:
        """Fetch what the requests lack, for all of them together, and plan them again."""
        lacking, self._lacking = self._lacking, []
        contents = read_each([WantedFiles(request.snapshot, paths) for request, paths in lacking])
        for request, paths in lacking:
            files = contents[request.snapshot.ref.key]
            if isinstance(files, str):
                yield PlanResult(request.snapshot, None, files)
            else:
                further = request.further.with_files(paths, files)
                yield from self._plan(_Request(request.snapshot, further))

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
