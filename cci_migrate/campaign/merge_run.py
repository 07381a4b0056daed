"""`batch merge-when-green`: merges the campaign's approved pull requests whose CI passed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.canary import MergeCanary
from cci_migrate.campaign.ci_gate import Gate
from cci_migrate.campaign.isolation import Failure, attempt
from cci_migrate.campaign.ledger import LedgerEntry, MergeRecord
from cci_migrate.campaign.merge_readiness import MergeOptions, MergeStep, Readiness, readiness
from cci_migrate.campaign.refresh import ReadPull, ended_entry, opened_by_host, read_pulls
from cci_migrate.campaign.refusals import Attempt, RefusalStreak, WriteRefused, WriteStep, writing
from cci_migrate.campaign.write_budget import WriteBudget
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.pull_request_reviews import OwnPull, PullRequestReview, Reviews
from cci_migrate.forges.repository import Checks, PullState, RepositoryRef
from cci_migrate.transport.host_errors import HostUnavailable, StaleSnapshot
from cci_migrate.transport.write_kinds import WriteKind

#: A review older than this (seconds) is read again before the merge.
FRESH = 60.0


class MergeOutcome(Struct, frozen=True):
    """What a run reached.

    ``code`` is DONE if no pull request is open any more, LEFT if some are, FAILED if some could not
    be read or merged. ``needs_person``: another run is of no use until somebody changes something.
    ``is_down``: a host can't be used.
    """

    code: ExitCode
    needs_person: bool = False
    is_down: bool = False


class _Ready(Struct, frozen=True):
    """A pull request to merge, or to have merged, by its repository; when it was read."""

    ref: RepositoryRef
    read_at: float


class MergeRun(Struct, frozen=True):
    """One run of `batch merge-when-green` over the open pull requests of a campaign."""

    session: CampaignSession
    options: MergeOptions
    canary: MergeCanary
    budget: WriteBudget

    def run(self) -> MergeOutcome:
        """Merge what is ready, and record the outcomes in the ledger."""
        by_host = opened_by_host(self.session)
        self.session.begin("merge", by_host)
        tally = _Tally()
        is_down = False
        for reviews, keys in by_host.items():
            try:
                self._merge_on_host(reviews, keys, tally)
            except HostUnavailable as error:
                self.session.progress.note(str(error))
                is_down |= not error.is_limit
        if tally.has_failed or is_down:
            return MergeOutcome(ExitCode.FAILED, tally.needs_person, is_down)
        code = ExitCode.LEFT if opened_by_host(self.session) else ExitCode.DONE
        return MergeOutcome(code, tally.needs_person)

    def _merge_on_host(self, reviews: Reviews, keys: Sequence[str], tally: _Tally) -> None:
        method, progress = self.options.method, self.session.progress
        if method is not None and method not in reviews.merge_methods:
            possible = ", ".join(sorted(each.value for each in reviews.merge_methods))
            progress.note(
                f"this host can't be asked for --method {method.value}, only for {possible}"
            )
            tally.has_failed = tally.needs_person = True
            return
        ready: dict[MergeStep, list[_Ready]] = {step: [] for step in MergeStep}
        for pull in read_pulls(self.session, reviews, keys):
            step = self._step(pull)
            ready[step].append(_Ready(pull.entry.ref, self._now()))
            tally.has_failed |= not pull.is_read
        for step in (MergeStep.MERGE, MergeStep.AUTO_MERGE):
            if not self._each(reviews, step, ready[step], tally):
                return

    def _step(self, pull: ReadPull) -> MergeStep:
        """The next step with a pull request that was read; reports one that waits."""
        if not pull.is_read:
            return MergeStep.WAIT
        if pull.entry.review is None:
            self.session.progress.done(pull.entry.done)
            return MergeStep.WAIT
        ready = self._readiness(pull.entry, pull.entry.review)
        if ready.step is MergeStep.WAIT or self.options.is_dry_run:
            would = {
                MergeStep.MERGE: "would be merged",
                MergeStep.AUTO_MERGE: "the host would be asked to merge it",
            }
            cause = would.get(ready.step, ready.reason)
            self.session.progress.done(replace(pull.entry.done, cause=cause))
            return MergeStep.WAIT
        return ready.step

    def _readiness(self, entry: LedgerEntry, review: PullRequestReview) -> Readiness:
        return readiness(entry, review, self.session.campaign.ids, self.options)

    def _each(
        self, reviews: Reviews, step: MergeStep, ready: Sequence[_Ready], tally: _Tally
    ) -> bool:
        """Do ``step`` with each of ``ready``; whether there is no reason to stop on this host."""
        streak = RefusalStreak()
        progress, ledger = self.session.progress, self.session.ledger
        for at, pull in enumerate(ready):
            left = len(ready) - at
            if self.budget.is_spent:
                limit = f"reached the limit of this run with {left} left"
                progress.note(f"{limit}; run it again to continue")
                return False
            gate = self.canary.gate(reviews, pull.ref, ledger, left)
            if gate is not Gate.OPEN:
                tally.needs_person |= gate is Gate.SHUT
                return False
            if step is MergeStep.AUTO_MERGE and not self.canary.has_passed(pull.ref):
                progress.note(
                    f"{left} more can be merged by their host, once the CI of the first merges is "
                    "known; --canary 0 does not wait for that"
                )
                return False
            reviews.wait_for_turn(WriteKind.MERGE if step is MergeStep.MERGE else WriteKind.OTHER)
            # What was read before the waits may not hold any more.
            entry = self._read_again(reviews, step, pull)
            if entry is None:
                continue
            attempted = self._attempt(reviews, step, entry)
            progress.done(attempted.entry.done)
            tally.has_failed |= attempted.is_refused
            if not attempted.is_refused:
                self.budget.spend()
            if why := streak.add(attempted):
                progress.note(f"{why}; {left - 1} more are waiting")
                tally.needs_person = True
                return False
        return True

    def _read_again(self, reviews: Reviews, step: MergeStep, ready: _Ready) -> LedgerEntry | None:
        """The pull request as it is now; None if ``step`` is not its next one any more."""
        if self._now() - ready.read_at <= FRESH:
            return self.session.ledger.entry(ready.ref.key)
        read = next(read_pulls(self.session, reviews, [ready.ref.key]))
        return read.entry if self._step(read) is step else None

    def _attempt(self, reviews: Reviews, step: MergeStep, entry: LedgerEntry) -> Attempt:
        pull, review = entry.pull, entry.review
        if pull is None or review is None:
            return Attempt(entry)
        merge = self._merge if step is MergeStep.MERGE else self._enable_auto_merge
        merged = attempt(merge, reviews, entry, OwnPull(entry.ref, pull), review)
        if not isinstance(merged, Failure):
            return Attempt(merged)
        if isinstance(merged.error, StaleSnapshot):
            return self._after_unknown_effect(reviews, entry, merged.cause)
        refusal = merged.error.refusal if isinstance(merged.error, WriteRefused) else None
        return Attempt(self._fail(entry, merged.cause), True, refusal)

    def _merge(
        self, reviews: Reviews, entry: LedgerEntry, own: OwnPull, review: PullRequestReview
    ) -> LedgerEntry:
        """Merge a pull request, which the ledger knows before it happens."""
        is_canary = self.canary.takes(entry.ref, self.session.ledger)
        base = reviews.base_checks(own) if is_canary else Checks.NONE
        entry = self._record(replace(entry, merge=MergeRecord(base, is_canary)))
        with writing(WriteStep.MERGE):
            state = reviews.merge(own, review, self.options.method)
        if state is PullState.OPEN:
            return self._record(replace(entry, cause="the host is merging it"))
        return self._record(ended_entry(entry, state, self._now()))

    def _enable_auto_merge(
        self, reviews: Reviews, entry: LedgerEntry, own: OwnPull, review: PullRequestReview
    ) -> LedgerEntry:
        with writing(WriteStep.AUTO_MERGE):
            reviews.enable_auto_merge(own, review, self.options.method)
        return self._record(
            replace(
                entry,
                cause="the host merges it as soon as its rules allow",
                merge=MergeRecord(is_automatic=True),
                review=replace(review, auto_merges=True),
            )
        )

    def _after_unknown_effect(self, reviews: Reviews, entry: LedgerEntry, why: str) -> Attempt:
        """Read what a merge came to whose answer was lost, or that came too late."""
        read = next(read_pulls(self.session, reviews, [entry.ref.key]))
        entry, review = read.entry, read.entry.review
        if read.is_read:
            if review is None or review.auto_merges:
                return Attempt(entry)
            ready = self._readiness(entry, review)
            if ready.step is MergeStep.WAIT:
                return Attempt(self._fail(entry, ready.reason))
        return Attempt(self._fail(entry, f"merge: {why}"), True)

    def _fail(self, entry: LedgerEntry, cause: str) -> LedgerEntry:
        return self._record(replace(entry, cause=cause, merge=None))

    def _record(self, entry: LedgerEntry) -> LedgerEntry:
        self.session.ledger.record(entry)
        return entry

    def _now(self) -> float:
        return self.session.clock.now()


class _Tally(Struct):
    """What came of the merges of one run so far.

    ``has_failed``: a pull request could not be read or merged. ``needs_person``: somebody has to
    change something before another run.
    """

    has_failed: bool = False
    needs_person: bool = False
