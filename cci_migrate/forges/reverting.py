"""Reverting a merged change: the branch, the commit and the pull request that put the files back.

What the files were is read from the commit that the change was planned on, and checked by its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from cci_migrate.forges.host import CHANGE_TRAILER, DeliveredChange, NewPullRequest
from cci_migrate.forges.repository import BranchContent, PullRequest, PullState, Snapshot
from cci_migrate.transport.host_errors import HostError, StaleSnapshot


def merged_pull(snapshot: Snapshot) -> PullRequest:
    """The merged pull request in ``snapshot``. Raises HostError if there is none."""
    if snapshot.pull is None or snapshot.pull.state is not PullState.MERGED:
        raise HostError("there is no merged pull request")
    return snapshot.pull


def reverting_pull(pull: PullRequest, branch: str) -> NewPullRequest:
    """The pull request that reverts ``pull`` from ``branch``.

    The name of its own branch is the one that GitHub gives it.
    """
    return NewPullRequest(
        f"revert-{pull.number}-{branch}",
        f"Revert the change of {pull.number}",
        f"Reverts {pull.url}.",
    )


def files_before(
    snapshot: Snapshot,
    delivered: DeliveredChange,
    pull: PullRequest,
    content: Callable[[str, str], bytes],
) -> dict[str, bytes]:
    """What each file of ``delivered``, which ``pull`` merged, was before.

    ``content`` reads a file in a commit. Raises HostError if somebody changed one since, and
    StaleSnapshot if one was not as it was planned.
    """
    contents = {}
    for file in delivered.files:
        if file.path in snapshot.modes:
            raise HostError(f"{file.path} is not a plain file; use the Revert button of {pull.url}")
        current = content(snapshot.head, file.path)
        if hashlib.sha256(current).hexdigest() != file.after:
            raise HostError(f"{file.path} has changed since; revert it by hand")
        before = content(delivered.head, file.path)
        if hashlib.sha256(before).hexdigest() != file.before:
            raise StaleSnapshot(f"{file.path} is not at {delivered.head} as it was planned")
        contents[file.path] = before
    return contents


def revert_message(pull: PullRequest, contents: Mapping[str, bytes]) -> str:
    """The message of the commit that puts ``contents`` back."""
    digest = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:32]
    return f"Revert what {pull.url} changed\n\n{CHANGE_TRAILER}: {digest}\n"


def foreign_branch(name: str) -> HostError:
    """The error for a branch ``name`` that holds something else than the reversed files."""
    return HostError(f"the branch {name} exists, but does not revert the change")


def reversal_url(pull: PullRequest, content: BranchContent) -> str:
    """The address of ``pull``, which is to revert a change.

    ``content`` is that of its branch, compared with the reversed files. Raises HostError if the
    pull request is closed or does not revert the change.
    """
    if pull.state is PullState.CLOSED:
        raise HostError(f"{pull.url}, which reverts it, was closed")
    if pull.state is PullState.OPEN and content is not BranchContent.PLANNED:
        raise HostError(f"{pull.url} is open from the branch, but does not revert the change")
    return pull.url
