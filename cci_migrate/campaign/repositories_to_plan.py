"""Which repositories are to be planned: lists the sources, and reads what may have changed.

Only the main thread uses the ledger. The hosts read ahead in threads of their own, so that answers
are awaited while what came before is planned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import chain
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from cci_migrate.campaign.branch_names import next_branch
from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.host_groups import group_by_host
from cci_migrate.campaign.isolation import FATAL_ERRORS, observe_each
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.ownership import is_own_pull
from cci_migrate.campaign.projects import project_refs
from cci_migrate.campaign.repository_filter import Shard
from cci_migrate.campaign.states import PLANNED_AGAIN, WRITTEN, State
from cci_migrate.exit_codes import ExitCode
from cci_migrate.forges.host import Host, RepositoryPage, Source
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
from cci_migrate.wording import shortened

_Item = TypeVar("_Item")
_Observed = TypeVar("_Observed", bound=Observation)


class Unreached:
    """Why some repositories could not be listed or observed, and the exit code for it."""

    def __init__(self) -> None:
        #: The sources that each cause keeps from being read; none if it names its own.
        self._sources: dict[str, dict[str, None]] = {}
        self.exit_code = ExitCode.DONE

    @property
    def causes(self) -> Iterator[str]:
        """Each cause once, with the sources that it keeps from being read."""
        for cause, sources in self._sources.items():
            yield f"{shortened(list(sources), 3)}: {cause}" if sources else cause

    def add(self, cause: str, *, is_limit: bool = False) -> None:
        """Add a cause. ``is_limit``: running it again later is enough."""
        self._sources.setdefault(cause, {})
        self.exit_code = max(self.exit_code, ExitCode.LEFT if is_limit else ExitCode.FAILED)

    def add_host(self, error: HostUnavailable, source: str) -> None:
        """Add the ``error`` of a host, which other sources of it may have too."""
        self.add(str(error), is_limit=error.is_limit)
        if source:
            self._sources[str(error)][source] = None


class _Others(Struct):
    """Repositories that are not observed in the order in which they are listed.

    The listing showed all of those that are ``ready``. Others are to be observed ``again``, with
    another branch: the usual one is used up, or in a fork, or they are the projects of a monorepo.
    """

    ready: deque[Snapshot] = field(default_factory=deque)
    again: deque[RepositoryRef] = field(default_factory=deque)


class RepositoriesToPlan(Struct, frozen=True):
    """The repositories that one run of `batch plan` is to plan.

    ``finish`` records the entry of one that needs no plan, after an earlier one. ``keep`` records
    the entry again if its plan still holds, and returns whether it does. ``is_spent``: no more may
    be planned.
    """

    session: CampaignSession
    shard: Shard
    finish: Callable[[LedgerEntry, LedgerEntry], None]
    keep: Callable[[Snapshot, LedgerEntry, Host, str], bool]
    is_spent: Callable[[], bool]
    #: The branch of each repository in which the campaign's usual one is used up, by its key.
    branch_names: dict[str, str] = field(default_factory=dict)
    unreached: Unreached = field(default_factory=Unreached)
    #: The entries of the repositories that are under way, as the last run recorded them.
    recorded: dict[str, LedgerEntry] = field(default_factory=dict)

    def snapshots(self, sources: Iterable[Source]) -> Iterator[Snapshot]:
        """The state of each of them; ``unreached`` then has those that could not be read.

        Raises LedgerError.
        """
        started_at = self.session.clock.now()
        # What is under way is not recorded yet, and must not be planned twice.
        begun: set[str] = set()
        for source in sources:
            others = _Others()
            for snapshot in self._observed(self._listed(source, others), others, source.name):
                if self.is_spent():
                    return
                begun.add(snapshot.ref.key)
                yield snapshot
        for refs in self._not_yet_planned(started_at, begun).values():
            for snapshot in self._observed(iter(refs), _Others()):
                if self.is_spent():
                    return
                yield snapshot

    def host(self, ref: RepositoryRef) -> Host:
        """The host of ``ref``, for the branch that is to be written there."""
        return self.session.host_of(ref, self.branch_name(ref))

    def branch_name(self, ref: RepositoryRef) -> str:
        """The branch that is to be written in ``ref``, empty for the campaign's usual one."""
        return self.branch_names.get(ref.key, "")

    def _observed(
        self, refs: Iterator[RepositoryRef], others: _Others, name: str = ""
    ) -> Iterator[Snapshot]:
        """The snapshots to plan: of ``refs``, all of which are on one host, and of the ``others``.

        ``others`` may get more while ``refs`` are listed.
        """
        first = next(refs, None)
        try:
            if first is not None:
                for observation in observe_each(self.host(first), chain([first], refs)):
                    yield from self._plannable([observation], others)
                    yield from _drained(others.ready)
            yield from _drained(others.ready)
            while again := list(_drained(others.again)):
                for host, together in self._by_host(again).items():
                    yield from self._plannable(observe_each(host, together), others)
        except HostUnavailable as error:
            self.unreached.add_host(error, name)

    def _by_host(self, refs: Iterable[RepositoryRef]) -> dict[Host, list[RepositoryRef]]:
        """``refs`` by their hosts, one for each branch that is to be written there."""
        with_branches = ((ref, self.branch_name(ref), ref) for ref in refs)
        return group_by_host(with_branches, self.session.host_of)

    def _listed(self, source: Source, others: _Others) -> Iterator[RepositoryRef]:
        """The repositories of ``source`` to observe, without the ``others``."""
        try:
            for page in self._pages(source):
                others.ready.extend(self._plannable(page.observations, others))
                for outline in self._plannable(page.outlines, others):
                    if outline.config_tree == "" and not self.session.campaign.is_nested:
                        others.ready.append(outline)
                    else:
                        yield outline.ref
        except HostUnavailable as error:
            self.unreached.add_host(error, source.name)
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - the other sources go on
            self.unreached.add(f"{source.name}: {describe_error(error)}")

    def _pages(self, source: Source) -> Iterator[RepositoryPage]:
        """The pages of ``source`` that a killed run has not listed, with what is new in each.

        What is under way is not: another source may list it too.
        """
        ledger = self.session.ledger
        cursor, is_listed = ledger.source(source.name)
        if is_listed:
            return
        known = () if cursor else ledger.take_cursors(source.name)
        problems: list[str] = []
        for page in source.pages(cursor, known):
            problems += page.problems
            shown = [
                each
                for each in (*page.observations, *page.outlines)
                if each.ref.key not in self.recorded
            ]
            recorded = ledger.entries_of([observation.ref.key for observation in shown])
            new = {
                ref.key: entry
                for ref in (observation.ref for observation in shown)
                if self.shard.has(ref)
                and (entry := recorded.get(ref.key) or _new_entry(ref)).state is State.LISTED
            }
            refs = [
                ref for ref in page.refs if self.shard.has(ref) and ref.key not in self.recorded
            ]
            listed = [observation.ref for observation in shown if observation.ref.key in new]
            ledger.add([*refs, *listed], self.session.clock.now(), source.name, page.cursor)
            self.recorded.update(new)
            for ref in refs:
                if why_not := self._why_not(ref):
                    self._finish(ref, State.EXCLUDED, why_not)
                self.recorded.pop(ref.key, None)
            yield replace(
                page,
                observations=_with_keys(page.observations, new),
                outlines=_with_keys(page.outlines, new),
            )
        if problems:
            ledger.forget_source(source.name)
            for problem in problems:
                self.unreached.add(f"{source.name}: {problem}")

    def _not_yet_planned(
        self, started_at: float, begun: set[str]
    ) -> dict[Host, list[RepositoryRef]]:
        """The repositories that were only listed, and those that failed in an earlier run."""
        return self._by_host(
            entry.ref
            for entry in self.session.ledger.entries(PLANNED_AGAIN)
            if entry.ref.key not in begun
            and (entry.state is State.LISTED or entry.changed_at < started_at)
        )

    def _plannable(
        self, observations: Iterable[Observation], others: _Others
    ) -> Iterator[Snapshot]:
        """The snapshots among ``observations`` to plan; records the states of those that are not.

        Where the branch is used up, ``others`` gets the repository, and the next branch is used;
        likewise where the campaign's branch is in a fork. In place of a monorepo that is split, it
        gets the projects.
        """
        for observation in observations:
            ref = observation.ref
            if isinstance(observation, Unreadable):
                self._finish(ref, *unreadable_state(observation))
                continue
            recorded = self.entry(ref)
            if recorded.ref.fork and not ref.fork:
                others.again.append(replace(ref, fork=recorded.ref.fork))
                continue
            why_not = self._why_not(ref, observation.traits)
            if why_not:
                self._finish(ref, State.EXCLUDED, why_not)
            elif observation.traits.archived:
                self._finish(ref, State.ARCHIVED)
            elif self._has_used_up_branch(observation):
                usual = self.session.campaign.branch_of(ref)
                used_up = self.branch_name(ref) or usual
                self.branch_names[ref.key] = next_branch(usual, used_up)
                others.again.append(ref)
            elif self._is_split(observation):
                others.again.extend(self._projects(observation))
            elif self._is_kept(observation):
                del self.recorded[ref.key]
            else:
                yield observation

    def _is_kept(self, snapshot: Snapshot) -> bool:
        ref = snapshot.ref
        return self.keep(snapshot, self.entry(ref), self.host(ref), self.branch_name(ref))

    def _is_split(self, snapshot: Snapshot) -> bool:
        """Whether it is a monorepo whose projects are planned in its place.

        It stays whole where this campaign has a pull request for the whole.
        """
        stays_whole = snapshot.ref.project or self.entry(snapshot.ref).pull is not None
        return self.session.campaign.is_split and not stays_whole and bool(project_refs(snapshot))

    def _projects(self, monorepo: Snapshot) -> Iterator[RepositoryRef]:
        """The projects that are to be planned; records them in place of the ``monorepo``."""
        refs = project_refs(monorepo)
        self.session.ledger.add(refs, self.session.clock.now())
        self._finish(monorepo.ref, State.SPLIT, f"{len(refs)} projects")
        return (ref for ref in refs if self.entry(ref).state is State.LISTED)

    def _has_used_up_branch(self, snapshot: Snapshot) -> bool:
        """Whether another campaign's pull request was merged from the branch."""
        if snapshot.pull is None or snapshot.pull.state is not PullState.MERGED:
            return False
        return not is_own_pull(snapshot, self.entry(snapshot.ref), self.session.campaign.ids)

    def entry(self, ref: RepositoryRef) -> LedgerEntry:
        """The entry of a repository that is under way, as it was before this run."""
        if ref.key not in self.recorded:
            self.recorded[ref.key] = self.session.ledger.entry(ref.key) or _new_entry(ref)
        return self.recorded[ref.key]

    def _why_not(self, ref: RepositoryRef, traits: Traits | None = None) -> str:
        """Why ``ref`` is excluded; empty if it is not, or if the campaign has written to it."""
        entry = self.entry(ref)
        if entry.pull is not None or entry.state in WRITTEN:
            return ""
        by_name = self.session.filter.why_not_by_name(ref)
        return by_name or ("" if traits is None else self.session.filter.why_not(traits))

    def _finish(self, ref: RepositoryRef, state: State, cause: str = "") -> None:
        """Record the ``state`` of a repository that needs no plan."""
        now = self.session.clock.now()
        self.finish(LedgerEntry(ref, state, cause, changed_at=now), self.entry(ref))
        self.recorded.pop(ref.key)


def _new_entry(ref: RepositoryRef) -> LedgerEntry:
    return LedgerEntry(ref, State.LISTED)


def _with_keys(observations: Iterable[_Observed], keys: Container[str]) -> tuple[_Observed, ...]:
    """Those of ``observations`` with ``keys``, each repository once."""
    by_key = {each.ref.key: each for each in observations if each.ref.key in keys}
    return tuple(by_key.values())


def _drained(items: deque[_Item]) -> Iterator[_Item]:
    """The ``items``, and those that are added meanwhile, each taken out."""
    while items:
        yield items.popleft()


def unreadable_state(observation: Unreadable) -> tuple[State, str]:
    """The state of a repository that could not be read, and why."""
    is_forbidden = observation.blocker is Blocker.FORBIDDEN
    return State.NO_PERMISSION if is_forbidden else State.FAILED, observation.cause
