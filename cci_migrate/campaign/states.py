"""The states a repository of a campaign can be in, each with one meaning."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """The state of a repository. The values are stable: results and reports show them."""

    LISTED = "listed"
    PLANNED = "planned"
    APPLYING = "applying"
    CHANGED = "changed"
    PULL_REQUEST_OPEN = "pull-request-open"
    PULL_REQUEST_INCOMPLETE = "pull-request-incomplete"
    PULL_REQUEST_MERGED = "pull-request-merged"
    CLOSED_BY_HUMAN = "closed-by-human"
    CLOSED = "closed"
    REVERTED = "reverted"
    NOTHING_TO_DO = "nothing-to-do"
    NO_CONFIG = "no-config"
    EMPTY = "empty"
    ARCHIVED = "archived"
    EXCLUDED = "excluded"
    SPLIT = "split"
    NO_PERMISSION = "no-permission"
    BRANCH_EXISTS = "branch-exists"
    GENERATED_CONFIG = "generated-config"
    REFUSED = "refused"
    BROKEN_CONFIG = "broken-config"
    NEEDS_DECISION = "needs-decision"
    FAILED = "failed"


class Undoing(Enum):
    """An undo of a delivered change that has begun: a pull request that is closed was closed by us.

    The values are shown to people, as causes.
    """

    CLOSING = "being closed"
    REVERTING = "being reverted"


MEANING = {
    State.LISTED: "listed, not planned yet",
    State.PLANNED: "a proven change is ready for `batch apply`",
    State.APPLYING: "a write was started; the next `batch apply` completes it",
    State.CHANGED: "the change is written",
    State.PULL_REQUEST_OPEN: "the pull request is open",
    State.PULL_REQUEST_INCOMPLETE: (
        "the pull request lacks a label, reviewer or assignee; the next run tries again"
    ),
    State.PULL_REQUEST_MERGED: "the pull request is merged",
    State.CLOSED_BY_HUMAN: "somebody closed the pull request; it stays closed",
    State.CLOSED: "closed by `batch close`; stays closed",
    State.REVERTED: "`batch revert` undid it or opened a revert; not applied again",
    State.NOTHING_TO_DO: "no change needed under the campaign's policy",
    State.NO_CONFIG: "no CircleCI config",
    State.EMPTY: "no commit yet",
    State.ARCHIVED: "archived, read-only",
    State.EXCLUDED: "excluded by a filter",
    State.SPLIT: "a monorepo; each of its projects is listed",
    State.NO_PERMISSION: "the token can't write here; the next run tries again",
    State.BRANCH_EXISTS: "the branch or its pull request is not this campaign's",
    State.GENERATED_CONFIG: "the config is generated: change its source",
    State.REFUSED: "marked as not to be edited, or the change could not be proven",
    State.BROKEN_CONFIG: "a config can't be read; fix it, or exclude the repository",
    State.NEEDS_DECISION: "something is left for a person to decide or do",
    State.FAILED: "could not be read or written; the next run tries again",
}

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
