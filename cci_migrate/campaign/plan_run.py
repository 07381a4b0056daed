"""`batch plan`: list the repositories, observe each, plan its change, and record the plan."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.delivery_step import DeliveryStep, Stop, delivery_step
from cci_migrate.campaign.isolation import Failure, attempt, begin_reads
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.ownership import (
    branch_to_record,
    has_another_change,
    proven_tip,
    pull_to_record,
    with_ownership,
)
from cci_migrate.campaign.plan_basis import PlanBasis
from cci_migrate.campaign.planner import Planner, PlanResult
from cci_migrate.campaign.repositories_to_plan import RepositoriesToPlan
from cci_migrate.campaign.repository_filter import Shard
from cci_migrate.campaign.repository_plan import RepositoryPlan
from cci_migrate.campaign.states import State
from cci_migrate.engine.policy_patterns import unmatched
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.host import Host, Source
from cci_migrate.forges.repository import Snapshot
from cci_migrate.wording import shortened

if TYPE_CHECKING:
    from cci_migrate.campaign.plan_verification import PlanVerification


class PlanRun(Struct, frozen=True):
    """One run of `batch plan`. ``verification`` is for changes that must be confirmed."""

    session: CampaignSession
    shard: Shard
    limits: WorkLimits
    jobs: int | None = None
    verification: PlanVerification | None = None

    def run(self, sources: Sequence[Source]) -> ExitCode:
        """Plan the repositories of ``sources`` that are not planned yet.

        Returns LEFT if some are left for another run, because a host limits requests, and FAILED if
        a source could not be listed. Raises LedgerError when a plan cannot be recorded.
        """
        self._apply_filter()
        progress = self.session.progress
        names = {source.name for source in sources}
        others = [name for name in self.session.ledger.sources() if name not in names]
        if others:
            progress.note(f"The campaign keeps the repositories of {shortened(others, 1)}.")
        progress.begin("plan", None)
        matched: list[frozenset[str]] = []
        repositories = RepositoriesToPlan(
            self.session,
            self.shard,
            self._finish,
            partial(self._keep, matched),
            self._is_spent,
        )
        policy = self.session.campaign.policy
        with closing(Planner(policy, self.limits, self.jobs)) as pool:
            for planned in pool.plan_all(
                repositories.snapshots(sources), partial(begin_reads, repositories.host)
            ):
                self._record(planned, repositories)
                if not isinstance(planned.plan, Failure):
                    matched.append(planned.plan.matched_patterns)
        for pattern in unmatched(policy, matched) if matched else ():
            progress.note(f"The policy's {pattern} matches nothing in this run.")
        unreached = repositories.unreached
        if self._is_spent():
            unreached.add("reached --verify-limit; run it again to continue", is_limit=True)
        for text in unreached.causes:
            progress.note(text)
        return unreached.exit_code

    def _apply_filter(self) -> None:
        """Have everything planned again if other filters were given than in the last run."""
        ledger = self.session.ledger
        current, recorded = self.session.filter.as_json(), ledger.setting("filter")
        if recorded and recorded != current:
            self.session.progress.note(
                "The filters are not those of the last plan: all repositories are planned again, "
                "except those that were changed, closed or reverted."
            )
            ledger.forget_listing()
        ledger.set({"filter": current})

    def _is_spent(self) -> bool:
        """Whether no more changes may be confirmed in this run."""
        return self.verification is not None and self.verification.is_spent

    @property
    def _basis(self) -> PlanBasis:
        campaign = self.session.campaign
        policy = self.session.ledger.setting("policy")
        return PlanBasis(policy, self.limits, campaign.is_nested, campaign.is_split)

    def _keep(
        self,
        matched: list[frozenset[str]],
        snapshot: Snapshot,
        recorded: LedgerEntry,
        host: Host,
        branch_name: str,
    ) -> bool:
        """Record ``recorded`` again for what ``snapshot`` shows, if its plan still holds.

        ``matched`` gets the policy's patterns that match something in the repository.
        """
        kept, campaign = recorded.plan, self.session.campaign
        if kept is None or self.verification is not None or not campaign.has_diff(recorded):
            return False
        if not self._basis.holds(recorded, snapshot):
            return False
        files = recorded.files
        owned = attempt(with_ownership, host, snapshot, files, recorded, campaign.ids)
        if isinstance(owned, Failure):
            return False  # planning it again says what is wrong
        snapshot = owned
        step = delivery_step(snapshot, RepositoryPlan(kept.state, kept.cause), host.delivery)
        if isinstance(step, Stop) and has_another_change(snapshot):
            return False
        entry = _delivered_entry(recorded, snapshot, self.session.clock.now(), branch_name)
        self._finish(_at_step(entry, step, kept.cause), recorded)
        matched.append(frozenset(kept.matched_patterns))
        return True

    def _record(self, planned: PlanResult, repositories: RepositoriesToPlan) -> None:
        ref, plan = planned.snapshot.ref, planned.plan
        recorded = repositories.recorded.pop(ref.key)
        if isinstance(plan, Failure):
            entry: LedgerEntry | Failure = plan
        elif plan.changes and self._is_spent():
            return  # planned ahead; the next run plans it
        else:
            entry = attempt(self._entry, planned, plan, recorded, repositories)
        if isinstance(entry, Failure):
            now = self.session.clock.now()
            entry = LedgerEntry(ref, State.FAILED, entry.cause, changed_at=now)
        self._finish(entry, recorded)

    def _entry(
        self,
        planned: PlanResult,
        plan: RepositoryPlan,
        recorded: LedgerEntry,
        repositories: RepositoriesToPlan,
    ) -> LedgerEntry:
        snapshot, record = planned.snapshot, self._basis.record(planned)
        if self.verification is not None:
            plan, record = self.verification.verified(planned, plan), None
        now, host = self.session.clock.now(), repositories.host(snapshot.ref)
        snapshot = with_ownership(host, snapshot, plan.hashes, recorded, self.session.campaign.ids)
        step = delivery_step(snapshot, plan, host.delivery)
        if isinstance(step, Stop) and has_another_change(snapshot):
            # The diff and the record stay those of the pull request.
            pull = pull_to_record(snapshot, recorded)
            return with_stop(replace(recorded.with_pull(pull), changed_at=now, plan=None), step)
        self.session.campaign.store_diff(snapshot.ref, plan.diff)
        name = repositories.branch_name(snapshot.ref)
        entry = replace(planned_entry(snapshot, plan, now, recorded, name), plan=record)
        return _at_step(entry, step, plan.cause)

    def _finish(self, entry: LedgerEntry, recorded: LedgerEntry) -> None:
        if not entry.head and recorded.pull is not None:
            # It could not be planned; its pull request is the campaign's as before.
            entry = replace(
                recorded, state=entry.state, cause=entry.cause, changed_at=entry.changed_at
            )
        self.session.ledger.record(entry)
        self.session.progress.done(entry.done)


def planned_entry(
    snapshot: Snapshot,
    plan: RepositoryPlan,
    now: float,
    recorded: LedgerEntry,
    branch_name: str,
) -> LedgerEntry:
    """``recorded``, the earlier entry, with ``plan``; its state is still to be decided."""
    entry = replace(
        recorded,
        ref=snapshot.ref,
        digest=plan.digest if plan.changes else "",
        group=plan.group,
        has_diff=bool(plan.changes),
        files=plan.hashes,
        findings=plan.findings,
        todos=plan.todos,
        pulls=plan.pulls,
        images=plan.images,
        authenticated=plan.authenticated,
        is_confirmed=plan.is_confirmed,
        undoing=None,
        plan=None,
    )
    return _delivered_entry(entry, snapshot, now, branch_name)


def _delivered_entry(
    entry: LedgerEntry, snapshot: Snapshot, now: float, branch_name: str
) -> LedgerEntry:
    """``entry`` with what ``snapshot`` shows of the repository and its delivery."""
    return replace(
        entry.with_pull(pull_to_record(snapshot, entry)),
        head=snapshot.head,
        base=snapshot.default_branch,
        branch=branch_to_record(snapshot, entry),
        branch_name=branch_name,
        proven_tip=proven_tip(snapshot),
        changed_at=now,
        active_at=snapshot.traits.active_at,
    )


def _at_step(entry: LedgerEntry, step: DeliveryStep | Stop, cause: str) -> LedgerEntry:
    """``entry`` before the next ``step`` of its delivery; ``cause`` is that of its plan."""
    return with_stop(entry, step if isinstance(step, Stop) else Stop(State.PLANNED, cause))


def with_stop(entry: LedgerEntry, stop: Stop) -> LedgerEntry:
    """``entry`` in the state of ``stop``; an open pull request may lack extras."""
    if stop.state is State.PULL_REQUEST_OPEN and entry.missing_extras:
        cause = "; ".join(missing.text for missing in entry.missing_extras)
        stop = Stop(State.PULL_REQUEST_INCOMPLETE, cause)
    return replace(entry, state=stop.state, cause=stop.cause)
