"""Planning many repositories on all cores; one process reads and records them."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct, field

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.isolation import BegunRead, Failure, grouped
from cci_migrate.campaign.repository_plan import RepositoryPlan, plan_repository
from cci_migrate.forges.fetched_files import FurtherFiles
from cci_migrate.forges.host import WantedFiles
from cci_migrate.forges.repository import Snapshot
from cci_migrate.policy.settings import Policy
from cci_migrate.workers.limited_work import CAN_INTERRUPT
from cci_migrate.workers.pool import Lost, Workers

#: Seconds of planning in this process after which starting others pays off: each start takes one
#: or two, too.
SECONDS_ALONE = 6.0
#: A repository with more bytes of config is always planned in a process: only there do all limits
#: hold, whatever the C parsers do.
SMALL = 100_000

#: The files that are asked for together, of several repositories, once more than these are lacking.
ASKED_TOGETHER = 200

#: Begins to read files of several repositories.
BeginReads = Callable[[Sequence[WantedFiles]], Sequence[BegunRead]]


class PlanResult(Struct, frozen=True):
    """A snapshot and its plan; ``others`` are the further files that were fetched for it."""

    snapshot: Snapshot
    plan: RepositoryPlan | Failure
    others: Mapping[str, bytes | None] = field(default_factory=dict)


class _Request(Struct, frozen=True):
    """The input of a worker: a repository, and further files of it."""

    snapshot: Snapshot
    further: FurtherFiles = FurtherFiles()


class Planner:
    """Plans snapshots as they arrive, in processes once that is what takes the time.

    ``jobs`` is the number of processes; None: as many as cores.
    """

    def __init__(self, policy: Policy, limits: WorkLimits, jobs: int | None = None) -> None:
        self._limits = limits
        self._jobs = jobs or os.cpu_count() or 1
        self._work = partial(_plan, policy=policy, limits=limits)
        # Not fork: it copies the locks of this process's threads as they happen to be.
        self._workers: Workers[_Request, RepositoryPlan] = Workers(
            self._work, self._jobs, limits, configs_in=_configs_in, start_method="spawn"
        )
        self._begun_at = time.monotonic()
        #: Seconds of processor time of this process's planning.
        self._planned_for = 0.0
        #: The files that requests lack, those that are being read, and the requests by repository.
        self._lacking: list[WantedFiles] = []
        self._reads: deque[BegunRead] = deque()
        self._waiting: dict[str, _Request] = {}

    def plan_all(
        self, snapshots: Iterable[Snapshot], begin_reads: BeginReads
    ) -> Iterator[PlanResult]:
        """The plan of each of ``snapshots``, in any order.

        ``begin_reads`` reads further files of repositories, while others are planned. Only a few
        more snapshots than there are processes, and those that lack files, are in memory at a time.
        Raises HostUnavailable.
        """
        for snapshot in snapshots:
            yield from self._plan(_Request(snapshot))
            while sum(len(wanted.paths) for wanted in self._lacking) > ASKED_TOGETHER:
                self._ask(begin_reads)
            while self._reads and self._reads[0].is_done:
                yield from self._receive()
        while self._reads or self._workers.pending or self._lacking:
            if self._reads:
                yield from self._receive()
            elif self._workers.pending:
                yield from self._collect()
            else:
                self._ask(begin_reads)

    def plan_one(self, snapshot: Snapshot, begin_reads: BeginReads) -> PlanResult:
        """The plan of one repository. Raises HostUnavailable."""
        (planned,) = self.plan_all([snapshot], begin_reads)
        return planned

    def close(self) -> None:
        """Stop the processes."""
        self._workers.close()

    def _plan(self, request: _Request) -> Iterator[PlanResult]:
        """Plan ``request`` here, or in a process, whose results are collected now and then."""
        elapsed = time.monotonic() - self._begun_at
        pays_off = self._jobs > 1 and processes_pay_off(self._planned_for, elapsed)
        if pays_off or not _is_small(request.snapshot):
            self._workers.submit(request)
            if self._workers.pending >= 8 * self._jobs:
                yield from self._collect()
        else:
            begun = time.thread_time()
            plan = self._work(request)
            self._planned_for += time.thread_time() - begun
            yield from self._results(request, plan)

    def _collect(self) -> Iterator[PlanResult]:
        for request, result in self._workers.collect():
            if isinstance(result, Lost):
                problem = result.outcome(self._limits, ()).problem
                yield PlanResult(request.snapshot, Failure(problem))
            else:
                yield from self._results(request, result)

    def _results(self, request: _Request, plan: RepositoryPlan) -> Iterator[PlanResult]:
        """The result; none yet if ``plan`` lacks files that are still to be read."""
        if plan.missing_files and request.further.may_have_more:
            self._waiting[request.snapshot.ref.key] = request
            self._lacking.append(WantedFiles(request.snapshot, plan.missing_files))
        else:
            yield PlanResult(request.snapshot, plan, others=request.further.files)

    def _ask(self, begin_reads: BeginReads) -> None:
        """Begin to read what the first requests lack that lack files."""
        together = next(grouped(self._lacking, ASKED_TOGETHER))
        del self._lacking[: len(together)]
        self._reads.extend(begin_reads(together))

    def _receive(self) -> Iterator[PlanResult]:
        """Plan again the repositories whose files were asked for first; may wait for them."""
        begun = self._reads.popleft()
        contents = begun.contents()
        for requested in begun.requested:
            request = self._waiting.pop(requested.snapshot.ref.key)
            files = contents[requested.snapshot.ref.key]
            if isinstance(files, Failure):
                yield PlanResult(request.snapshot, files)
            else:
                further = request.further.with_files(requested.paths, files)
                yield from self._plan(_Request(request.snapshot, further))


def processes_pay_off(planned_for: float, elapsed: float) -> bool:
    """Whether others are worth their start: much was planned, and that took most of the time."""
    return planned_for >= SECONDS_ALONE and planned_for > elapsed / 2


def _plan(request: _Request, policy: Policy, limits: WorkLimits) -> RepositoryPlan:
    snapshot = request.snapshot
    return plan_repository(
        snapshot.files,
        policy,
        request.further.files,
        limits,
        snapshot.problems,
        may_have_more=request.further.may_have_more,
    )


def _configs_in(request: _Request) -> int:
    return len(request.snapshot.files)


def _is_small(snapshot: Snapshot) -> bool:
    return CAN_INTERRUPT and sum(map(len, snapshot.files.values())) <= SMALL
