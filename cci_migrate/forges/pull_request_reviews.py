"""What reviewers, CI and a host's rules say of a pull request, and how a host merges it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Protocol, runtime_checkable

from msgspec import Struct

from cci_migrate.forges.repository import Checks, PullRequest, PullState, RepositoryRef, Unreadable
from cci_migrate.transport.write_kinds import WriteKind


class ReviewDecision(Enum):
    """What the reviews of a pull request amount to.

    REQUIRED: the host's rules require an approval that is missing. NONE: they require none, or
    the host doesn't say, and nobody approved.
    """

    REQUIRED = "review-required"
    CHANGES_REQUESTED = "changes-requested"
    APPROVED = "approved"
    NONE = "not-reviewed"


class MergeStatus(Enum):
    """Whether the host's rules allow the merge now. UNKNOWN: the host is still working it out."""

    MERGEABLE = "mergeable"
    CONFLICTS = "conflicts"
    BEHIND = "behind"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class MergeMethod(Enum):
    """How a pull request becomes part of its base."""

    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


class OwnPull(Struct, frozen=True):
    """A pull request that a campaign opened in the repository ``ref``."""

    ref: RepositoryRef
    pull: PullRequest


class PullRequestReview(Struct, frozen=True, omit_defaults=True):
    """The state of a pull request when it was read.

    ``head`` is the id of its last commit, which Bitbucket abbreviates, ``base`` the branch that it
    would be merged into. ``campaign`` is the id of the campaign that its text names. ``reviewers``
    have been asked and have not answered; ``code_owners`` are those of them who own changed files.
    ``blocked_by`` is the host's own word for what stops the merge. ``created_at`` and
    ``updated_at`` are seconds since 1970. ``auto_merges``: the host merges it as soon as its rules
    allow (None: it doesn't say). ``can_auto_merge``: the token may ask the host for that, and the
    host would not merge a commit that CI has not passed or that nobody reviewed. ``may_merge`` is
    false if the token may not merge it, None if the host doesn't say. ``default_method`` is the
    host's name of the repository's usual way to merge. ``has_merge_queue``: only the host's queue
    merges. ``repository`` is the name or id by which the host knows the repository today, if it
    says.
    """

    state: PullState
    head: str
    base: str
    campaign: str = ""
    checks: Checks = Checks.NONE
    decision: ReviewDecision = ReviewDecision.NONE
    merge_status: MergeStatus = MergeStatus.UNKNOWN
    blocked_by: str = ""
    is_draft: bool = False
    author: str = ""
    reviewers: tuple[str, ...] = ()
    code_owners: tuple[str, ...] = ()
    approved_by: tuple[str, ...] = ()
    created_at: float = 0.0
    updated_at: float = 0.0
    auto_merges: bool | None = False
    can_auto_merge: bool = False
    has_merge_queue: bool = False
    may_merge: bool | None = None
    default_method: str = ""
    repository: str = ""

    def has_head(self, commit: str) -> bool:
        """Whether ``commit``, a full id, is the pull request's last commit."""
        return len(self.head) >= _SHORTEST_ID and commit.startswith(self.head)


#: Bitbucket shows the first twelve digits of a commit's id.
_SHORTEST_ID = 12


class Reviews(Protocol):
    """The pull requests of a host, their reviews and their merges.

    Methods raise HostError, RefusedError or HostUnavailable; those that write raise StaleSnapshot
    as well, if the pull request is another than ``review`` shows or the effect is unknown.
    """

    @property
    def merge_methods(self) -> frozenset[MergeMethod]:
        """The methods that this host can be asked for."""

    def read(self, pulls: Sequence[OwnPull]) -> Iterator[PullRequestReview | Unreadable]:
        """The state of each of ``pulls``, in the same order.

        One that can't be read is Unreadable. Raises HostUnavailable.
        """

    def wait_for_turn(self, kind: WriteKind) -> None:
        """Wait until a write of ``kind`` is allowed. Raises HostUnavailable."""

    def merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> PullState:
        """Merge ``pull`` if its last commit still is that of ``review``; returns its new state.

        ``method`` None: as the repository usually does. The state is OPEN if the host merges later.
        Never bypasses a rule of the host.
        """

    def enable_auto_merge(
        self, pull: OwnPull, review: PullRequestReview, method: MergeMethod | None
    ) -> None:
        """Have the host merge ``pull`` as soon as its rules allow."""

    def base_checks(self, pull: OwnPull) -> Checks:
        """The result of CI for the commit that merged ``pull``, or for the base's tip if open."""


@runtime_checkable
class ReviewedHost(Protocol):
    """A host on which changes are reviewed."""

    @property
    def reviews(self) -> Reviews:
        """Its pull requests."""
