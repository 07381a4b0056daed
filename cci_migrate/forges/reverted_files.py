"""What the files of a merged change were before it, to put them back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from cci_migrate.forges.host import TRAILER, DeliveredChange
from cci_migrate.forges.repository import PullRequest, Snapshot
from cci_migrate.transport.host_errors import HostError, StaleSnapshot


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
    return f"Revert what {pull.url} changed\n\n{TRAILER}: {digest}\n"
