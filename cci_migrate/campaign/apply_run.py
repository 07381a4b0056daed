"""`batch apply`: read each planned repository again, and write the change that was reviewed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.campaign.canary import Canary
from cci_migrate.campaign.canary_choice import Candidate, check_names, choose, has_passing_ci
from cci_migrate.campaign.ci_results import Gate
from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.isolation import FATAL_ERRORS, begin_reads, observe_each
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.message_templates import MessageTemplates
from cci_migrate.campaign.next_step import DeliveryStep, OpenPullRequest, Stop, Write, next_step
from cci_migrate.campaign.ownership import (
    branch_to_record,
    has_another_change,
    proven_tip,
    pull_to_record,
    with_ownership,
)
from cci_migrate.campaign.plan_run import planned_entry, with_stop
from cci_migrate.campaign.planner import Planner
from cci_migrate.campaign.pull_request_extras import (
    PullRequestExtras,
    WantedExtras,
    is_about_code_owner,
)
from cci_migrate.campaign.refusals import (
    Attempt,
    RefusalStreak,
    RefusedWrite,
    WriteRefused,
    WriteStep,
    writing,
)
from cci_migrate.campaign.repositories_to_plan import unreadable_entry
from cci_migrate.campaign.repository_filter import RepositoryFilter
from cci_migrate.campaign.repository_plan import RepositoryPlan, is_as_planned
from cci_migrate.campaign.states import OPENED, PENDING, TRIED_AGAIN, State
from cci_migrate.campaign.waves import Waves
from cci_migrate.engine.exit_codes import ExitCode
from cci_migrate.forges.host import Delivery, Host, Proposal
from cci_migrate.forges.repository import (
    Kind,
    Observation,
    PullState,
    RepositoryRef,
    Snapshot,
    Unreadable,
)
from cci_migrate.forges.repository_errors import describe_error
from cci_migrate.transport.host_errors import (
    HostInUse,
    HostUnavailable,
    RefusedError,
    StaleSnapshot,
)
from cci_migrate.transport.pace import DEFAULT_PACE_LIMITS, Clock, PaceLimits
from cci_migrate.transport.progress import Progress

#: How often a repository is observed again after a write of unknown effect.
ATTEMPTS = 6
#: Repositories observed in one request before they are written to.
CHUNK = 10
#: An observation older than this (seconds) is repeated before a write.
FRESH = 120.0


class ApplyOptions(Struct, frozen=True):
    """The options of one run of `batch apply`.

    ``max_changes`` None: no limit. ``deadline`` is a time in seconds since 1970; 0: none.
    ``approved`` are the only groups of changes to write; None: all. ``canary_names`` are the
    repositories that the user wants in the canary. ``replaces_discussed``: outdated pull requests
    on which people have commented are closed, and others opened.
    """

    messages: MessageTemplates
    extras: PullRequestExtras = PullRequestExtras()
    max_changes: int | None = None
    deadline: float = 0.0
    is_dry_run: bool = False
    filter: RepositoryFilter = RepositoryFilter(forks=True)
    pace: PaceLimits = DEFAULT_PACE_LIMITS
    approved: frozenset[str] | None = None
    canary_names: tuple[str, ...] = ()
    replaces_discussed: bool = False

    def is_approved(self, entry: LedgerEntry) -> bool:
        """Whether the change of ``entry`` may be written; one that was begun is finished.

        Without a change there is nothing to approve: labels and reviewers may be all that is left.
        """
        if self.approved is None or entry.state is State.APPLYING:
            return True
        return not entry.group or entry.group in self.approved


class ApplyRun(Struct, frozen=True):
    """One run of `batch apply` over the planned repositories of a campaign."""

    campaign: Campaign
    host_of: Callable[[RepositoryRef, str], Host]
    options: ApplyOptions
    canary: Canary
    waves: Waves
    progress: Progress
    clock: Clock
    planner: Planner

    def run(self) -> ExitCode:
        """Write the planned changes, and record the outcomes in the ledger.

        Returns LEFT if a limit ended the run early, FAILED if a host is unavailable. Raises
        ExtrasError before anything is written, LedgerError when an outcome cannot be recorded.
        """
        check_names(self.options.canary_names, self.campaign.ledger)
        by_server: dict[tuple[Kind, str], dict[RepositoryRef, Host]] = {}
        candidates: list[Candidate] = []
        unapproved = 0
        # What failed before comes last: it must not keep the others waiting again.
        for states in (PENDING, TRIED_AGAIN):
            for entry in self.campaign.ledger.entries(states):
                # A repository whose planning failed has nothing to write.
                is_planned = entry.state in PENDING or entry.files
                if not is_planned or self.options.filter.why_not_by_name(entry.ref):
                    continue
                if not self.options.is_approved(entry):
                    unapproved += 1
                    continue
                host = self.host_of(entry.ref, entry.branch_name)
                server = entry.ref.kind, entry.ref.host
                by_server.setdefault(server, {})[entry.ref] = host
                if entry.state is State.PLANNED:
                    candidates.append(Candidate.of(entry))
        for targets in by_server.values():
            self.options.extras.check(next(iter(targets.values())), list(targets))
        self.progress.begin("apply", sum(map(len, by_server.values())))
        if unapproved:
            waiting = "1 change waits" if unapproved == 1 else f"{unapproved} changes wait"
            self.progress.note(f"{waiting} for approval; approve with `batch approve`")
        for targets in by_server.values():
            self._estimate(next(iter(targets.values())), len(targets))
        budget = _Budget(self.options.max_changes)
        outcomes = {ExitCode.DONE}
        for targets in by_server.values():
            try:
                in_order = self._canary_first(targets, candidates)
                if not self._apply_to_server(in_order, budget):
                    outcomes.add(ExitCode.LEFT)
            except HostUnavailable as error:
                self.progress.note(str(error))
                is_later = error.until or isinstance(error, HostInUse)
                outcomes.add(ExitCode.LEFT if is_later else ExitCode.FAILED)
        return max(outcomes, key=lambda code: code.value)

    def _canary_first(
        self, targets: Mapping[RepositoryRef, Host], candidates: Sequence[Candidate]
    ) -> dict[RepositoryRef, Host]:
        """``targets`` with those that the canary lacks at the front: the named ones, then chosen.

        The others come host by host: those of one host are observed together.
        """
        first: list[RepositoryRef] = []
        if self._has_gates(next(iter(targets.values()))):
            named = [name.lower() for name in self.options.canary_names]
            first = [ref for name in named for ref in targets if ref.name.lower() == name]
            lacking = self.canary.lacks(next(iter(targets)), self.campaign.ledger)
            if len(first) < lacking < len(targets):
                others = [
                    candidate
                    for candidate in candidates
                    if candidate.ref in targets and candidate.ref not in first
                ]
                has_ci = partial(_has_passing_ci, targets)
                first += choose(others, lacking - len(first), has_ci)
        by_host: dict[Host, list[RepositoryRef]] = {}
        for ref, host in targets.items():
            by_host.setdefault(host, []).append(ref)
        rest = (ref for refs in by_host.values() for ref in refs)
        return {ref: targets[ref] for ref in dict.fromkeys((*first, *rest))}

    def _has_gates(self, host: Host) -> bool:
        """Whether the canary and the waves hold on ``host``."""
        return host.delivery is Delivery.PULL_REQUEST and not self.options.is_dry_run

    def _estimate(self, host: Host, count: int) -> None:
        """Say how long ``count`` pull requests take at least, if it is minutes."""
        most = self.options.max_changes
        count = count if most is None else min(most, count)
        minutes = round(self.options.pace.seconds_for(count) / 60)
        if host.delivery is Delivery.PULL_REQUEST and minutes > 1:
            hours, rest = divmod(minutes, 60)
            time = f"{hours} h {rest} min" if hours else f"{rest} min"
            pace = self.options.pace.per_hour
            self.progress.note(f"{count} pull requests take at least {time} ({pace} an hour)")

    def _apply_to_server(self, targets: Mapping[RepositoryRef, Host], budget: _Budget) -> bool:
        waiting = len(targets)
        streak = RefusalStreak()
        for host, entry, observation in self._observations(targets):
            if budget.is_spent or (self.options.deadline and self._now() >= self.options.deadline):
                self.progress.note("reached the limit of this run; run it again to continue")
                return False
            if self._has_gates(host) and not self._may_go_on(entry, waiting):
                return False
            attempt = self._deliver(host, entry, observation)
            self.progress.done(attempt.entry.done)
            waiting -= 1
            if attempt.entry.state in OPENED or attempt.entry.state is State.CHANGED:
                budget.spend()
            elif attempt.is_refused:
                self.canary.count_failure(entry.ref)
            if why := streak.add(attempt):
                self.progress.note(f"{why}; {waiting} more are waiting")
                return False
        return True

    def _may_go_on(self, entry: LedgerEntry, waiting: int) -> bool:
        """Whether the canary and the waves let the next of ``waiting`` repositories pass."""
        ledger = self.campaign.ledger
        gates = (self.canary.gate, self.waves.gate)
        return all(gate(entry.ref, ledger, waiting) is Gate.OPEN for gate in gates)

    def _observations(
        self, targets: Mapping[RepositoryRef, Host]
    ) -> Iterator[tuple[Host, LedgerEntry, Observation]]:
        for host, group in groupby(targets, key=targets.__getitem__):
            refs = list(group)
            for start in range(0, len(refs), CHUNK):
                chunk = refs[start : start + CHUNK]
                observed_at = self._now()
                observations = {
                    observation.ref.key: observation for observation in observe_each(host, chunk)
                }
                for ref in chunk:
                    entry = self.campaign.ledger.entry(ref.key)
                    if entry is None:
                        continue
                    is_fresh = self._now() - observed_at <= FRESH
                    observation = observations[ref.key] if is_fresh else self._observe(host, ref)
                    yield host, entry, observation

    def _observe(self, host: Host, ref: RepositoryRef) -> Observation:
        return next(observe_each(host, [ref]))

    def _deliver(self, host: Host, entry: LedgerEntry, observation: Observation) -> Attempt:
        """Bring one repository as far as its delivery goes."""
        initial, last = entry, ""
        for _ in range(ATTEMPTS):
            if isinstance(observation, Unreadable):
                failed = unreadable_entry(observation, self._now())
                return Attempt(self._fail(initial, failed.state, failed.cause))
            try:
                planned = self.planner.plan_one(
                    observation, partial(begin_reads, lambda _ref: host)
                )
                if planned.plan is None:
                    return Attempt(self._fail(initial, State.FAILED, planned.error))
                delivered = self._advance(host, initial, observation, planned.plan)
            except StaleSnapshot as error:
                self.progress.note(f"{entry.ref.label}: {error}; reading it again")
                initial = replace(self._recorded(initial), state=State.APPLYING)
                observation, last = self._observe(host, entry.ref), str(error)
            except WriteRefused as error:
                self._remove_leftover(host, initial, planned.plan)
                is_forbidden = error.refusal.lacks_permission
                state = State.NO_PERMISSION if is_forbidden else State.FAILED
                return Attempt(self._fail(initial, state, str(error)), True, error.refusal)
            except RefusedError as error:
                return Attempt(self._fail(initial, State.NO_PERMISSION, str(error)))
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - the other repositories go on
                return Attempt(self._fail(initial, State.FAILED, describe_error(error)))
            else:
                is_refused = delivered.state is State.PULL_REQUEST_INCOMPLETE and not all(
                    map(is_about_code_owner, delivered.lacks)
                )
                return Attempt(delivered, is_refused, RefusedWrite(WriteStep.EXTRAS))
        cause = f"no lasting result after {ATTEMPTS} attempts ({last})"
        return Attempt(self._fail(initial, State.FAILED, cause), True)

    def _advance(
        self, host: Host, entry: LedgerEntry, snapshot: Snapshot, plan: RepositoryPlan
    ) -> LedgerEntry:
        """Perform steps until none is left. Raises what `Host.write` raises."""
        snapshot = with_ownership(host, snapshot, plan.hashes, entry, self.campaign.ids)
        is_under_way = entry.state is State.APPLYING
        is_remote = entry.ref.kind is not Kind.LOCAL
        wanted: WantedExtras | None = None
        while True:
            step = next_step(snapshot, plan, host.delivery)
            if isinstance(step, Stop):
                if step.state is State.PULL_REQUEST_OPEN:
                    entry = self._with_extras(host, entry, snapshot, wanted)
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
            if isinstance(step, Write) and self._is_to_replace(host, entry, snapshot):
                entry, snapshot = self._close_replaced(host, entry, snapshot)
                continue
            wanted = wanted or self._wanted(host, entry, snapshot)
            proposal = replace(self._proposal(entry, plan), extras=wanted.together)
            match step:
                case Write():
                    with writing(WriteStep.BRANCH) if is_remote else nullcontext():
                        branch = host.write(snapshot, proposal)
                    if host.delivery is Delivery.FILES:
                        return self._record(replace(entry, state=State.CHANGED, cause="in place"))
                    snapshot = replace(snapshot, branch=branch)
                case OpenPullRequest():
                    with writing(WriteStep.PULL_REQUEST):
                        pull = host.open_pull_request(snapshot, proposal)
                    snapshot = replace(snapshot, pull=replace(pull, is_ours=True))
                case _:
                    assert_never(step)

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
        number = snapshot.pull.number if snapshot.pull is not None else 0
        entry = self._record(replace(entry, replaced=number))
        host.close(snapshot)
        return entry, replace(snapshot, pull=None, branch=None)

    def _wanted(self, host: Host, entry: LedgerEntry, snapshot: Snapshot) -> WantedExtras:
        if host.delivery is not Delivery.PULL_REQUEST:
            return WantedExtras()
        return self.options.extras.wanted(host, snapshot, [file.path for file in entry.files])

    def _with_extras(
        self, host: Host, entry: LedgerEntry, snapshot: Snapshot, wanted: WantedExtras | None
    ) -> LedgerEntry:
        """``entry`` once they were added to a pull request that this or an earlier run opened."""
        is_begun = entry.state in (State.APPLYING, State.PULL_REQUEST_INCOMPLETE)
        if not is_begun or self.options.is_dry_run:
            return entry
        try:
            wanted = wanted or self._wanted(host, entry, snapshot)
            lacks = wanted.add(host, snapshot)
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - the pull request exists anyway
            lacks = (f"labels, reviewers and assignees: {describe_error(error)}",)
        return replace(entry, lacks=lacks)

    def _remove_leftover(self, host: Host, entry: LedgerEntry, plan: RepositoryPlan | None) -> None:
        """Delete the branch of a delivery that the host refused to go on with."""
        planned = plan.hashes if plan is not None else ()
        try:
            observation = self._observe(host, entry.ref)
            entry = self._recorded(entry)
            if isinstance(observation, Snapshot):
                ids = self.campaign.ids
                _without_leftover_branch(
                    host, with_ownership(host, observation, planned, entry, ids)
                )
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - it is deleted by the next run
            self.progress.note(
                f"{entry.ref.label}: could not delete its branch: {describe_error(error)}"
            )

    def _proposal(self, entry: LedgerEntry, plan: RepositoryPlan) -> Proposal:
        branch = entry.branch_name or self.campaign.branch_of(entry.ref)
        replaced = ""
        if entry.pull is not None and entry.pull.number == entry.replaced:
            replaced = entry.pull.url
        messages, ref, campaign = self.options.messages, entry.ref, self.campaign.id
        return messages.proposal(ref, plan, branch, campaign, replaced)

    def _stop(
        self, host: Host, entry: LedgerEntry, snapshot: Snapshot, stop: Stop, *, is_under_way: bool
    ) -> LedgerEntry:
        state, cause = stop.state, stop.cause
        if is_under_way and state is State.NOTHING_TO_DO and host.delivery is Delivery.FILES:
            # Written by a run that was killed before it could say so.
            state, cause = State.CHANGED, "in place"
        ledger = self.campaign.ledger
        is_canary = entry.is_canary or self.canary.takes(state, entry.ref, ledger)
        wave = entry.wave
        if is_under_way and not is_canary and not wave:
            wave = self.waves.joined(state, entry.ref, ledger)
        updated = replace(
            with_stop(entry, Stop(state, cause)),
            branch=branch_to_record(snapshot, entry),
            pull=pull_to_record(snapshot, entry),
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
        if self.campaign.needs_confirmation:
            self.campaign.store_diff(snapshot.ref, b"")
            cause = "it changed after CircleCI's compiler confirmed the plan; plan it again"
            return self._record(LedgerEntry(snapshot.ref, State.LISTED, cause))
        self.campaign.store_diff(snapshot.ref, plan.diff)
        replanned = planned_entry(snapshot, plan, None, self._now(), entry, entry.branch_name)
        cause = "planned again, because it changed; review the new diff, then apply again"
        return self._record(replace(replanned, cause=cause))

    def _fail(self, entry: LedgerEntry, state: State, cause: str) -> LedgerEntry:
        return self._record(replace(self._recorded(entry), state=state, cause=cause))

    def _recorded(self, entry: LedgerEntry) -> LedgerEntry:
        """``entry`` as the ledger has it: part of its delivery may have been recorded since."""
        return self.campaign.ledger.entry(entry.ref.key) or entry

    def _record(self, entry: LedgerEntry) -> LedgerEntry:
        updated = replace(entry, changed_at=self._now(), undoing=None)
        if not self.options.is_dry_run:
            self.campaign.ledger.record(updated)
        return updated

    def _now(self) -> float:
        return self.clock.now()


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


def _has_passing_ci(targets: Mapping[RepositoryRef, Host], ref: RepositoryRef) -> bool:
    return has_passing_ci(targets[ref], ref)


class _Budget:
    """The number of changes that this run may still make. ``limit`` None: any number."""

    def __init__(self, limit: int | None) -> None:
        self._left = limit

    @property
    def is_spent(self) -> bool:
        """Whether no further change may be made."""
        return self._left is not None and self._left <= 0

    def spend(self) -> None:
        """Count one change."""
        if self._left is not None:
            self._left -= 1


def _dry_run_cause(step: DeliveryStep, delivery: Delivery, snapshot: Snapshot) -> str:
    match step:
        case OpenPullRequest():
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
