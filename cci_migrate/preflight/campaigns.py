"""What the repositories of a campaign rely on: each is looked at once more, as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cci_migrate.campaign.connections import Connections
from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.states import State
from cci_migrate.engine.config_files import RepositoryReader, configs_in
from cci_migrate.files.discovery import reader_of
from cci_migrate.forges.fetched_files import ROUNDS, FetchedFiles
from cci_migrate.forges.repository import Kind, RepositoryRef, Snapshot, Unreadable
from cci_migrate.policy.model import Policy
from cci_migrate.preflight.checkup import Checked
from cci_migrate.preflight.demands import Demands, Unread, repository_demands
from cci_migrate.preflight.outsiders import bots_of
from cci_migrate.preflight.slugs import Organisation, project_of
from cci_migrate.transport.host_errors import HostError, HostUnavailable, RefusedError

#: Repositories looked at in one go.
_CHUNK = 100
_LEFT_OUT = frozenset({State.EXCLUDED, State.ARCHIVED, State.EMPTY, State.NO_CONFIG})


def repositories_in(campaign: Campaign) -> list[RepositoryRef]:
    """The repositories of ``campaign`` that have configs, as far as it knows."""
    entries: Iterator[LedgerEntry] = campaign.ledger.entries(set(State) - _LEFT_OUT)
    return [entry.ref for entry in entries]


def campaign_repositories(
    campaign: Campaign,
    connections: Connections,
    otherwise: Organisation | None,
    *,
    on_server: bool,
) -> Iterator[Checked]:
    """Each repository of ``campaign`` with what its configs rely on.

    ``otherwise`` is the organisation of those whose own cannot be told. Raises SourceError without
    a token for a host.
    """
    policy = campaign.policy
    by_host: dict[tuple[Kind, str], list[RepositoryRef]] = {}
    for ref in repositories_in(campaign):
        by_host.setdefault((ref.kind, ref.host), []).append(ref)
    for refs in by_host.values():
        host = connections.host_of(refs[0])
        for start in range(0, len(refs), _CHUNK):
            chunk = refs[start : start + _CHUNK]
            seen: set[str] = set()
            why = "it could not be looked at"
            try:
                for observation in host.observe(chunk):
                    seen.add(observation.ref.key)
                    bots: tuple[str, ...] = ()
                    if isinstance(observation, Unreadable):
                        demands = _unread(observation.cause)
                    else:
                        demands, bots = _looked_at(observation, policy, host.read)
                    yield _checked(observation.ref, demands, otherwise, bots, on_server=on_server)
            except (HostError, HostUnavailable, RefusedError) as error:
                why = str(error)
            for ref in chunk:
                if ref.key not in seen:
                    yield _checked(ref, _unread(why), otherwise, on_server=on_server)


def _unread(why: str) -> Demands:
    return Demands(unread=(Unread(why),))


def _checked(
    ref: RepositoryRef,
    demands: Demands,
    otherwise: Organisation | None,
    bots: tuple[str, ...] = (),
    *,
    on_server: bool,
) -> Checked:
    project = project_of(ref, on_server=on_server)
    organisation = otherwise if project is None else project.organisation
    label = ref.label if project is None else project.slug
    return Checked(label, organisation, project, demands, bots)


def _looked_at(
    snapshot: Snapshot,
    policy: Policy,
    fetch: Callable[[Snapshot, tuple[str, ...]], Mapping[str, bytes | None]],
) -> tuple[Demands, tuple[str, ...]]:
    """What the configs in ``snapshot`` rely on, and the bots that the repository has."""
    if snapshot.ref.kind is Kind.LOCAL:
        read = reader_of(Path(snapshot.ref.name))
        return _demands(snapshot, policy, read), bots_of(read)
    others: dict[str, bytes | None] = {}
    for _ in range(ROUNDS):
        fetched = FetchedFiles(snapshot.files, others)
        demands = _demands(snapshot, policy, fetched.read)
        if not fetched.missing:
            break
        found = fetch(snapshot, tuple(fetched.missing))
        others |= {path: found.get(path) for path in fetched.missing}
    return demands, ()


def _demands(snapshot: Snapshot, policy: Policy, read: RepositoryReader) -> Demands:
    files = {path: data for path, data in snapshot.files.items() if not policy.excludes(path)}
    return repository_demands((config, policy) for config in configs_in(files, read))
