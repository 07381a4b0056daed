"""Groups of equal changes: a reviewer reads one of each, however many repositories have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import Struct

from cci_migrate.campaign.folder import Campaign, CampaignError
from cci_migrate.campaign.ledger import Ledger, LedgerEntry
from cci_migrate.campaign.repository_plan import kinds_of_fixes
from cci_migrate.campaign.states import State

#: The setting of the ledger with the groups that the user approved.
_APPROVED = "approved-groups"
#: The number of an id's digits that people see.
_SHOWN_DIGITS = 8


class ChangeGroup(Struct):
    """The repositories, by their keys in the ledger, with equal changes.

    ``fixes`` counts the findings that are fixed, by rule and registry.
    """

    id: str
    keys: list[str]
    states: Counter[State]
    fixes: Counter[str]

    @property
    def name(self) -> str:
        """The id as people see it."""
        return short_name(self.id)

    @property
    def fixed(self) -> str:
        """What is fixed: ``824 x unauthenticated-image (docker.io), 412 x missing-context``."""
        return ", ".join(f"{count} x {kind}" for kind, count in self.fixes.most_common())

    @property
    def by_state(self) -> str:
        """The number of repositories in each state: ``400 planned, 12 pull-request-open``."""
        return ", ".join(f"{count} {state.value}" for state, count in self.states.most_common())


def short_name(group: str) -> str:
    """The id of a group as people see it."""
    return group[:_SHOWN_DIGITS]


def change_groups(
    ledger: Ledger, is_chosen: Callable[[LedgerEntry], bool] = lambda _entry: True
) -> list[ChangeGroup]:
    """The groups of the chosen entries that have a change; the largest first."""
    groups: dict[str, ChangeGroup] = {}
    for entry in ledger.entries():
        if entry.group and is_chosen(entry):
            group = groups.setdefault(
                entry.group, ChangeGroup(entry.group, [], Counter(), Counter())
            )
            group.keys.append(entry.ref.key)
            group.states[entry.state] += 1
            group.fixes.update(kinds_of_fixes(entry.findings))
    return sorted(groups.values(), key=lambda group: (-len(group.keys), group.id))


def named_groups(ledger: Ledger, names: Iterable[str]) -> frozenset[str]:
    """The ids of the groups that ``names`` (beginnings of ids) mean.

    Raises CampaignError for a name that means none, or several.
    """
    ids = {entry.group for entry in ledger.entries() if entry.group}
    named = set()
    for name in names:
        fitting = [group for group in ids if name and group.startswith(name.lower())]
        if len(fitting) != 1:
            problem = "several groups" if fitting else "no group"
            raise CampaignError(
                f"{problem} of changes with the id {name!r}; `batch diff --stat` lists them"
            )
        named.add(fitting[0])
    return frozenset(named)


def approved_groups(campaign: Campaign) -> frozenset[str]:
    """The ids of the groups whose changes the user approved."""
    return frozenset(campaign.ledger.setting(_APPROVED).split())


def set_approved(campaign: Campaign, groups: frozenset[str]) -> None:
    """Record which groups are approved, in place of those that were."""
    campaign.ledger.set({_APPROVED: " ".join(sorted(groups))})
