"""`batch plan`: list the repositories, look at each, compute its change, record it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from cci_migrate.campaign.choosing import Chosen, Shard
from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.isolation import FATAL_ERRORS, observe_each
from cci_migrate.campaign.ledger import Entry
from cci_migrate.campaign.next_step import Stop, next_step
from cci_migrate.campaign.ownership import own_branch, own_pull, recognise
from cci_migrate.campaign.planning import RepositoryPlan
from cci_migrate.campaign.scanning import Planned, planner
from cci_migrate.campaign.states import State
from cci_migrate.forges.faults import described
from cci_migrate.forges.host import Host, Source
from cci_migrate.forges.repository import (
    Blocker,
    Observation,
    RepositoryRef,
    Snapshot,
    Unreadable,
)
from cci_migrate.transport.errors import HostUnavailable
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress
from cci_migrate.workers.work_limits import WorkLimits

#: Repositories looked at in one go; a host may take fewer at a time.
CHUNK = 400


class Survey(Struct, frozen=True):
    """What `batch plan` works with."""

    campaign: Campaign
    host_of: Callable[[RepositoryRef], Host]
    chosen: Chosen
    shard: Shard
    progress: Progress
    clock: Clock
    limits: WorkLimits
    jobs: int | None = None

    def run(self, sources: Sequence[Source]) -> bool:
        """Plan everything that ``sources`` name and that is not planned yet.

        False when some of it is left for another run, because a host would hear no more.
        """
        self.progress.begin("plan", None)
        begun = self.clock.now()
        closed: list[str] = []
        with planner(self.campaign.policy, self.limits, self.jobs) as pool:
            for planned in pool.plan(self._snapshots(sources, closed, begun), self._fetch):
                self._record(planned)
        for text in closed:
            self.progress.note(text)
        return not closed

    def _snapshots(
        self, sources: Sequence[Source], closed: list[str], begun: float
    ) -> Iterator[Snapshot]:
        # What is being planned is not recorded yet: it must not be looked at a second time.
        in_work: set[str] = set()
        for source in sources:
            try:
                for snapshot in self._listed(source):
                    in_work.add(snapshot.ref.key)
                    yield snapshot
            except HostUnavailable as error:
                closed.append(f"{source.name}: {error}")
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - the other sources go on
                closed.append(f"{source.name}: {described(error)}")
        yield from self._waiting(closed, begun, in_work)

    def _listed(self, source: Source) -> Iterator[Snapshot]:
        """What a source shows while it is listed; goes on at the page where a run was killed."""
        ledger = self.campaign.ledger
        cursor, is_listed = ledger.source(source.name)
        if is_listed:
            return
        for page in source.pages(cursor):
            known = [
                observation for observation in page.observations if self._is_new(observation.ref)
            ]
            refs = [*page.refs, *(observation.ref for observation in known)]
            ours = [ref for ref in refs if self.shard.has(ref)]
            ledger.add(ours, self.clock.now(), source.name, page.cursor)
            for ref in ours:
                self._leave_out(ref, self.chosen.why_not_by_name(ref))
            yield from self._seen(s for s in known if self.shard.has(s.ref))

    def _waiting(self, closed: list[str], begun: float, in_work: set[str]) -> Iterator[Snapshot]:
        """What is listed and was not looked at yet, and what failed before."""
        waiting: dict[Host, list[RepositoryRef]] = {}
        for entry in self.campaign.ledger.entries({State.LISTED, State.FAILED}):
            failed_just_now = entry.state is State.FAILED and entry.changed_at >= begun
            if failed_just_now or entry.ref.key in in_work:
                continue
            host = self.host_of(entry.ref)
            waiting.setdefault(host, []).append(entry.ref)
        for host, refs in waiting.items():
            try:
                for start in range(0, len(refs), CHUNK):
                    yield from self._seen(observe_each(host, refs[start : start + CHUNK]))
            except HostUnavailable as error:
                closed.append(str(error))

    def _seen(self, observations: Iterable[Observation]) -> Iterator[Snapshot]:
        """The snapshots among ``observations`` that are worth planning; the rest is recorded."""
        for observation in observations:
            if isinstance(observation, Unreadable):
                self._finish(unreadable_entry(observation, self.clock.now()))
                continue
            why_not = self.chosen.why_not_by_name(observation.ref) or self.chosen.why_not(
                observation.traits
            )
            if why_not:
                self._leave_out(observation.ref, why_not)
            elif observation.traits.archived:
                self._finish(Entry(observation.ref, State.ARCHIVED, changed_at=self.clock.now()))
            else:
                yield observation

    def _is_new(self, ref: RepositoryRef) -> bool:
        entry = self.campaign.ledger.entry(ref.key)
        return entry is None or entry.state is State.LISTED

    def _leave_out(self, ref: RepositoryRef, why_not: str) -> None:
        if why_not:
            self._finish(Entry(ref, State.EXCLUDED, why_not, changed_at=self.clock.now()))

    def _fetch(self, snapshot: Snapshot, paths: tuple[str, ...]) -> Mapping[str, bytes | None]:
        return self.host_of(snapshot.ref).read(snapshot, paths)

    def _record(self, planned: Planned) -> None:
        now, snapshot = self.clock.now(), planned.snapshot
        if planned.plan is None:
            self._finish(Entry(snapshot.ref, State.FAILED, planned.error, changed_at=now))
            return
        try:
            entry = self._entry(snapshot, planned.plan, now)
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - the other repositories go on
            entry = Entry(snapshot.ref, State.FAILED, described(error), changed_at=now)
        self._finish(entry)

    def _entry(self, snapshot: Snapshot, plan: RepositoryPlan, now: float) -> Entry:
        host = self.host_of(snapshot.ref)
        recorded = self.campaign.ledger.entry(snapshot.ref.key)
        snapshot = recognise(host, snapshot, plan.hashes, recorded)
        step = next_step(snapshot, plan, host.delivery)
        self.campaign.store_diff(snapshot.ref, plan.diff)
        return planned_entry(snapshot, plan, step, now, recorded)

    def _finish(self, entry: Entry) -> None:
        self.campaign.ledger.record(entry)
        self.progress.done(entry.done)


def planned_entry(
    snapshot: Snapshot,
    plan: RepositoryPlan,
    step: object,
    now: float,
    recorded: Entry | None,
) -> Entry:
    """What the ledger keeps of a plan, and of how far its delivery is.

    ``recorded`` is what it kept before.
    """
    stop = step if isinstance(step, Stop) else Stop(State.PLANNED, plan.cause)
    return Entry(
        ref=snapshot.ref,
        state=stop.state,
        cause=stop.cause,
        head=snapshot.head,
        digest=plan.digest if plan.changes else "",
        has_diff=bool(plan.diff),
        files=plan.hashes,
        findings=plan.findings,
        todos=plan.todos,
        pulls=plan.pulls,
        images=plan.images,
        authenticated=plan.authenticated,
        branch=own_branch(snapshot, recorded),
        pull=own_pull(snapshot),
        changed_at=now,
    )


def unreadable_entry(observation: Unreadable, now: float) -> Entry:
    """What the ledger keeps of a repository that could not be looked at."""
    forbidden = observation.blocker is Blocker.FORBIDDEN
    state = State.NO_PERMISSION if forbidden else State.FAILED
    return Entry(observation.ref, state, observation.cause, changed_at=now)
