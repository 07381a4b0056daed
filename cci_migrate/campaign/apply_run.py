"""`batch apply`: read each planned repository again, and write the change that was reviewed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import groupby

from msgspec import Struct

from cci_migrate.campaign.apply_options import ApplyOptions
from cci_migrate.campaign.canary import Canary
from cci_migrate.campaign.canary_choice import (
    Candidate,
    check_names,
    choose,
    has_passing_ci,
    is_named,
)
from cci_migrate.campaign.ci_results import Gate
from cci_migrate.campaign.delivering import Deliverer
from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.isolation import observe_each
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.refresh import has_open_pull
from cci_migrate.campaign.refusals import (
    RefusalStreak,
)
from cci_migrate.campaign.states import OPENED, PENDING, TRIED_AGAIN, State
from cci_migrate.campaign.waves import Waves
from cci_migrate.error_kinds import UserError
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.host import Delivery, ForkingHost, Host
from cci_migrate.forges.repository import (
    Kind,
    Observation,
    RepositoryRef,
)
from cci_migrate.transport.host_errors import (
    HostUnavailable,
)
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress

#: Repositories observed in one request before they are written to.
CHUNK = 10
#: An observation older than this (seconds) is repeated before a write.
FRESH = 120.0


#: https://circleci.com/docs/guides/security/contexts/, as `fork_and_bot_checks` has it.
_NO_SECRETS = (
    "CircleCI passes no secrets to pull requests from forks unless the project allows it: jobs "
    "that need a context fail there with Unauthorized"
)


class ForkingError(UserError):
    """The options ask for forks on a host where none is made."""


class ApplyRun(Struct, frozen=True):
    """One run of `batch apply` over the planned repositories of a campaign."""

    campaign: Campaign
    host_of: Callable[[RepositoryRef, str], Host]
    options: ApplyOptions
    canary: Canary
    waves: Waves
    progress: Progress
    clock: Clock
    deliverer: Deliverer

    def run(self) -> ExitCode:
        """Write the planned changes, and record the outcomes in the ledger.

        Returns LEFT if a limit ended the run early, FAILED if a host is unavailable. Raises
        ExtrasError or ForkingError before anything is written, LedgerError when an outcome cannot
        be recorded.
        """
        check_names(self.options.canary_names, self.campaign.ledger)
        by_server: dict[tuple[Kind, str], dict[RepositoryRef, Host]] = {}
        candidates: list[Candidate] = []
        updates: set[RepositoryRef] = set()
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
                if has_open_pull(entry):
                    updates.add(entry.ref)
                if entry.state is State.PLANNED:
                    candidates.append(Candidate.of(entry))
        self._check_forking(by_server.values())
        for targets in by_server.values():
            self.options.extras.check(next(iter(targets.values())), list(targets))
        self.progress.begin("apply", sum(map(len, by_server.values())))
        if self.options.fork_owner is not None:
            self.progress.note(_NO_SECRETS)
        if unapproved:
            waiting = "1 change waits" if unapproved == 1 else f"{unapproved} changes wait"
            self.progress.note(f"{waiting} for approval; approve with `batch approve`")
        for targets in by_server.values():
            self._estimate(next(iter(targets.values())), len(targets))
        budget = _Budget(self.options.max_changes)
        outcomes = {ExitCode.DONE}
        for targets in by_server.values():
            try:
                in_order = self._in_order(targets, candidates, updates)
                if not self._apply_to_server(in_order, budget):
                    outcomes.add(ExitCode.LEFT)
            except HostUnavailable as error:
                self.progress.note(str(error))
                outcomes.add(ExitCode.LEFT if error.is_limit else ExitCode.FAILED)
        return max(outcomes)

    def _check_forking(self, servers: Iterable[Mapping[RepositoryRef, Host]]) -> None:
        """Raises ForkingError for a host with pull requests where none can be made from a fork."""
        if self.options.fork_owner is None:
            return
        for ref, host in (item for targets in servers for item in targets.items()):
            if host.delivery is Delivery.PULL_REQUEST and not isinstance(host, ForkingHost):
                raise ForkingError(
                    f"--fork can't be used on {ref.host} ({ref.kind.value}); name the repositories "
                    "on other hosts, or leave it out"
                )

    def _in_order(
        self,
        targets: Mapping[RepositoryRef, Host],
        candidates: Sequence[Candidate],
        updates: Set[RepositoryRef],
    ) -> dict[RepositoryRef, Host]:
        """``targets`` with those that the canary lacks at the front: the named ones, then chosen.

        The others come host by host, as those of one host are observed together: first ``updates``
        of open pull requests, which need no room for more.
        """
        first: list[RepositoryRef] = []
        if self._has_gates(next(iter(targets.values()))):
            first = [
                ref for name in self.options.canary_names for ref in targets if is_named(ref, name)
            ]
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
        rest = sorted(
            (ref for refs in by_host.values() for ref in refs), key=lambda ref: ref not in updates
        )
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
            if budget.is_spent or self._is_over():
                self.progress.note("reached the limit of this run; run it again to continue")
                return False
            if self._has_gates(host) and not self._may_go_on(entry, waiting):
                return False
            attempt = self.deliverer.deliver(host, entry, observation)
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

    def _is_over(self) -> bool:
        """Whether the user's deadline has passed."""
        return bool(self.options.deadline) and self.clock.now() >= self.options.deadline

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
                observed_at = self.clock.now()
                observations = {
                    observation.ref.key: observation for observation in observe_each(host, chunk)
                }
                for ref in chunk:
                    entry = self.campaign.ledger.entry(ref.key)
                    if entry is None:
                        continue
                    observation = observations[ref.key]
                    if self.clock.now() - observed_at > FRESH:
                        observation = next(observe_each(host, [ref]))
                    yield host, entry, observation


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
