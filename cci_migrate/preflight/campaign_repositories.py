"""What the repositories of a campaign require: each is read again, as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cci_migrate.campaign.campaign_session import CampaignSession
from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.isolation import observe_each
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.states import State
from cci_migrate.engine.config_files import RepositoryReader, configs_in
from cci_migrate.files.discovery import reader_of
from cci_migrate.forges.fetched_files import FetchedFiles, FurtherFiles
from cci_migrate.forges.repository import Kind, Observation, RepositoryRef, Snapshot, Unreadable
from cci_migrate.policy.settings import Policy
from cci_migrate.preflight.doctor.checked_repositories import CheckedRepository
from cci_migrate.preflight.doctor.fork_and_bot_checks import configured_bots
from cci_migrate.preflight.project_remotes import project_of
from cci_migrate.preflight.requirements import (
    Requirements,
    UnreadableConfig,
    repository_requirements,
)
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.transport.host_errors import HostError, HostUnavailable, RefusedError

_Fetch = Callable[[Snapshot, tuple[str, ...]], Mapping[str, bytes | None]]

_WITHOUT_CONFIG = frozenset({State.EXCLUDED, State.ARCHIVED, State.EMPTY, State.NO_CONFIG})


def repositories_in(campaign: Campaign) -> list[LedgerEntry]:
    """The repositories of ``campaign`` in which it did not find that there is no config.

    A monorepo is one, whose projects are not listed besides.
    """
    entries = campaign.ledger.entries(set(State) - _WITHOUT_CONFIG)
    return [entry for entry in entries if not entry.ref.project]


def campaign_repositories(
    session: CampaignSession, default_organisation: Organisation | None, *, on_server: bool
) -> Iterator[CheckedRepository]:
    """Each repository of the campaign of ``session`` with what its configs require.

    ``default_organisation`` is for repositories whose own cannot be determined. Raises SourceError
    without a token for a host.
    """

    def repository(
        ref: RepositoryRef, requirements: Requirements, bots: tuple[str, ...] = ()
    ) -> CheckedRepository:
        project = project_of(ref, on_server=on_server)
        organisation = default_organisation if project is None else project.organisation
        label = ref.label if project is None else project.slug
        return CheckedRepository(label, organisation, project, requirements, bots)

    policy = session.campaign.policy
    for host, refs in session.by_host(repositories_in(session.campaign)).items():
        left = {ref.key: ref for ref in refs}
        why = "it could not be read"
        try:
            for observation in observe_each(host, refs):
                requirements, bots = _requirements_and_bots(observation, policy, host.read)
                left.pop(observation.ref.key, None)
                yield repository(observation.ref, requirements, bots)
        except HostUnavailable as error:
            # Whoever asked for the others would get the same answer.
            why = str(error)
        for ref in left.values():
            yield repository(ref, _unreadable(why))


def _unreadable(why: str) -> Requirements:
    return Requirements(unreadable=(UnreadableConfig(why, is_in_file=False),))


def _requirements_and_bots(
    observation: Observation, policy: Policy, fetch: _Fetch
) -> tuple[Requirements, tuple[str, ...]]:
    """What the configs of a repository require, and the bots that it has."""
    if isinstance(observation, Unreadable):
        return _unreadable(observation.cause), ()
    try:
        return _of_snapshot(observation, policy, fetch)
    except (HostError, RefusedError) as error:
        return _unreadable(str(error)), ()


def _of_snapshot(
    snapshot: Snapshot, policy: Policy, fetch: _Fetch
) -> tuple[Requirements, tuple[str, ...]]:
    if snapshot.ref.kind is Kind.LOCAL:
        read = reader_of(Path(snapshot.ref.name))
        return _requirements(snapshot, policy, read), configured_bots(read)
    further = FurtherFiles()
    while True:
        fetched = FetchedFiles(snapshot.files, further.files)
        requirements = _requirements(snapshot, policy, fetched.read)
        paths = tuple(fetched.missing)
        if not paths or not further.may_have_more:
            return requirements, ()
        further = further.with_files(paths, fetch(snapshot, paths))


def _requirements(snapshot: Snapshot, policy: Policy, read: RepositoryReader) -> Requirements:
    files = {path: data for path, data in snapshot.files.items() if not policy.excludes(path)}
    return repository_requirements((config, policy) for config in configs_in(files, read))
