"""Merging the campaigns of several nodes, each of which planned a share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cci_migrate.campaign.folder import Campaign, CampaignError, open_read_only, planned_otherwise
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.states import State

#: An entry that was only listed is replaced by one that another share planned.
_ONLY_LISTED = frozenset({State.LISTED})


def merge(campaign: Campaign, folders: Sequence[Path]) -> int:
    """Copy the entries, diffs and originals of the campaigns in ``folders`` into ``campaign``.

    Of a repository in several campaigns, the entry that changed last is kept. Returns the number of
    copied entries. Raises CampaignError for a campaign that was planned with another policy or
    branch, and if only one of both was planned with ``--nested`` or ``--verify``.
    """
    for folder in folders:
        with open_read_only(folder) as other:
            _check_same_settings(campaign, other, folder)
    copied = 0
    for folder in folders:
        with open_read_only(folder) as other:
            for entry in other.ledger.entries():
                recorded = campaign.ledger.entry(entry.ref.key)
                is_newer = recorded is None or (
                    entry.state not in _ONLY_LISTED
                    and (recorded.state in _ONLY_LISTED or entry.changed_at > recorded.changed_at)
                )
                if is_newer:
                    campaign.ledger.record(entry)
                    _copy(campaign, other, entry)
                    copied += 1
            campaign.ledger.add_history(other.ledger)
            campaign.add_ids(other.ids)
    return copied


def _check_same_settings(campaign: Campaign, other: Campaign, folder: Path) -> None:
    for _, otherwise in planned_otherwise(other.ledger, campaign.ledger.setting):
        raise CampaignError(f"{folder}: planned {otherwise}; only equal plans can be merged")


def _copy(campaign: Campaign, other: Campaign, entry: LedgerEntry) -> None:
    """Copy the diff of ``entry``, and the originals with the recorded hashes.

    The folder may come from somebody else: nothing else is copied.
    """
    if entry.has_diff:
        campaign.store_diff(entry.ref, other.read_diff(entry))
    for file in entry.files:
        data = other.read_original(entry.ref, file.path)
        if data is not None and hashlib.sha256(data).hexdigest() == file.before:
            campaign.store_original(entry.ref, file.path, data)
