"""Delivers the planned change of one repository, as far as its host lets it go."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.campaign.apply_options import ApplyOptions
from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.canary import Canary
from cci_migrate.campaign.delivery_step import (
    DeliveryStep,
    Stop,
    delivery_step,
)
from cci_migrate.campaign.isolation import (
    Failure,
    attempt,
    begin_reads,
    observe_each,
)
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.ownership import (
    branch_to_record,
    has_another_change,
    proven_tip,
    pull_to_record,
    with_ownership,
)
from cci_migrate.campaign.plan_run import planned_entry, with_stop
from cci_migrate.campaign.planner import Planner
from cci_migrate.campaign.pull_request_extras import WantedExtras
from cci_migrate.campaign.refusals import Attempt, RefusedWrite, WriteRefused, WriteStep, writing
from cci_migrate.campaign.repositories_to_plan import unreadable_state
from cci_migrate.campaign.repository_plan import RepositoryPlan, is_as_planned
from cci_migrate.campaign.states import State
from cci_migrate.campaign.waves import Waves
from cci_migrate.forges.extras import MissingExtra
from cci_migrate.forges.host import Delivery, ForkingHost, Host
from cci_migrate.forges.repository import (
    FileHash,
    Kind,
    Observation,
    PullState,
    Snapshot,
    Unreadable,
)
from cci_migrate.transport.host_errors import HostError, RefusedError, StaleSnapshot

#: How often a repository is observed again after a write of unknown effect.
ATTEMPTS = 6
#: How long a new fork is waited for, and how long from one look to the next, in seconds. GitHub
#: makes it later than it answers, and takes up to five minutes for that
#: (https://docs.github.com/en/rest/repos/forks#create-a-fork).
FORK_WAIT = 300.0
FORK_PAUSE = 3.0


class Deliverer(Struct, frozen=True):
    """Delivers planned changes, and records in the ledger what became of each."""

    session: CampaignSession
    options: ApplyOptions
    canary: Canary
    waves: Waves
    planner: Planner

    def deliver(self, host: Host, entry: LedgerEntry, observation: Observation) -> Attempt:
        """Bring one repository as far as its delivery goes."""
        initial, last = entry, ""
        for _ in range(ATTEMPTS):
            if isinstance(observation, Unreadable):
                return Attempt(self._fail(initial, *unreadable_state(observation)))
            delivered = attempt(self._deliver, host, initial, observation)
            if not isinstance(delivered, Failure):
                refusal = RefusedWrite.of_extras(delivered.missing_extras)
                is_incomplete = delivered.state is State.PULL_REQUEST_INCOMPLETE
                return Attempt(delivered, is_incomplete and bool(refusal.extras), refusal)
            match delivered.error:
                case StaleSnapshot():
                    last = delivered.cause
                    self.session.progress.note(f"{entry.ref.label}: {last}; reading it again")
                    initial = replace(self._recorded(initial), state=State.APPLYING)
                    observation = next(observe_each(host, [initial.ref]))
                case WriteRefused(refusal=refusal):
                    state = State.NO_PERMISSION if refusal.lacks_permission else State.FAILED
                    return Attempt(self._fail(initial, state, delivered.cause), True, refusal)
                case RefusedError():
                    return Attempt(self._fail(initial, State.NO_PERMISSION, delivered.cause))
                case _:
                    return Attempt(self._fail(initial, State.FAILED, delivered.cause))
        cause = f"no lasting result after {ATTEMPTS} attempts ({last})"
        return Attempt(self._fail(initial, State.FAILED, cause), True)

    def _deliver(self, host: Host, entry: LedgerEntry, snapshot: Snapshot) -> LedgerEntry:
        planned = self.planner.plan_one(snapshot, partial(begin_reads, lambda _ref: host))
        if isinstance(planned.plan, Failure):
            raise HostError(planned.plan.cause)
        try:
            return self._advance(host, entry, snapshot, planned.plan)
        except WriteRefused:
            self._remove_leftover(host, entry, planned.plan.hashes)
            raise

    def _advance(
        self, host: Host, entry: LedgerEntry, snapshot: Snapshot, plan: RepositoryPlan
    ) -> LedgerEntry:
        """Perform steps until none is left. Raises what `Host.write` raises."""
        campaign = self.session.campaign
        snapshot = with_ownership(host, snapshot, plan.hashes, entry, campaign.ids)
        is_under_way = entry.state is State.APPLYING
        is_remote = entry.ref.kind is not Kind.LOCAL
        extras: WantedExtras | None = None
        may_fork = self.options.forking is not None and isinstance(host, ForkingHost)
        while True:
            step = delivery_step(snapshot, plan, host.delivery, may_fork=may_fork)
            if isinstance(step, Stop):
                if step.state is State.PULL_REQUEST_OPEN:
                    entry = self._with_extras(host, entry, snapshot, extras)
                if is_under_way and not self.options.is_dry_run:
                    snapshot = _without_leftover_branch(host, snapshot)
                if _is_not_delivered(entry, snapshot, plan):
                    entry = entry.without_plan()
                tip = proven_tip(snapshot) if entry.files == plan.hashes else ""
                entry = replace(entry, proven_tip=tip)
                return self._stop(host, entry, snapshot, step, is_under_way=is_under_way)
            if not is_as_planned(entry.files, plan, snapshot.files):
                return self._planned_again(entry, snapshot, plan)
            if self.options.is_dry_run:
                return replace(entry, cause=_dry_run_cause(step, host.delivery, snapshot))
            if not is_under_way:
                entry = self._record(replace(entry, state=State.APPLYING, cause=""))
                is_under_way = True
            if step is DeliveryStep.FORK:
                entry, snapshot = self._forked(host, entry, snapshot)
                snapshot = with_ownership(host, snapshot, plan.hashes, entry, campaign.ids)
                continue
            if step is DeliveryStep.WRITE and self._is_to_replace(host, entry, snapshot):
                entry, snapshot = self._close_replaced(host, entry, snapshot)
                continue
            extras = extras or self._extras(host, entry, snapshot)
            branch_name = campaign.branch_of(entry.ref, entry.branch_name)
            proposal = self.options.messages.proposal(entry, plan, branch_name, campaign.id)
            proposal = replace(proposal, extras=extras.together)
            match step:
                case DeliveryStep.WRITE:
                    with writing(WriteStep.BRANCH) if is_remote else nullcontext():
                        branch = host.write(snapshot, proposal)
                    if host.delivery is Delivery.FILES:
                        return self._record(replace(entry, state=State.CHANGED, cause="in place"))
                    snapshot = replace(snapshot, branch=branch)
                case DeliveryStep.PULL_REQUEST:
                    with writing(WriteStep.PULL_REQUEST):
                        pull = host.open_pull_request(snapshot, proposal)
                    snapshot = replace(snapshot, pull=replace(pull, is_ours=True))
                case _:
                    assert_never(step)

    def _forked(
        self, host: Host, entry: LedgerEntry, snapshot: Snapshot
    ) -> tuple[LedgerEntry, Snapshot]:
        """Make the fork, which is recorded before anything is written to it, and wait for it.

        Raises WriteRefused, and StaleSnapshot if the repository changed meanwhile.
        """
        assert isinstance(host, ForkingHost)  # noqa: S101 - as `delivery_step` was told
        assert self.options.forking is not None  # noqa: S101 - likewise
        with writing(WriteStep.FORK):
            fork = host.fork(snapshot, self.options.forking.organization)
        entry = self._record(replace(entry, ref=replace(entry.ref, fork=fork)))
        until = self._now() + FORK_WAIT
        observation = next(observe_each(host, [entry.ref]))
        while isinstance(observation, Unreadable) or observation.fork is None:
            if self._now() >= until:
                raise HostError(f"the fork {fork} is not ready; run it again later")
            self.session.clock.sleep(FORK_PAUSE)
            observation = next(observe_each(host, [entry.ref]))
        if (observation.head, observation.files) != (snapshot.head, snapshot.files):
            raise StaleSnapshot("it changed while it was forked")
        return entry, observation

    def _is_to_replace(self, host: Host, entry: LedgerEntry, snapshot: Snapshot) -> bool:
        """Whether to close the outdated pull request and open another, rather than to change it."""
        pull = snapshot.pull
        if not self.options.replaces_discussed or pull is None:
            return False
        return pull.number == entry.replaced or host.is_discussed(snapshot)

    def _close_replaced(
        self, host: Host, entry: LedgerEntry, snapshot: Snapshot
    ) -> tuple[LedgerEntry, Snapshot]:
        """Close the pull request, recorded beforehand as the one that is to be replaced."""
        entry = self._record(replace(entry, replaced=snapshot.pull_number))
        host.close(snapshot)
        return entry, replace(snapshot, pull=None, branch=None)

    def _extras(self, host: Host, entry: LedgerEntry, snapshot: Snapshot) -> WantedExtras:
        if host.delivery is not Delivery.PULL_REQUEST:
            return WantedExtras()
        return self.options.extras.for_change(host, snapshot, [file.path for file in entry.files])

    def _with_extras(
        self, host: Host, entry: LedgerEntry, snapshot: Snapshot, extras: WantedExtras | None
    ) -> LedgerEntry:
        """``entry`` once they were added to a pull request that this or an earlier run opened."""
        is_begun = entry.state in (State.APPLYING, State.PULL_REQUEST_INCOMPLETE)
        if not is_begun or self.options.is_dry_run:
            return entry
        extras = extras or self._extras(host, entry, snapshot)
        missing = attempt(extras.add, host, snapshot)
        if isinstance(missing, Failure):
            missing = (MissingExtra(None, "", missing.cause),)
        return replace(entry, missing_extras=missing)

    def _remove_leftover(self, host: Host, entry: LedgerEntry, planned: Sequence[FileHash]) -> None:
        """Delete the branch of a delivery that the host refused to go on with."""
        entry = self._recorded(entry)
        observation = next(observe_each(host, [entry.ref]))

        def remove() -> None:
            if isinstance(observation, Snapshot):
                ids = self.session.campaign.ids
                snapshot = with_ownership(host, observation, planned, entry, ids)
                _without_leftover_branch(host, snapshot)

        # What fails here is deleted by the next run.
        if isinstance(failure := attempt(remove), Failure):
            self.session.progress.note(
                f"{entry.ref.label}: could not delete its branch: {failure.cause}"
            )

    def _stop(
        self, host: Host, entry: LedgerEntry, snapshot: Snapshot, stop: Stop, *, is_under_way: bool
    ) -> LedgerEntry:
        state, cause = stop.state, stop.cause
        if is_under_way and state is State.NOTHING_TO_DO and host.delivery is Delivery.FILES:
            # Written by a run that was killed before it could say so.
            state, cause = State.CHANGED, "in place"
        is_canary = entry.is_canary or self.canary.takes(state, entry.ref)
        wave = entry.wave
        if is_under_way and not is_canary and not wave:
            wave = self.waves.joined(state, entry.ref)
        updated = replace(
            with_stop(entry.with_pull(pull_to_record(snapshot, entry)), Stop(state, cause)),
            branch=branch_to_record(snapshot, entry),
            is_canary=is_canary,
            wave=wave,
            replaced=0 if _is_open_again(snapshot, entry) else entry.replaced,
        )
        return self._record(updated)

    def _planned_again(
        self, entry: LedgerEntry, snapshot: Snapshot, plan: RepositoryPlan
    ) -> LedgerEntry:
        """Record the new plan of a repository whose files changed since the reviewed one."""
        if self.options.is_dry_run:
            return LedgerEntry(
                snapshot.ref, State.PLANNED, "would be planned again, because it changed"
            )
        if self.session.campaign.needs_confirmation:
            self.session.campaign.store_diff(snapshot.ref, b"")
            cause = "it changed after CircleCI's compiler confirmed the plan; plan it again"
            return self._record(replace(entry.without_plan(), state=State.LISTED, cause=cause))
        self.session.campaign.store_diff(snapshot.ref, plan.diff)
        replanned = planned_entry(snapshot, plan, self._now(), entry, entry.branch_name)
        cause = "planned again, because it changed; review the new diff, then apply again"
        return self._record(replace(replanned, state=State.PLANNED, cause=cause))

    def _fail(self, entry: LedgerEntry, state: State, cause: str) -> LedgerEntry:
        return self._record(replace(self._recorded(entry), state=state, cause=cause))

    def _recorded(self, entry: LedgerEntry) -> LedgerEntry:
        """``entry`` as the ledger has it: part of its delivery may have been recorded since."""
        return self.session.ledger.entry(entry.ref.key) or entry

    def _record(self, entry: LedgerEntry) -> LedgerEntry:
        updated = replace(entry, changed_at=self._now(), undoing=None)
        if not self.options.is_dry_run:
            self.session.ledger.record(updated)
        return updated

    def _now(self) -> float:
        return self.session.clock.now()


def _is_not_delivered(entry: LedgerEntry, snapshot: Snapshot, plan: RepositoryPlan) -> bool:
    """Whether the campaign's pull request is not known to be of what ``entry`` has as its plan."""
    if entry.state not in (State.PLANNED, State.APPLYING) or not has_another_change(snapshot):
        return False
    is_merged = snapshot.pull is not None and snapshot.pull.state is PullState.MERGED
    return not (is_merged and is_as_planned(entry.files, plan, snapshot.files))


def _is_open_again(snapshot: Snapshot, entry: LedgerEntry) -> bool:
    """Whether the pull request that was to be replaced is open, and stays."""
    pull = snapshot.pull
    return pull is not None and pull.state is PullState.OPEN and pull.number == entry.replaced


def _without_leftover_branch(host: Host, snapshot: Snapshot) -> Snapshot:
    """Delete the branch that an earlier run left, if no pull request will be opened from it."""
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


def _dry_run_cause(step: DeliveryStep, delivery: Delivery, snapshot: Snapshot) -> str:
    match step:
        case DeliveryStep.FORK:
            return "would get a pull request from a fork"
        case DeliveryStep.PULL_REQUEST:
            return "would open the pull request from the existing branch"
        case _ if snapshot.pull is not None:
            return f"would update {snapshot.pull.url}"
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
