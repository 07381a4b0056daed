"""The keys of the prompt for a fix: the letter of each, and what the prompt says of it.

`interview` has what each does, `session` when each is offered.
"""

from __future__ import annotations

from enum import Enum


class Action(Enum):
    """What to do about a fix, by the letter of its key."""

    APPLY = "a"
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


#: In the order in which the prompt lists them.
LABELS = {
    Action.APPLY: "apply this fix",
    Action.SKIP: "skip it",
    Action.ALL_OF_RULE: "apply all of this rule",
    Action.REST_OF_FILE: "apply the rest of this file",
    Action.SKIP_FILE: "skip the rest of this file",
    Action.IGNORE: "skip, with a reason as comment",
    Action.NAMES: "edit the names for this one",
    Action.BACK: "back to the answer before",
    Action.MORE: "more lines around it",
    Action.WHY: "why: the page of this rule",
    Action.AGAIN: "print it again",
    Action.QUIT: "quit",
}
