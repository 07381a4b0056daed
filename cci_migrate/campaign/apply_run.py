"""`batch apply`: read each planned repository again, and write the change that was reviewed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import groupby

from msgspec import Struct

from cci_migrate.campaign.apply_options import ApplyOptions
from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.canary import Canary
from cci_migrate.campaign.canary_choice import (
    Candidate,
    check_names,
    choose,
    has_passing_ci,
    is_named,
)
from cci_migrate.campaign.ci_gate import Gate
from cci_migrate.campaign.delivering import Deliverer
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.refusals import RefusalStreak
from cci_migrate.campaign.states import OPENED, PENDING, TRIED_AGAIN, State
from cci_migrate.campaign.waves import Waves
from cci_migrate.campaign.write_budget import WriteBudget
from cci_migrate.error_kinds import UserError
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.host import Delivery, ForkingHost, Host
from cci_migrate.forges.repository import Kind, Observation, RepositoryRef

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

    session: CampaignSession
    options: ApplyOptions
    canary: Canary
    waves: Waves
    budget: WriteBudget
    deliverer: Deliverer

    def run(self) -> ExitCode:
        """Write the planned changes, and record the outcomes in the ledger.

        Returns LEFT if a limit ended the run early, FAILED if a host is unavailable. Raises
        ExtrasError or ForkingError before anything is written, LedgerError when an outcome cannot
        be recorded.
        """
        check_names(self.options.canary_names, self.session.ledger)
        by_server: dict[tuple[Kind, str], dict[RepositoryRef, Host]] = {}
        candidates: list[Candidate] = []
        updates: set[RepositoryRef] = set()
        unapproved = 0
        # What failed before comes last: it must not keep the others waiting again.
        for states in (PENDING, TRIED_AGAIN):
            for entry in self.session.ledger.entries(states):
                # A repository whose planning failed has nothing to write.
                is_planned = entry.state in PENDING or entry.files
                if not is_planned or not self.session.includes(entry):
                    continue
                if not self.options.is_approved(entry):
                    unapproved += 1
                    continue
                host = self.session.host_of(entry.ref, entry.branch_name)
                by_server.setdefault(entry.ref.server, {})[entry.ref] = host
                if entry.has_open_pull:
                    updates.add(entry.ref)
                if entry.state is State.PLANNED:
                    candidates.append(Candidate.of(entry))
        self._check_forking(by_server.values())
        for targets in by_server.values():
            self.options.extras.check(next(iter(targets.values())), list(targets))
        self.session.begin("apply", by_server)
        if self.options.forking is not None:
            self.session.progress.note(_NO_SECRETS)
        if unapproved:
            waiting = "1 change waits" if unapproved == 1 else f"{unapproved} changes wait"
            self.session.progress.note(f"{waiting} for approval; approve with `batch approve`")
        for targets in by_server.values():
            self._estimate(next(iter(targets.values())), len(targets))

        def on_server(targets: Mapping[RepositoryRef, Host]) -> ExitCode:
            in_order = self._in_order(targets, candidates, updates)
            return ExitCode.DONE if self._apply_to_server(in_order) else ExitCode.LEFT

        return self.session.for_each(by_server.values(), on_server)

    def _check_forking(self, servers: Iterable[Mapping[RepositoryRef, Host]]) -> None:
        """Raises ForkingError for a host with pull requests where none can be made from a fork."""
        if self.options.forking is None:
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
            lacking = self.canary.lacks(next(iter(targets)))
            if len(first) < lacking < len(targets):
                others = [
                    candidate
                    for candidate in candidates
                    if candidate.ref in targets and candidate.ref not in first
                ]
                first += choose(
                    others, lacking - len(first), lambda ref: has_passing_ci(targets[ref], ref)
                )
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
        count = count if self.budget.left is None else min(self.budget.left, count)
        minutes = round(self.options.pace.seconds_for(count) / 60)
        if host.delivery is Delivery.PULL_REQUEST and minutes > 1:
            hours, rest = divmod(minutes, 60)
            time = f"{hours} h {rest} min" if hours else f"{rest} min"
            pace = self.options.pace.per_hour
            self.session.progress.note(
                f"{count} pull requests take at least {time} ({pace} an hour)"
            )

    def _apply_to_server(self, targets: Mapping[RepositoryRef, Host]) -> bool:
        """Whether nothing is left there for another run."""
        waiting = len(targets)
        streak = RefusalStreak()
        for host, entry, observation in self._observations(targets):
            if self.budget.is_spent:
                self.session.progress.note(
                    "reached the limit of this run; run it again to continue"
                )
                return False
            if self._has_gates(host) and not self._may_go_on(entry, waiting):
                return False
            attempt = self.deliverer.deliver(host, entry, observation)
            self.session.progress.done(attempt.entry.done)
            waiting -= 1
            if attempt.entry.state in OPENED or attempt.entry.state is State.CHANGED:
                self.budget.spend()
            elif attempt.is_refused:
                self.canary.count_failure(entry.ref)
            if why := streak.add(attempt):
                self.session.progress.note(f"{why}; {waiting} more are waiting")
                return False
        return True

    def _may_go_on(self, entry: LedgerEntry, waiting: int) -> bool:
        """Whether the canary and the waves let the next of ``waiting`` repositories pass."""
        if self.canary.gate(entry.ref, waiting) is not Gate.OPEN:
            return False
        return self.waves.gate(entry.ref, waiting) is Gate.OPEN

    def _observations(
        self, targets: Mapping[RepositoryRef, Host]
    ) -> Iterator[tuple[Host, LedgerEntry, Observation]]:
        for host, refs in groupby(targets, key=targets.__getitem__):
            for entry, observation in self.session.observe(host, list(refs), CHUNK, FRESH):
                yield host, entry, observation
