"""`batch plan`: list the repositories, observe each, plan its change, and record the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.change_groups import group_of
from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.isolation import FATAL_ERRORS, observe_each, read_each
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.next_step import Stop, next_step
from cci_migrate.campaign.ownership import (
    branch_to_record,
    has_another_change,
    is_own_pull,
    pull_to_record,
    with_ownership,
)
from cci_migrate.campaign.planner import PlanResult, planner
from cci_migrate.campaign.repository_filter import RepositoryFilter, Shard
from cci_migrate.campaign.repository_plan import RepositoryPlan
from cci_migrate.campaign.states import PLANNED_AGAIN, WRITTEN, State
from cci_migrate.engine.exit_codes import ExitCode
from cci_migrate.engine.policy_patterns import unmatched
from cci_migrate.forges.host import Host, Source
from cci_migrate.forges.repository import (
    Blocker,
    Observation,
    PullState,
    RepositoryRef,
    Snapshot,
    Traits,
    Unreadable,
)
from cci_migrate.forges.repository_errors import describe_error
from cci_migrate.transport.host_errors import HostUnavailable
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress
from cci_migrate.wording import shortened

if TYPE_CHECKING:
    from cci_migrate.campaign.plan_verification import PlanVerification

#: Repositories passed to a host at a time; it may ask for fewer in one request.
CHUNK = 400


class _Unavailable:
    """Why some repositories could not be listed or observed, and the exit code for it."""

    def __init__(self) -> None:
        self.causes: list[str] = []
        self.exit_code = ExitCode.DONE

    def add(self, cause: str, *, is_limit: bool = False) -> None:
        """Add a cause. ``is_limit``: running it again later is enough."""
        self.causes.append(cause)
        if not is_limit:
            self.exit_code = ExitCode.FAILED
        elif self.exit_code is ExitCode.DONE:
            self.exit_code = ExitCode.LEFT


class PlanRun(Struct, frozen=True):
    """One run of `batch plan`. ``verification`` is for changes that must be confirmed."""

    campaign: Campaign
    host_of: Callable[[RepositoryRef, str], Host]
    filter: RepositoryFilter
    shard: Shard
    progress: Progress
    clock: Clock
    limits: WorkLimits
    jobs: int | None = None
    verification: PlanVerification | None = None
    #: The branch of each repository in which the campaign's usual one is used up, by its key.
    branch_names: dict[str, str] = field(default_factory=dict)

    def run(self, sources: Sequence[Source]) -> ExitCode:
        """Plan the repositories of ``sources`` that are not planned yet.

        Returns LEFT if some are left for another run, because a host limits requests, and FAILED if
        a source could not be listed. Raises LedgerError when a plan cannot be recorded.
        """
        self._apply_filter()
        names = {source.name for source in sources}
        others = [name for name in self.campaign.ledger.sources() if name not in names]
        if others:
            self.progress.note(f"The campaign keeps the repositories of {shortened(others, 1)}.")
        self.progress.begin("plan", None)
        started_at = self.clock.now()
        unavailable = _Unavailable()
        matched: list[frozenset[str]] = []
        with planner(self.campaign.policy, self.limits, self.jobs) as pool:
            for planned in pool.plan_all(
                self._snapshots(sources, unavailable, started_at), partial(read_each, self._host)
            ):
                self._record(planned)
                if planned.plan is not None:
                    matched.append(planned.plan.matched_patterns)
        for pattern in unmatched(self.campaign.policy, matched) if matched else ():
            self.progress.note(f"The policy's {pattern} matches nothing in this run.")
        for text in unavailable.causes:
            self.progress.note(text)
        return unavailable.exit_code

    def _apply_filter(self) -> None:
        """Have everything planned again if other filters were given than in the last run."""
        ledger = self.campaign.ledger
        current, recorded = self.filter.as_json(), ledger.setting("filter")
        if recorded and recorded != current:
            self.progress.note(
                "The filters are not those of the last plan: all repositories are planned again, "
                "except those that were changed, closed or reverted."
            )
            ledger.forget_listing()
        ledger.set({"filter": current})

    def _snapshots(
        self, sources: Sequence[Source], unavailable: _Unavailable, started_at: float
    ) -> Iterator[Snapshot]:
        # Repositories that are being planned are not recorded yet, and must not be planned twice.
        in_progress: set[str] = set()
        for source in sources:
            try:
                for snapshot in self._list_source(source):
                    if self._is_spent(unavailable):
                        return
                    in_progress.add(snapshot.ref.key)
                    yield snapshot
            except HostUnavailable as error:
                unavailable.add(f"{source.name}: {error}", is_limit=bool(error.until))
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - the other sources go on
                unavailable.add(f"{source.name}: {describe_error(error)}")
        for snapshot in self._not_yet_planned(unavailable, started_at, in_progress):
            if self._is_spent(unavailable):
                return
            yield snapshot

    def _is_spent(self, unavailable: _Unavailable) -> bool:
        """Whether no more changes may be confirmed in this run; ``unavailable`` then says so."""
        if self.verification is None or not self.verification.is_spent:
            return False
        why = "reached --verify-limit; run it again to continue"
        unavailable.add(why, is_limit=True)
        return True

    def _list_source(self, source: Source) -> Iterator[Snapshot]:
        """The new repositories of ``source``, from the page where an earlier run was killed."""
        ledger = self.campaign.ledger
        cursor, is_listed = ledger.source(source.name)
        if is_listed:
            return
        for page in source.pages(cursor):
            observations = [
                observation for observation in page.observations if self._is_new(observation.ref)
            ]
            refs = [*page.refs, *(observation.ref for observation in observations)]
            ours = [ref for ref in refs if self.shard.has(ref)]
            ledger.add(ours, self.clock.now(), source.name, page.cursor)
            for ref in ours:
                self._leave_out(ref, self._why_not(ref))
            yield from self._plannable(s for s in observations if self.shard.has(s.ref))

    def _not_yet_planned(
        self, unavailable: _Unavailable, started_at: float, in_progress: set[str]
    ) -> Iterator[Snapshot]:
        """The repositories that were only listed, and those that failed in an earlier run."""
        waiting: dict[Host, list[RepositoryRef]] = {}
        for entry in self.campaign.ledger.entries(PLANNED_AGAIN):
            failed_just_now = entry.state is not State.LISTED and entry.changed_at >= started_at
            if failed_just_now or entry.ref.key in in_progress:
                continue
            host = self.host_of(entry.ref, "")
            waiting.setdefault(host, []).append(entry.ref)
        for host, refs in waiting.items():
            try:
                for start in range(0, len(refs), CHUNK):
                    yield from self._plannable(observe_each(host, refs[start : start + CHUNK]))
            except HostUnavailable as error:
                unavailable.add(str(error), is_limit=bool(error.until))

    def _plannable(self, observations: Iterable[Observation]) -> Iterator[Snapshot]:
        """The snapshots among ``observations`` to plan; records the states of the others.

        Where the branch is used up, the repository is observed again with the next branch.
        """
        used_up: dict[Host, list[RepositoryRef]] = {}
        for observation in observations:
            if isinstance(observation, Unreadable):
                self._finish(unreadable_entry(observation, self.clock.now()))
                continue
            why_not = self._why_not(observation.ref, observation.traits)
            if why_not:
                self._leave_out(observation.ref, why_not)
            elif observation.traits.archived:
                self._finish(
                    LedgerEntry(observation.ref, State.ARCHIVED, changed_at=self.clock.now())
                )
            elif self._has_used_up_branch(observation):
                ref = observation.ref
                self.branch_names[ref.key] = self._next_branch_name(ref)
                used_up.setdefault(self._host(ref), []).append(ref)
            else:
                yield observation
        for host, refs in used_up.items():
            yield from self._plannable(observe_each(host, refs))

    def _has_used_up_branch(self, snapshot: Snapshot) -> bool:
        """Whether another campaign's pull request was merged from the branch."""
        if snapshot.pull is None or snapshot.pull.state is not PullState.MERGED:
            return False
        recorded = self.campaign.ledger.entry(snapshot.ref.key)
        return not is_own_pull(snapshot, recorded, self.campaign.ids)

    def _next_branch_name(self, ref: RepositoryRef) -> str:
        """The campaign's branch with the next number: ``cci-migrate/registry-auth-2``, ``-3``."""
        usual = self.campaign.branch
        number = self.branch_names.get(ref.key, usual).removeprefix(usual)
        return f"{usual}-{int(number[1:] or 1) + 1}"

    def _is_new(self, ref: RepositoryRef) -> bool:
        entry = self.campaign.ledger.entry(ref.key)
        return entry is None or entry.state is State.LISTED

    def _why_not(self, ref: RepositoryRef, traits: Traits | None = None) -> str:
        """Why ``ref`` is excluded; empty if it is not, or if the campaign has written to it."""
        entry = self.campaign.ledger.entry(ref.key)
        if entry is not None and (entry.pull is not None or entry.state in WRITTEN):
            return ""
        by_name = self.filter.why_not_by_name(ref)
        return by_name or ("" if traits is None else self.filter.why_not(traits))

    def _leave_out(self, ref: RepositoryRef, why_not: str) -> None:
        if why_not:
            self._finish(LedgerEntry(ref, State.EXCLUDED, why_not, changed_at=self.clock.now()))

    def _host(self, ref: RepositoryRef) -> Host:
        return self.host_of(ref, self.branch_names.get(ref.key, ""))

    def _record(self, planned: PlanResult) -> None:
        now, snapshot = self.clock.now(), planned.snapshot
        if planned.plan is None:
            self._finish(LedgerEntry(snapshot.ref, State.FAILED, planned.error, changed_at=now))
            return
        try:
            plan = planned.plan
            if self.verification is not None and plan.changes:
                if self.verification.is_spent:
                    # Planned ahead; the next run plans it.
                    return
                plan = self.verification.verified(planned, plan)
            entry = self._entry(snapshot, plan, now)
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - the other repositories go on
            entry = LedgerEntry(snapshot.ref, State.FAILED, describe_error(error), changed_at=now)
        self._finish(entry)

    def _entry(self, snapshot: Snapshot, plan: RepositoryPlan, now: float) -> LedgerEntry:
        host = self._host(snapshot.ref)
        recorded = self.campaign.ledger.entry(snapshot.ref.key)
        snapshot = with_ownership(host, snapshot, plan.hashes, recorded, self.campaign.ids)
        step = next_step(snapshot, plan, host.delivery)
        if recorded is not None and isinstance(step, Stop) and has_another_change(snapshot):
            # The diff and the record stay those of the pull request.
            pull = pull_to_record(snapshot, recorded)
            return with_stop(replace(recorded, pull=pull, changed_at=now), step)
        self.campaign.store_diff(snapshot.ref, plan.diff)
        name = self.branch_names.get(snapshot.ref.key, "")
        return planned_entry(snapshot, plan, step, now, recorded, name)

    def _finish(self, entry: LedgerEntry) -> None:
        recorded = self.campaign.ledger.entry(entry.ref.key)
        if not entry.head and recorded is not None and recorded.pull is not None:
            # It could not be planned; its pull request is the campaign's as before.
            entry = replace(
                recorded, state=entry.state, cause=entry.cause, changed_at=entry.changed_at
            )
        self.campaign.ledger.record(entry)
        self.progress.done(entry.done)


