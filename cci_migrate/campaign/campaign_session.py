"""What a command works with that asks hosts about a campaign's repositories."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import TypeVar

from msgspec import Struct

from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.host_groups import group_by_host
from cci_migrate.campaign.isolation import Failure, attempt, observe_each
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.ownership import with_ownership
from cci_migrate.campaign.repository_filter import RepositoryFilter
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import Observation, RepositoryRef, Snapshot, Unreadable
from cci_migrate.transport.host_errors import HostUnavailable
from cci_migrate.transport.pace import Clock
from cci_migrate.transport.progress import Progress

_Group = TypeVar("_Group")

#: Repositories with a delivered change that are observed in one request.
OBSERVED_TOGETHER = 40


class CampaignSession(Struct, frozen=True):
    """An open campaign, its hosts, and which of its repositories the user means.

    ``host_of`` has the host of a repository for a branch.
    """

    campaign: Campaign
    host_of: Callable[[RepositoryRef, str], Host]
    filter: RepositoryFilter
    progress: Progress
    clock: Clock

    @property
    def ledger(self) -> Ledger:
        """The campaign's ledger."""
        return self.campaign.ledger

    def includes(self, entry: LedgerEntry) -> bool:
        """Whether the user means the repository of ``entry``."""
        return not self.filter.why_not_by_name(entry.ref)

    def by_host(self, entries: Iterable[LedgerEntry]) -> dict[Host, list[RepositoryRef]]:
        """The included repositories of ``entries`` by the hosts of their branches."""
        included = filter(self.includes, entries)
        return group_by_host(
            ((entry.ref, entry.branch_name, entry.ref) for entry in included), self.host_of
        )

    def begin(self, task: str, groups: Mapping[_Group, Sized]) -> None:
        """Begin to report the progress of ``task``, whose repositories are in ``groups``."""
        self.progress.begin(task, sum(map(len, groups.values())))

    def for_each(self, groups: Iterable[_Group], work: Callable[[_Group], ExitCode]) -> ExitCode:
        """Do ``work`` on each of ``groups``; a host that is unavailable ends that on its own.

        Returns the largest code, of such hosts LEFT if they limit requests, else FAILED.
        """
        reached = ExitCode.DONE
        for group in groups:
            try:
                reached = max(reached, work(group))
            except HostUnavailable as error:
                self.progress.note(str(error))
                reached = max(reached, ExitCode.LEFT if error.is_limit else ExitCode.FAILED)
        return reached

    def observe_own(
        self, host: Host, refs: Sequence[RepositoryRef]
    ) -> Iterator[tuple[LedgerEntry, Snapshot | Failure]]:
        """Each entry, and its repository now, with what is the campaign's own.

        Raises HostUnavailable.
        """
        ids = self.campaign.ids
        for entry, observation in self.observe(host, refs, OBSERVED_TOGETHER):
            if isinstance(observation, Unreadable):
                yield entry, Failure(observation.cause)
            else:
                yield entry, attempt(with_ownership, host, observation, entry.files, entry, ids)

    def observe(
        self,
        host: Host,
        refs: Sequence[RepositoryRef],
        together: int,
        fresh_for: float = math.inf,
    ) -> Iterator[tuple[LedgerEntry, Observation]]:
        """The recorded entry of each repository on ``host``, and what it is like now.

        So many are observed ``together``, and again if that was more than ``fresh_for`` seconds ago
        when their turn comes. Raises HostUnavailable.
        """
        for start in range(0, len(refs), together):
            chunk = refs[start : start + together]
            observed_at = self.clock.now()
            observations = {
                observation.ref.key: observation for observation in observe_each(host, chunk)
            }
            for ref in chunk:
                entry = self.ledger.entry(ref.key)
                if entry is None:
                    continue
                observation = observations[ref.key]
                if self.clock.now() - observed_at > fresh_for:
                    observation = next(observe_each(host, [ref]))
                yield entry, observation
