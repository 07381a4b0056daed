"""The order of questions about fixes, and the effect of each answer.

Pure: an `Interview` is a value, and every answer makes a new one. Going back returns the previous
one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cached_property

from msgspec import Struct, field
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import (
    Answer,
    Apply,
    ChosenNames,
    Decision,
    Finding,
    FindingKey,
    Fix,
    NoFix,
    Question,
    Skip,
    Suppress,
)
from cci_migrate.interactive.fix_keys import Action

#: How many lines are shown around a change at first; each time more are asked for, this times more.
FEW_LINES = 3
_MORE = 4
#: Fewer fixes than this are decided on one by one as quickly as together.
SMALLEST_GROUP = 4


class ItemKey(Struct, frozen=True, order=True):
    """A finding among those of all configs: the number of its config, and its own key."""

    config: int
    finding: FindingKey


class GroupKey(Struct, frozen=True):
    """What items that are alike have in common.

    ``fix`` is the title of the fix, ``names`` are those that it writes; ``answers`` are the keys
    and labels of a question's.
    """

    rule: str
    plural: str
    registry: str | None
    fix: str
    names: str
    answers: tuple[tuple[str, str], ...]


class Item(Struct, frozen=True):
    """A finding to decide on: its remedy is a fix or a question."""

    config: int
    finding: Finding

    @property
    def key(self) -> ItemKey:
        """What the decision on it is kept under."""
        return ItemKey(self.config, self.finding.key)

    @property
    def rests_on(self) -> frozenset[ItemKey]:
        """The findings without whose fixes there is nothing to decide."""
        return frozenset(ItemKey(self.config, key) for key in self.finding.after)

    @property
    def group_key(self) -> GroupKey:
        """What it has in common with those that it can be decided on with."""
        finding = self.finding
        written = "" if finding.names is None else finding.names.names
        title = finding.remedy.title if isinstance(finding.remedy, Fix) else ""
        choices = finding.remedy.choices if isinstance(finding.remedy, Question) else ()
        answers = tuple((choice.key, choice.label) for choice in choices)
        return GroupKey(finding.rule, finding.plural, finding.registry, title, written, answers)

    def is_of_rule_of(self, other: Item) -> bool:
        """Whether both are of the same rule."""
        return self.finding.rule == other.finding.rule

    def is_in_file_of(self, other: Item) -> bool:
        """Whether both are in the same file."""
        same = self.finding.place.source.path == other.finding.place.source.path
        return same and self.config == other.config


class Ending(Enum):
    """What to do with the accepted fixes."""

    WRITE = "write"
    ONLY_SAVE = "save"
    NOTHING = "nothing"


#: A key, or what the question that a key asked was answered with.
Reply = Action | Answer | Suppress | ChosenNames | Ending


class AskGroup(Struct, frozen=True):
    """Ask what to do about all of ``items``, which are alike; the first is the ``number``-th."""

    items: tuple[Item, ...]
    number: int
    total: int
    can_go_back: bool

    @property
    def item(self) -> Item:
        """The first of them, which is shown."""
        return self.items[0]


class AskFix(Struct, frozen=True):
    """Ask what to do about ``item``, the ``number``-th of ``total``.

    ``lines``: how many lines to show around it. ``left_of_rule`` and ``left_in_file`` count the
    fixes of its rule and in its file that are not decided on; ``all_in_file`` questions too.
    """

    item: Item
    number: int
    total: int
    lines: int
    can_go_back: bool
    left_of_rule: int
    left_in_file: int
    all_in_file: int


class AskAtEnd(Struct, frozen=True):
    """Show all changes and ask whether to make them."""

    can_go_back: bool


#: The next question; an `Ending` if there is nothing more to ask.
InterviewStep = AskGroup | AskFix | AskAtEnd | Ending


class Interview(Struct, frozen=True, dict=True):
    """The items in the order of asking, what was decided on them, and the interview before.

    ``opened`` are the groups whose items are decided on one by one. ``has_quit``: nothing more is
    asked about items.
    """

    items: tuple[Item, ...]
    decided: Mapping[ItemKey, Decision] = field(default_factory=dict)
    names: Mapping[ItemKey, ChosenNames] = field(default_factory=dict)
    lines: int = FEW_LINES
    opened: frozenset[GroupKey] = frozenset()
    has_quit: bool = False
    ending: Ending | None = None
    previous: Interview | None = None

    __repr__ = repr_without("previous")

    @property
    def current(self) -> Item | None:
        """The item to ask about, the first of the `group` if there is one; None at the end."""
        return next(iter(self.group or self.remaining), None)

    @cached_property
    def group(self) -> tuple[Item, ...]:
        """The first remaining items that are alike and can be decided on together."""
        groups: dict[GroupKey, list[Item]] = {}
        for item in self.remaining:
            if item.group_key not in self.opened:
                groups.setdefault(item.group_key, []).append(item)
        return next((tuple(items) for items in groups.values() if len(items) >= SMALLEST_GROUP), ())

    @cached_property
    def remaining(self) -> tuple[Item, ...]:
        """The items that are still to be decided on."""
        by_key = {item.key: item for item in self.items}
        return tuple(
            item
            for item in self.items
            if item.key not in self.decided and not self._is_moot(item, by_key)
        )

    @property
    def remaining_fixes(self) -> list[Item]:
        """Those of `remaining` that are fixes, not questions."""
        return [item for item in self.remaining if isinstance(item.finding.remedy, Fix)]

    @property
    def accepted(self) -> int:
        """The number of items whose decisions change a file."""
        return sum(_changes(item, self.decided.get(item.key)) for item in self.items)

    def _is_moot(self, item: Item, by_key: Mapping[ItemKey, Item]) -> bool:
        """Whether ``item`` rests on other findings, all of which are decided and not fixed."""
        rests_on = item.rests_on & by_key.keys()
        return bool(rests_on) and all(
            key in self.decided and accepted_fix(by_key[key].finding, self.decided[key]) is None
            for key in rests_on
        )

    @cached_property
    def decisions(self) -> Mapping[int, Mapping[FindingKey, Decision]]:
        """By config, the decision on each finding; what was not decided on is skipped."""
        by_config: dict[int, dict[FindingKey, Decision]] = defaultdict(dict)
        for item in self.items:
            by_config[item.config][item.finding.key] = self.decided.get(item.key, Skip())
        return by_config

    def names_of(self, config: int) -> Mapping[FindingKey, ChosenNames]:
        """The names that single fixes of one config are to write."""
        return {key.finding: names for key, names in self.names.items() if key.config == config}


def in_order(items: Iterable[Item]) -> tuple[Item, ...]:
    """Config by config, by place; what rests on other fixes after all that rest on none."""
    return tuple(
        sorted(
            items,
            key=lambda item: (
                item.config,
                bool(item.finding.after),
                item.finding.place.source.path,
                item.finding.place.span.start,
            ),
        )
    )


def can_be_decided(finding: Finding) -> bool:
    """Whether there is something to decide."""
    return not isinstance(finding.remedy, NoFix)


def next_step(interview: Interview) -> InterviewStep:
    """The next question, or the end, of ``interview``."""
    if interview.ending is not None:
        return interview.ending
    item, can_go_back = interview.current, interview.previous is not None
    if item is None or interview.has_quit:
        return AskAtEnd(can_go_back) if interview.accepted else Ending.NOTHING
    remaining, fixes = interview.remaining, interview.remaining_fixes
    number = len(interview.decided) + 1
    total = len(interview.decided) + len(remaining)
    if interview.group:
        return AskGroup(interview.group, number, total, can_go_back)
    return AskFix(
        item,
        number,
        total,
        interview.lines,
        can_go_back,
        left_of_rule=sum(map(item.is_of_rule_of, fixes)),
        left_in_file=sum(map(item.is_in_file_of, fixes)),
        all_in_file=sum(map(item.is_in_file_of, remaining)),
    )


def after(interview: Interview, reply: Reply) -> Interview:
    """The interview once ``reply`` is given to its `next_step`.

    Keys that only show something, or ask for another reply, leave it as it is.
    """
    if isinstance(reply, Ending):
        return replace(interview, ending=reply)
    if reply is Action.BACK:
        return _back(interview)
    item = interview.current
    if item is None:
        return interview
    asked = interview.group or (item,)
    match reply:
        case Answer():
            return _decided(interview, asked, reply)
        case Suppress():
            return _decided(interview, (item,), reply)
        case ChosenNames():
            names = {**interview.names, item.key: reply}
            return replace(interview, names=names, previous=interview)
        case Action.APPLY:
            is_question = isinstance(item.finding.remedy, Question)
            return interview if is_question else _decided(interview, asked, Apply())
        case Action.EACH:
            opened = interview.opened | {item.group_key}
            return replace(interview, opened=opened, previous=interview)
        case Action.SKIP:
            return _decided(interview, asked, Skip())
        case Action.ALL_OF_RULE:
            of_rule = filter(item.is_of_rule_of, interview.remaining_fixes)
            return _decided(interview, of_rule, Apply())
        case Action.REST_OF_FILE:
            in_file = filter(item.is_in_file_of, interview.remaining_fixes)
            return _decided(interview, in_file, Apply())
        case Action.SKIP_FILE:
            in_file = filter(item.is_in_file_of, interview.remaining)
            return _decided(interview, in_file, Skip())
        case Action.MORE:
            return replace(interview, lines=interview.lines * _MORE)
        case Action.QUIT:
            return replace(interview, has_quit=True, previous=interview)
        case Action.IGNORE | Action.NAMES | Action.WHY | Action.AGAIN:
            return interview
        case _:
            assert_never(reply)


def _decided(interview: Interview, items: Iterable[Item], decision: Decision) -> Interview:
    decided = {**interview.decided, **dict.fromkeys((item.key for item in items), decision)}
    return replace(interview, decided=decided, lines=FEW_LINES, previous=interview)


def _back(interview: Interview) -> Interview:
    """One decision back, or out of the question at the end."""
    if interview.previous is None:
        return interview
    return replace(interview.previous, items=interview.items, lines=FEW_LINES)


def accepted_fix(finding: Finding, decision: Decision | None) -> Fix | None:
    """The fix of ``finding`` that ``decision`` makes, if it makes one."""
    remedy = finding.remedy
    match decision:
        case Apply():
            return remedy if isinstance(remedy, Fix) else None
        case Answer(choice):
            choices = remedy.choices if isinstance(remedy, Question) else ()
            chosen = next((offered.remedy for offered in choices if offered.key == choice), None)
            return chosen if isinstance(chosen, Fix) else None
        case Skip() | Suppress() | None:
            return None
        case _:
            assert_never(decision)


def _changes(item: Item, decision: Decision | None) -> bool:
    """Whether ``decision`` changes a file."""
    return isinstance(decision, Suppress) or accepted_fix(item.finding, decision) is not None
