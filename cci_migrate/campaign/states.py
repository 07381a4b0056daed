"""The states a repository of a campaign can be in, each with one meaning."""

from __future__ import annotations

from enum import Enum

from typing_extensions import Self


class WithMeaning(Enum):
    """A stable value, which results show, and the ``meaning`` of it for people."""

    _value_: str
    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """The member with this ``value``."""
        member = object.__new__(cls)
        member._value_ = value
        member.meaning = meaning
        return member


class State(WithMeaning):
    """The state of a repository."""

    LISTED = "listed", "listed, not planned yet"
    PLANNED = "planned", "a proven change is ready for `batch apply`"
    APPLYING = "applying", "a write was started; the next `batch apply` completes it"
    CHANGED = "changed", "the change is written"
    PULL_REQUEST_OPEN = "pull-request-open", "the pull request is open"
    PULL_REQUEST_INCOMPLETE = (
        "pull-request-incomplete",
        "the pull request lacks a label, reviewer or assignee; the next run tries again",
    )
    PULL_REQUEST_MERGED = "pull-request-merged", "the pull request is merged"
    CLOSED_BY_HUMAN = "closed-by-human", "somebody closed the pull request; it stays closed"
    CLOSED = "closed", "closed by `batch close`; stays closed"
    REVERTED = "reverted", "`batch revert` undid it or opened a revert; not applied again"
    NOTHING_TO_DO = "nothing-to-do", "no change needed under the campaign's policy"
    NO_CONFIG = "no-config", "no CircleCI config"
    EMPTY = "empty", "no commit yet"
    ARCHIVED = "archived", "archived, read-only"
    EXCLUDED = "excluded", "excluded by a filter"
    SPLIT = "split", "a monorepo; each of its projects is listed"
    NO_PERMISSION = "no-permission", "the token can't write here; the next run tries again"
    BRANCH_EXISTS = "branch-exists", "the branch or its pull request is not this campaign's"
    GENERATED_CONFIG = "generated-config", "the config is generated: change its source"
    REFUSED = "refused", "marked as not to be edited, or the change could not be proven"
    BROKEN_CONFIG = "broken-config", "a config can't be read; fix it, or exclude the repository"
    NEEDS_DECISION = "needs-decision", "something is left for a person to decide or do"
    FAILED = "failed", "could not be read or written; the next run tries again"


class Undoing(Enum):
    """An undo of a delivered change that has begun: a pull request that is closed was closed by us.

    The values are shown to people, as causes.
    """

    CLOSING = "being closed"
    REVERTING = "being reverted"


#: The states that `batch apply` continues from.
PENDING = frozenset({State.PLANNED, State.APPLYING, State.PULL_REQUEST_INCOMPLETE})

#: The states in which `batch apply` tries again to write the change, if one is planned.
TRIED_AGAIN = frozenset({State.FAILED, State.NO_PERMISSION})

#: The states of what was written, or is being written, and is not planned again.
WRITTEN = frozenset({State.CHANGED, State.CLOSED, State.REVERTED, State.APPLYING})

#: The states of what is still to be written, or to be brought up to date.
NOT_UP_TO_DATE = frozenset({State.LISTED, State.PLANNED, State.APPLYING})

#: The states of an open pull request.
OPENED = frozenset({State.PULL_REQUEST_OPEN, State.PULL_REQUEST_INCOMPLETE})

#: The states in which nothing more happens to a pull request.
ENDED = frozenset({State.CLOSED, State.CLOSED_BY_HUMAN, State.REVERTED})

#: The states that `batch plan` plans again: a config may have been fixed meanwhile, or the token
#: have got a permission.
PLANNED_AGAIN = frozenset({State.LISTED, State.FAILED, State.BROKEN_CONFIG, State.NO_PERMISSION})

#: The states in which something is left to do, most of it for a person.
UNFINISHED = frozenset(
    {
        State.LISTED,
        State.PLANNED,
        State.APPLYING,
        State.PULL_REQUEST_INCOMPLETE,
        State.NO_PERMISSION,
        State.BRANCH_EXISTS,
        State.GENERATED_CONFIG,
        State.REFUSED,
        State.BROKEN_CONFIG,
        State.NEEDS_DECISION,
    }
)
