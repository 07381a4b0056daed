"""Planning many repositories: the computing goes to all cores, reading and recording do not."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from cci_migrate.batch.host import HostError, LaneClosedError
from cci_migrate.batch.planning import RepositoryPlan, plan_repository
from cci_migrate.batch.repository import Snapshot
from cci_migrate.findings import APPLY_ALL
from cci_migrate.git.process import GitError
from cci_migrate.policy import Policy

#: From here on a pool pays for its start.
POOL_FROM = 100
#: How often files that a plan turns out to need are fetched: a script, what it calls, its
#: Dockerfile. Beyond that the plan stands as it is.
ROUNDS = 4

Fetch = Callable[[Snapshot, tuple[str, ...]], Mapping[str, bytes | None]]


def plan_snapshot(
    snapshot: Snapshot,
    policy: Policy,
    fetch: Fetch,
    others: Mapping[str, bytes | None] | None = None,
) -> RepositoryPlan:
    """The plan of one repository, here and now; ``fetch`` reads what else it needs."""
    known = dict(others or {})
    plan = plan_repository(snapshot.files, policy, APPLY_ALL, known)
    for _ in range(ROUNDS):
        if not plan.wanted:
            break
        known.update(_fetched(snapshot, plan.wanted, fetch))
        plan = plan_repository(snapshot.files, policy, APPLY_ALL, known)
    return plan


@dataclass(frozen=True, slots=True)
class Planned:
    """A snapshot and what came of it. ``error`` is set when planning itself broke."""

    snapshot: Snapshot
    plan: RepositoryPlan | None
    error: str = ""


class Planner:
    """Plans snapshots as they come, in a pool once there are many."""

    def __init__(self, policy: Policy, jobs: int) -> None:
        self._policy = policy
        self._jobs = jobs
        self._pool: ProcessPoolExecutor | None = None
        self._seen = 0

    def plan(self, snapshots: Iterable[Snapshot], fetch: Fetch) -> Iterator[Planned]:
        """Each of ``snapshots`` with its plan, in any order.

        Takes only a few more from ``snapshots`` than there are cores, so memory does not grow
        with the number of repositories.
        """
        running: dict[Future[RepositoryPlan], Snapshot] = {}
        for snapshot in snapshots:
            self._seen += 1
            if self._jobs == 1 or (self._seen <= POOL_FROM and self._pool is None):
                yield self._here(snapshot, fetch)
                continue
            running[self._submit(snapshot)] = snapshot
            if len(running) >= 8 * self._jobs:
                yield from self._collect(running, fetch)
        while running:
            yield from self._collect(running, fetch)

    def close(self) -> None:
        """End the pool."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _here(self, snapshot: Snapshot, fetch: Fetch) -> Planned:
        try:
            return Planned(snapshot, plan_snapshot(snapshot, self._policy, fetch))
        except LaneClosedError:
            raise
        except Exception as error:  # noqa: BLE001 - one repository never stops the others
            return _broken(snapshot, error)

    def _submit(self, snapshot: Snapshot) -> Future[RepositoryPlan]:
        if self._pool is None:
            # Not fork: it copies the locks of this process's threads as they happen to be.
            self._pool = ProcessPoolExecutor(self._jobs, mp_context=get_context("spawn"))
        return self._pool.submit(plan_repository, dict(snapshot.files), self._policy, APPLY_ALL, {})

    def _collect(
        self, running: dict[Future[RepositoryPlan], Snapshot], fetch: Fetch
    ) -> Iterator[Planned]:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            snapshot = running.pop(future)
            error = future.exception()
            if error is not None:
                yield _broken(snapshot, error)
                continue
            plan = future.result()
            yield self._here(snapshot, fetch) if plan.wanted else Planned(snapshot, plan)


@contextmanager
def planner(policy: Policy, jobs: int | None = None) -> Iterator[Planner]:
    """A planner with ``jobs`` processes (None: one a core)."""
    made = Planner(policy, jobs or os.cpu_count() or 1)
    try:
        yield made
    finally:
        made.close()


def _fetched(snapshot: Snapshot, wanted: tuple[str, ...], fetch: Fetch) -> dict[str, bytes | None]:
    found = fetch(snapshot, wanted)
    return {path: found.get(path) for path in wanted}


def _broken(snapshot: Snapshot, error: BaseException) -> Planned:
    if isinstance(error, HostError | GitError):
        return Planned(snapshot, None, str(error))
    # Not the error's text: it may quote the config, and with it a credential.
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return Planned(
        snapshot, None, f"internal error, please report it: {type(error).__name__}{where}"
    )
