"""How a campaign changes local checkouts: always in the mode of its first `batch apply`."""

from __future__ import annotations

from msgspec.structs import replace

from cci_migrate.campaign.folder import Campaign, CampaignError
from cci_migrate.campaign.states import State
from cci_migrate.forges.local_checkouts import LocalMode
from cci_migrate.forges.repository import Kind

#: The setting of the ledger with the mode.
_LOCAL_MODE = "local-mode"


def local_mode(campaign: Campaign) -> LocalMode:
    """How the last `batch apply` changed local checkouts; in place if there was none."""
    return LocalMode(campaign.ledger.setting(_LOCAL_MODE, LocalMode.IN_PLACE.value))


def check_local_mode(campaign: Campaign, mode: LocalMode) -> None:
    """Raises CampaignError where checkouts were changed in another mode than ``mode``.

    `batch close` and `batch revert` use the mode that the campaign recorded.
    """
    recorded = local_mode(campaign)
    changed = campaign.ledger.entries({State.APPLYING, State.CHANGED})
    if mode is recorded or _is_second_phase(recorded, mode):
        return
    if any(entry.ref.kind is Kind.LOCAL for entry in changed):
        raise CampaignError(
            f"this campaign already changed checkouts with --local {recorded.value}; keep that "
            "mode, or plan the other checkouts in another campaign"
        )


def record_local_mode(campaign: Campaign, mode: LocalMode) -> None:
    """Remember ``mode`` for the commands that follow; branches that it pushes wait again."""
    if _is_second_phase(local_mode(campaign), mode):
        for entry in campaign.ledger.entries({State.CHANGED}):
            if entry.ref.kind is Kind.LOCAL:
                cause = "on the branch, not pushed yet"
                campaign.ledger.record(replace(entry, state=State.PLANNED, cause=cause))
    campaign.ledger.set({_LOCAL_MODE: mode.value})


def _is_second_phase(recorded: LocalMode, mode: LocalMode) -> bool:
    """Whether what was committed on branches before is pushed now."""
    return (recorded, mode) == (LocalMode.BRANCH, LocalMode.PUSH)
