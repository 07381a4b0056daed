"""The keys of the prompt for a fix: the letter of each, and what the prompt says of it.

`interview` has what each does, `menus` when each is offered.
"""

from __future__ import annotations

from enum import Enum


class Action(Enum):
    """What to do about a fix, or several that are alike, by the letter of its key."""

    APPLY = "a"
    EACH = "e"
    SKIP = "s"
    ALL_OF_RULE = "r"
    REST_OF_FILE = "f"
    SKIP_FILE = "d"
    IGNORE = "i"
    NAMES = "n"
    BACK = "b"
    MORE = "m"
    WHY = "w"
    AGAIN = "p"
    QUIT = "q"


#: In the order in which the prompt of a fix lists them.
LABELS = {
    Action.APPLY: "apply this fix",
    Action.SKIP: "skip it",
    Action.ALL_OF_RULE: "apply all {} left of this rule",
    Action.REST_OF_FILE: "apply all {} left in this file",
    Action.SKIP_FILE: "skip all {} left in this file",
    Action.IGNORE: "ignore it, with a comment",
    Action.NAMES: "edit the names for this fix",
    Action.BACK: "go back to the previous answer",
    Action.MORE: "show more lines around it",
    Action.WHY: "show why: the page of this rule",
    Action.AGAIN: "print it again",
    Action.QUIT: "quit, and choose what to write",
}

#: The same for the prompt of several that are alike.
GROUP_LABELS = {
    Action.APPLY: "apply all {}",
    Action.EACH: "decide on each",
    Action.SKIP: "skip all {}",
    Action.BACK: LABELS[Action.BACK],
    Action.WHY: LABELS[Action.WHY],
    Action.AGAIN: LABELS[Action.AGAIN],
    Action.QUIT: LABELS[Action.QUIT],
}
