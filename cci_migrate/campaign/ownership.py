"""Whose the campaign's branch is, decided by its content: anybody can use its name or trailer."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from cci_migrate.campaign.ledger import LedgerEntry
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
    host: Host, snapshot: Snapshot, planned: Sequence[FileHash], recorded: LedgerEntry | None
) -> Snapshot:
    """``snapshot`` with the content of its branch, and whether its pull request is the campaign's.

    ``planned`` are the files of the current plan, ``recorded`` is the ledger's entry. A branch is
    ours if the ledger recorded its tip, or if its content is that of a plan. Raises what
    `Host.branch_content` raises.
    """
    if snapshot.branch is None or host.delivery is Delivery.FILES:
        return _with_pull(snapshot, recorded)
    content = _content(host, snapshot, snapshot.branch, planned, recorded)
    return _with_pull(replace(snapshot, branch=replace(snapshot.branch, content=content)), recorded)


def _content(
    host: Host,
    snapshot: Snapshot,
    branch: Branch,
    planned: Sequence[FileHash],
    recorded: LedgerEntry | None,
) -> BranchContent:
    content = branch.content
    if content is BranchContent.NOTHING:
        return content
    if planned:
        content = host.branch_content(snapshot, planned)
    if content is not BranchContent.OTHER or recorded is None:
        return content
    if recorded.branch == branch.oid:
        return BranchContent.EARLIER
    if recorded.files and recorded.files != tuple(planned):
        content = host.branch_content(snapshot, recorded.files)
        return BranchContent.EARLIER if content is BranchContent.PLANNED else content
    return content


def _with_pull(snapshot: Snapshot, recorded: LedgerEntry | None) -> Snapshot:
    pull, branch = snapshot.pull, snapshot.branch
    if pull is None:
        return snapshot
    is_ours = branch is not None and branch.content.is_ours
    if recorded is not None and recorded.pull is not None and recorded.branch:
        # People may have pushed commits to it since.
        is_ours |= recorded.pull.number == pull.number
    return replace(snapshot, pull=replace(pull, is_ours=is_ours))


def branch_to_record(snapshot: Snapshot, recorded: LedgerEntry | None) -> str:
    """The newest commit of this campaign on the branch, which the ledger records; empty if none."""
    branch = snapshot.branch
    if branch is None:
        return ""
    if branch.content.is_ours:
        return branch.oid
    return recorded.branch if recorded is not None else ""


def pull_to_record(snapshot: Snapshot) -> PullRequest | None:
    """The pull request that the ledger records: none with another change than the campaign's."""
    pull = snapshot.pull
    is_foreign = pull is not None and pull.state is PullState.OPEN and not pull.is_ours
    return None if is_foreign else pull
