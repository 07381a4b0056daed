"""Several campaigns made one: what the nodes of a CI job planned, each its share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cci_migrate.batch.campaign import Campaign, CampaignError, read_only
from cci_migrate.batch.states import State
from cci_migrate.whole_files import write_whole

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
                    _copy(campaign, other, entry.diff)
                    taken += 1
            campaign.ledger.add_history(other.ledger)
            _copy(campaign, other, "originals")
    return taken


def _check_alike(campaign: Campaign, other: Campaign, folder: Path) -> None:
    for name in ("policy", "branch"):
        if campaign.ledger.setting(name) != other.ledger.setting(name):
            raise CampaignError(f"{folder}: planned with another {name} than the others")


def _copy(campaign: Campaign, other: Campaign, name: str) -> None:
    if not name or campaign.folder is None or other.folder is None:
        return
    source, target = other.folder / name, campaign.folder / name
    paths = source.rglob("*") if source.is_dir() else [source]
    for path in paths:
        if path.is_file() and not path.is_symlink():
            write_whole(target / path.relative_to(source), path.read_bytes(), is_private=True)
