"""Whether a branch and its pull request are the campaign's own.

Own is what names the campaign (see `forges.campaign_identity`) and is proven besides: by the
ledger's record of it, or by its content. Anybody can use the branch's name or copy the id.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from msgspec.structs import replace

from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.states import State
from cci_migrate.forges.host import Delivery, Host
from cci_migrate.forges.repository import (
    Branch,
    BranchContent,
    FileHash,
    PullRequest,
    PullState,
    Snapshot,
)


def with_ownership(
    host: Host,
    snapshot: Snapshot,
    planned: Sequence[FileHash],
    recorded: LedgerEntry,
    campaigns: Set[str],
) -> Snapshot:
    """``snapshot`` with the content of its branch, and whether its pull request is the campaign's.

    ``planned`` are the files of the current plan, ``recorded`` is the ledger's entry, ``campaigns``
    are the campaign's ids. A branch that names the campaign is ours if the ledger recorded its tip,
    or if its content is that of a plan. A pull request that the campaign closed to open another is
    left out. The host is not asked for what the ledger proves. Raises what `Host.branch_content`
    raises.
    """
    if tuple(planned) == recorded.files:
        proven = _with_recorded_ownership(snapshot, recorded, campaigns)
        if proven is not None:
            return proven
    if snapshot.branch is not None and host.delivery is not Delivery.FILES:
        content = _content(host, snapshot, snapshot.branch, planned, recorded, campaigns)
        snapshot = replace(snapshot, branch=replace(snapshot.branch, content=content))
    if snapshot.pull is None:
        return snapshot
    if is_replaced(snapshot.pull, recorded):
        return replace(snapshot, pull=None)
    is_ours = is_own_pull(snapshot, recorded, campaigns)
    return replace(snapshot, pull=replace(snapshot.pull, is_ours=is_ours))


def is_replaced(pull: PullRequest, recorded: LedgerEntry) -> bool:
    """Whether the campaign closed ``pull``, to open another in its place."""
    return pull.state is PullState.CLOSED and pull.number == recorded.replaced


def _with_recorded_ownership(
    snapshot: Snapshot, recorded: LedgerEntry, campaigns: Set[str]
) -> Snapshot | None:
    """`with_ownership` for the recorded files; None if the ledger does not prove it.

    It does for an open pull request whose branch is at a commit that was found to be the recorded
    change.
    """
    pull, branch = snapshot.pull, snapshot.branch
    if pull is None or branch is None or pull.state is not PullState.OPEN:
        return None
    if branch.oid != recorded.proven_tip or branch.campaign not in campaigns:
        return None
    if not is_own_pull(snapshot, recorded, campaigns):
        return None
    return replace(
        snapshot,
        branch=replace(branch, content=BranchContent.PLANNED),
        pull=replace(pull, is_ours=True),
    )


def is_own_pull(snapshot: Snapshot, recorded: LedgerEntry, campaigns: Set[str]) -> bool:
    """Whether the campaign opened the pull request in ``snapshot``, whose branch is decided."""
    pull, branch = snapshot.pull, snapshot.branch
    if pull is None or pull.campaign not in campaigns:
        return False
    if recorded.state is State.APPLYING:
        return True  # opened by a run that was killed before it could record that
    if recorded.has_pull(pull):
        return True  # whatever people did to its branch
    return branch is not None and branch.content.is_ours


def _content(
    host: Host,
    snapshot: Snapshot,
    branch: Branch,
    planned: Sequence[FileHash],
    recorded: LedgerEntry,
    campaigns: Set[str],
) -> BranchContent:
    if branch.content is BranchContent.NOTHING:
        return BranchContent.NOTHING
    for files in dict.fromkeys((tuple(planned), recorded.files)):
        content = host.branch_content(snapshot, branch.oid, files) if files else BranchContent.OTHER
        if content is BranchContent.NOTHING:
            return content
        if branch.campaign in campaigns:
            if content is BranchContent.PLANNED:
                return content if files == tuple(planned) else BranchContent.EARLIER
            if recorded.branch == branch.oid:
                return BranchContent.EARLIER
    return BranchContent.OTHER


def has_another_change(snapshot: Snapshot) -> bool:
    """Whether the campaign's pull request proposes, or made, another change than the planned one.

    ``snapshot`` comes from `with_ownership`.
    """
    pull, branch = snapshot.pull, snapshot.branch
    if pull is None or not pull.is_ours or pull.state is PullState.CLOSED:
        return False
    return branch is None or branch.content is not BranchContent.PLANNED


def branch_to_record(snapshot: Snapshot, recorded: LedgerEntry) -> str:
    """The newest commit of this campaign on the branch, which the ledger records; empty if none."""
    branch = snapshot.branch
    if branch is None:
        return ""
    return branch.oid if branch.content.is_ours else recorded.branch


def proven_tip(snapshot: Snapshot) -> str:
    """The tip of the branch if it is exactly the planned change; else empty."""
    branch = snapshot.branch
    is_planned = branch is not None and branch.content is BranchContent.PLANNED
    return branch.oid if branch is not None and is_planned else ""


def pull_to_record(snapshot: Snapshot, recorded: LedgerEntry) -> PullRequest | None:
    """The pull request that the ledger records: only one that the campaign opened.

    One that is recorded stays so whatever people do to its text.
    """
    pull = snapshot.pull
    return pull if pull is None or pull.is_ours or recorded.has_pull(pull) else recorded.pull