def planned_entry(
    snapshot: Snapshot,
    plan: RepositoryPlan,
    step: object,
    now: float,
    recorded: LedgerEntry | None,
    branch_name: str,
) -> LedgerEntry:
    """The ledger's entry for ``plan``, of which ``step`` is the next step.

    ``recorded`` is the earlier entry, ``branch_name`` as in an entry.
    """
    stop = step if isinstance(step, Stop) else Stop(State.PLANNED, plan.cause)
    entry = LedgerEntry(
        ref=snapshot.ref,
        state=stop.state,
        head=snapshot.head,
        digest=plan.digest if plan.changes else "",
        group=group_of(plan),
        has_diff=bool(plan.changes),
        files=plan.hashes,
        findings=plan.findings,
        todos=plan.todos,
        is_confirmed=plan.is_confirmed,
        pulls=plan.pulls,
        images=plan.images,
        authenticated=plan.authenticated,
        branch=branch_to_record(snapshot, recorded),
        branch_name=branch_name,
        lacks=recorded.lacks if recorded is not None else (),
        pull=pull_to_record(snapshot, recorded),
        changed_at=now,
        active_at=snapshot.traits.active_at,
        wave=recorded.wave if recorded is not None else 0,
    )
    return with_stop(entry, stop)


def with_stop(entry: LedgerEntry, stop: Stop) -> LedgerEntry:
    """``entry`` in the state of ``stop``; an open pull request may lack extras."""
    if stop.state is State.PULL_REQUEST_OPEN and entry.lacks:
        stop = Stop(State.PULL_REQUEST_INCOMPLETE, "; ".join(entry.lacks))
    return replace(entry, state=stop.state, cause=stop.cause)


def unreadable_entry(observation: Unreadable, now: float) -> LedgerEntry:
    """The ledger's entry for a repository that could not be read."""
    forbidden = observation.blocker is Blocker.FORBIDDEN
    state = State.NO_PERMISSION if forbidden else State.FAILED
    return LedgerEntry(observation.ref, state, observation.cause, changed_at=now)
