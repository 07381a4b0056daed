"""Chooses the repositories of the canary: active ones with CI, of different kinds of change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from msgspec import Struct

from cci_migrate.campaign.folder import CampaignError
from cci_migrate.campaign.isolation import attempt, observe_each
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.forges.host import Host
from cci_migrate.forges.repository import Checks, RepositoryRef, Unreadable

#: For each repository of the canary, at most so many candidates are asked for their CI, and of one
#: kind of change so many in turn.
_ASKED = 10
_IN_TURN = 3


class Candidate(Struct, frozen=True):
    """A repository with a planned change, of the kind ``group``; ``active_at``: its last push."""

    ref: RepositoryRef
    group: str
    active_at: float

    @classmethod
    def of(cls, entry: LedgerEntry) -> Candidate:
        """The candidate with the change of ``entry``."""
        return cls(entry.ref, entry.group, entry.active_at)


def choose(
    candidates: Sequence[Candidate], size: int, has_ci: Callable[[RepositoryRef], bool]
) -> list[RepositoryRef]:
    """``size`` of ``candidates``, one of each kind of change in turn, the most frequent first.

    Of each kind it is the most recently active one whose CI passes on the default branch: a
    red base hides what the change does. Where too few have that, the most active ones fill up.
    Equal ones come in the order of ``candidates``, so the choice is the same in every run.
    """
    by_activity = sorted(candidates, key=lambda candidate: -candidate.active_at)
    groups: dict[str, list[Candidate]] = {}
    for candidate in by_activity:
        groups.setdefault(candidate.group, []).append(candidate)
    largest_first = sorted(groups.values(), key=lambda group: (-len(group), group[0].group))
    chosen: list[RepositoryRef] = []
    asked = 0
    while len(chosen) < size and asked < size * _ASKED and any(largest_first):
        for group in largest_first:
            for candidate in group[:_IN_TURN]:
                if len(chosen) == size or asked == size * _ASKED:
                    break
                group.remove(candidate)
                asked += 1
                if has_ci(candidate.ref):
                    chosen.append(candidate.ref)
                    break
    others = (candidate.ref for candidate in by_activity if candidate.ref not in chosen)
    return [*chosen, *islice(others, size - len(chosen))]


def has_passing_ci(host: Host, ref: RepositoryRef) -> bool:
    """Whether CI passes on the default branch of ``ref``. Raises HostUnavailable."""
    observation = next(observe_each(host, [ref]))
    if isinstance(observation, Unreadable):
        return False
    return attempt(host.base_checks, observation) is Checks.PASSED


def is_named(ref: RepositoryRef, name: str) -> bool:
    """Whether ``name`` is that of the repository, or of the project, in any case."""
    return name.lower() in (ref.name.lower(), ref.label.lower())


def check_names(names: Iterable[str], ledger: Ledger) -> None:
    """Raise CampaignError for a name that no repository of the campaign has."""
    unknown = list(names)
    if not unknown:
        return
    for entry in ledger.entries():
        unknown = [name for name in unknown if not is_named(entry.ref, name)]
    for name in unknown:
        raise CampaignError(
            f"--canary-repo {name}: the campaign has no repository of that name; "
            "`batch status --json` lists them"
        )
