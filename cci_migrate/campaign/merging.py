"""Several campaigns made one: what the nodes of a CI job planned, each its share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cci_migrate.campaign.folder import Campaign, CampaignError, read_only
from cci_migrate.campaign.ledger import Entry
from cci_migrate.campaign.states import State

#: What was only listed gives way to what another share looked at.
_UNSEEN = frozenset({State.LISTED})


def merge(campaign: Campaign, folders: Sequence[Path]) -> int:
    """Take everything that the campaigns in ``folders`` know into ``campaign``.

    They must have been planned with the same policy and branch. Of a repository that several
    know, the entry changed last counts. Returns how many repositories were taken.
    """
    taken = 0
    for folder in folders:
        with read_only(folder) as other:
            _check_alike(campaign, other, folder)
            for entry in other.ledger.entries():
                known = campaign.ledger.entry(entry.ref.key)
                is_newer = known is None or (
                    entry.state not in _UNSEEN
                    and (known.state in _UNSEEN or entry.changed_at > known.changed_at)
                )
                if is_newer:
                    campaign.ledger.record(entry)
                    _copy(campaign, other, entry)
                    taken += 1
            campaign.ledger.add_history(other.ledger)
    return taken


def _check_alike(campaign: Campaign, other: Campaign, folder: Path) -> None:
    for name in ("policy", "branch"):
        if campaign.ledger.setting(name) != other.ledger.setting(name):
            raise CampaignError(f"{folder}: planned with another {name} than the others")


def _copy(campaign: Campaign, other: Campaign, entry: Entry) -> None:
    """What ``other`` keeps of a repository. Nothing else of a folder that came from elsewhere."""
    if entry.has_diff:
        campaign.store_diff(entry.ref, other.read_diff(entry))
    for file in entry.files:
        data = other.read_original(entry.ref, file.path)
        if data is not None and hashlib.sha256(data).hexdigest() == file.before:
            campaign.store_original(entry.ref, file.path, data)
