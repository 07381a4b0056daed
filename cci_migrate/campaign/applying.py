"""`batch apply`: look at each planned repository again, and write what is as it was reviewed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.campaign.choosing import Chosen
from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.isolation import FATAL_ERRORS, observe_each
from cci_migrate.campaign.ledger import Entry
from cci_migrate.campaign.messages import Words
from cci_migrate.campaign.next_step import OpenPullRequest, Step, Stop, Write, next_step
from cci_migrate.campaign.ownership import own_branch, own_pull, recognise
from cci_migrate.campaign.planning import RepositoryPlan, is_as_planned
from cci_migrate.campaign.scanning import Planner
from cci_migrate.campaign.states import PENDING, State
from cci_migrate.campaign.surveying import planned_entry, unreadable_entry
from cci_migrate.campaign.waves import Gate, Wave
from cci_migrate.forges.faults import described
from cci_migrate.forges.host import Delivery, Host, Proposal
from cci_migrate.forges.repository import Observation, RepositoryRef, Snapshot, Unreadable
from cci_migrate.transport.errors import HostUnavailable, RefusedError, StaleSnapshot
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress

#: How often a repository is looked at again after a write of unknown effect.
ATTEMPTS = 6
#: Repositories looked at in one request before they are written to.
CHUNK = 10
#: A look older than this (seconds) is repeated before a write.
FRESH = 120.0


class Terms(Struct, frozen=True):
    """How far this run may go. ``max_changes`` None: as far as there is work."""

    words: Words
    max_changes: int | None = None
    deadline: float = 0.0
    is_dry_run: bool = False
    chosen: Chosen = Chosen(forks=True)


class Application(Struct, frozen=True):
    """What `batch apply` works with."""

    campaign: Campaign
    host_of: Callable[[RepositoryRef], Host]
    terms: Terms
    wave: Wave
    progress: Progress
    clock: Clock
    planner: Planner

    def run(self) -> bool:
        """Write what is planned. False when a limit of the terms or a host ended it early."""
        by_host: dict[Host, list[RepositoryRef]] = {}
        for entry in self.campaign.ledger.entries({*PENDING, State.FAILED}):
            # What failed while it was planned has nothing that could be written.
            if (entry.state in PENDING or entry.files) and not self.terms.chosen.why_not_by_name(
                entry.ref
            ):
                host = self.host_of(entry.ref)
                by_host.setdefault(host, []).append(entry.ref)
        self.progress.begin("apply", sum(map(len, by_host.values())))
        budget = _Budget(self.terms.max_changes)
        is_complete = True
        for host, refs in by_host.items():
            try:
                is_complete &= self._host(host, refs, budget)
            except HostUnavailable as error:
                self.progress.note(str(error))
                is_complete = False
        return is_complete

    def _host(self, host: Host, refs: Sequence[RepositoryRef], budget: _Budget) -> bool:
        has_canary = host.delivery is Delivery.PULL_REQUEST and not self.terms.is_dry_run
        waiting = len(refs)
        for entry, observation in self._observations(host, refs):
            if budget.is_spent or (self.terms.deadline and self._now() >= self.terms.deadline):
                self.progress.note("the limit of this run is reached; run it again to go on")
                return False
            if has_canary:
                gate = self.wave.gate(host, self.campaign.ledger, waiting)
                if gate is not Gate.OPEN:
                    return False
            done = self._deliver(host, entry, observation)
            if done.state in (State.PULL_REQUEST_OPEN, State.CHANGED):
                budget.spend()
            waiting -= 1
            self.progress.done(done.done)
        return True

    def _observations(
        self, host: Host, refs: Sequence[RepositoryRef]
    ) -> Iterator[tuple[Entry, Observation]]:
        for start in range(0, len(refs), CHUNK):
            chunk = refs[start : start + CHUNK]
            seen_at = self._now()
            seen = {observation.ref.key: observation for observation in observe_each(host, chunk)}
            for ref in chunk:
                entry = self.campaign.ledger.entry(ref.key)
                if entry is None:
                    continue
                is_fresh = self._now() - seen_at <= FRESH
                yield entry, seen[ref.key] if is_fresh else self._look(host, ref)

    def _look(self, host: Host, ref: RepositoryRef) -> Observation:
        return next(observe_each(host, [ref]))

    def _deliver(self, host: Host, entry: Entry, observation: Observation) -> Entry:
        """Take one repository from where it stands to where it should be."""
        begun = entry
        for _ in range(ATTEMPTS):
            if isinstance(observation, Unreadable):
                failed = unreadable_entry(observation, self._now())
                return self._record(replace(begun, state=failed.state, cause=failed.cause))
            try:
                planned = self.planner.plan_one(observation, host.read)
                if planned.plan is None:
                    return self._fail(begun, State.FAILED, planned.error)
                done = self._towards(host, begun, observation, planned.plan)
            except StaleSnapshot as error:
                self.progress.note(f"{entry.ref.label}: {error}; looking again")
                begun = replace(begun, state=State.APPLYING)
                observation = self._look(host, entry.ref)
            except RefusedError as error:
                return self._fail(begun, State.NO_PERMISSION, str(error))
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - the other repositories go on
                return self._fail(begun, State.FAILED, described(error))
            else:
                return done
        return self._fail(begun, State.FAILED, f"no lasting result after {ATTEMPTS} attempts")

    def _towards(self, host: Host, entry: Entry, snapshot: Snapshot, plan: RepositoryPlan) -> Entry:
        """Perform step after step until there is none left."""
        snapshot = recognise(host, snapshot, plan.hashes, entry)
        began = entry.state is State.APPLYING
        while True:
            step = next_step(snapshot, plan, host.delivery)
            if isinstance(step, Stop):
                if entry.state is State.APPLYING and step.state is State.PULL_REQUEST_OPEN:
                    self._decorate(host, snapshot, self._proposal(entry.ref, plan))
                if began and not self.terms.is_dry_run:
                    snapshot = _tidied(host, snapshot)
                return self._stop(host, entry, snapshot, step, began=began)
            if not is_as_planned(entry.files, plan, snapshot.files):
                return self._planned_again(entry, snapshot, plan)
            if self.terms.is_dry_run:
                return replace(entry, cause=_told(step, host.delivery))
            if not began:
                entry = self._record(replace(entry, state=State.APPLYING, cause=""))
                began = True
            proposal = self._proposal(entry.ref, plan)
            match step:
                case Write():
                    branch = host.write(snapshot, proposal)
                    if host.delivery is Delivery.FILES:
                        return self._record(replace(entry, state=State.CHANGED, cause="in place"))
                    snapshot = replace(snapshot, branch=branch)
                case OpenPullRequest():
                    pull = host.open_pull_request(snapshot, proposal)
                    snapshot = replace(snapshot, pull=replace(pull, is_ours=True))
                case _:
                    assert_never(step)

    def _decorate(self, host: Host, snapshot: Snapshot, proposal: Proposal) -> None:
        """Labels and reviewers are worth a note when they fail: the pull request is there."""
        try:
            host.set_labels_and_reviewers(snapshot, proposal)
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - the pull request is there all the same
            why = described(error)
            self.progress.note(f"{snapshot.ref.label}: no label or reviewer was added: {why}")

    def _proposal(self, ref: RepositoryRef, plan: RepositoryPlan) -> Proposal:
        return self.terms.words.proposal(ref, plan, self.campaign.branch, self.campaign.id)

    def _stop(
        self, host: Host, entry: Entry, snapshot: Snapshot, stop: Stop, *, began: bool
    ) -> Entry:
        state, cause = stop.state, stop.cause
        if began and state is State.NOTHING_TO_DO and host.delivery is Delivery.FILES:
            # Written by a run that was killed before it could say so.
            state, cause = State.CHANGED, "in place"
        done = replace(
            entry,
            state=state,
            cause=cause,
            branch=own_branch(snapshot, entry),
            pull=own_pull(snapshot),
            is_canary=entry.is_canary or self.wave.takes(state, host, self.campaign.ledger),
        )
        return self._record(done)

    def _planned_again(self, entry: Entry, snapshot: Snapshot, plan: RepositoryPlan) -> Entry:
        """The repository moved on: what is recorded is no longer what would be written."""
        if self.terms.is_dry_run:
            return Entry(snapshot.ref, State.PLANNED, "would be planned again: it moved on")
        self.campaign.store_diff(snapshot.ref, plan.diff)
        again = planned_entry(snapshot, plan, None, self._now(), entry)
        cause = "planned again, since it moved on; look at its diff, then apply again"
        return self._record(replace(again, cause=cause))

    def _fail(self, entry: Entry, state: State, cause: str) -> Entry:
        return self._record(replace(entry, state=state, cause=cause))

    def _record(self, entry: Entry) -> Entry:
        done = replace(entry, changed_at=self._now(), undoing=None)
        if not self.terms.is_dry_run:
            self.campaign.ledger.record(done)
        return done

    def _now(self) -> float:
        return self.clock.now()


def _tidied(host: Host, snapshot: Snapshot) -> Snapshot:
    """Take away the branch that an earlier run left, where there will be no pull request for it."""
    branch = snapshot.branch
    if (
        branch is None
        or snapshot.pull is not None
        or host.delivery is not Delivery.PULL_REQUEST
        or not branch.content.is_disposable
    ):
        return snapshot
    host.close(snapshot)
    return replace(snapshot, branch=None)


class _Budget:
    """How many changes this run may still make."""

    def __init__(self, limit: int | None) -> None:
        self._left = limit

    @property
    def is_spent(self) -> bool:
        """Whether none is left."""
        return self._left is not None and self._left <= 0

    def spend(self) -> None:
        """One was made."""
        if self._left is not None:
            self._left -= 1


def _told(step: Step, delivery: Delivery) -> str:
    match step:
        case OpenPullRequest():
            return "would open the pull request from the branch that is there"
        case _:
            match delivery:
                case Delivery.FILES:
                    return "would be rewritten in place"
                case Delivery.BRANCH:
                    return "would get the branch"
                case Delivery.PULL_REQUEST:
                    return "would get the branch and a pull request"
                case _:
                    assert_never(delivery)
