"""The place of a command in a script's control flow, and which commands surely ran before it.

A `Place` is the path from the whole script down to one command: at each construct, a slot. The
places of two commands diverge at one construct, and that construct alone decides which of the two
runs first and whether it always does.

"Surely ran" is defined for logins, which leave their credentials in a file. These surely ran:

- earlier statements of a sequence, subshell, pipeline or group; a function's commands where it is
  called; the body of a loop over literal words; conditions.
- the right side of ``&&`` if the left side is a command that normally succeeds (``cd x &&
  login``); a test on the left (``[ "$BRANCH" = main ] && login``) makes it uncertain.
- a command in every branch of ``if`` or ``case``; a branch that ends in ``exit`` doesn't matter.
- a branch that is skipped only if variables that the login itself reads are empty: without
  them there is nothing to log in with (``if [ -n "$PASSWORD" ]; then ... login ...; fi``).

These don't: the right side of ``||``, one branch of several, the body of ``while``, commands in
the background; nor, for what runs only where a condition has failed, the command that made it fail
(``login || pull``, ``if ! login; then pull; fi``).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TypeAlias

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.escaping.hidden_fields import repr_without


class ConstructKind(Enum):
    """How the slots of a construct run."""

    SEQUENCE = "sequence"
    """All, one after the other."""
    TOGETHER = "together"
    """All, at the same time: the parts of a pipeline."""
    CHOICE = "choice"
    """Conditions in order, and what they choose."""
    NEGATION = "negation"
    """The only one, whose failure is success."""
    BACKGROUND = "background"
    """Some time, perhaps later than what follows."""


class Alternative(Struct, frozen=True):
    """One way through a choice.

    ``conditions`` are the slots that run on this way, then ``body`` (None: nothing else runs).
    ``passes``: control can go on after the construct. ``succeeded``: the condition that succeeds on
    this way. ``fails``: the construct fails. ``when_empty``: the way is taken only if one of these
    variables is empty.
    """

    conditions: tuple[int, ...]
    body: int | None
    passes: bool = True
    succeeded: int | None = None
    fails: bool = False
    when_empty: frozenset[str] = frozenset()


class Construct(Struct, frozen=True, eq=False):
    """A construct of a script, compared by identity.

    ``last`` is the slot of a sequence whose failure makes it fail; None if any may do so.
    """

    kind: ConstructKind
    alternatives: tuple[Alternative, ...] = ()
    last: int | None = None


def perhaps() -> Construct:
    """A construct whose only slot may not run."""
    return Construct(ConstructKind.CHOICE, (Alternative((), 0), Alternative((), None)))


class Turn(Struct, frozen=True):
    """A slot of a construct."""

    construct: Construct
    slot: int


Place: TypeAlias = "tuple[Turn, ...]"


class _Outcome(Enum):
    """How a command or a construct ended, as far as that is known."""

    UNKNOWN = "unknown"
    SUCCESS = "success"
    FAILURE = "failure"


_UNKNOWN, _SUCCESS, _FAILURE = _Outcome.UNKNOWN, _Outcome.SUCCESS, _Outcome.FAILURE
_NEGATED = {_UNKNOWN: _UNKNOWN, _SUCCESS: _FAILURE, _FAILURE: _SUCCESS}


class PlacedCommand(Struct, frozen=True):
    """A command's place and the variables it reads."""

    place: Place
    variables: frozenset[str] = frozenset()

    __repr__ = repr_without("place")


def surely_before(commands: Iterable[PlacedCommand], target: Place) -> bool:
    """Whether one of ``commands`` has always run before ``target`` runs."""
    by_depth: dict[int, list[PlacedCommand]] = {}
    for command in commands:
        depth = _divergence(command.place, target)
        if depth is not None:
            by_depth.setdefault(depth, []).append(command)
    return any(_before(group, target, depth) for depth, group in by_depth.items())


def surely_at_end(commands: Iterable[PlacedCommand], exits: Iterable[PlacedCommand]) -> bool:
    """Whether one of ``commands`` has always run if the script ends in success.

    ``exits`` are the commands that end the script early in success.
    """
    ran = list(commands)
    if not _covered(ran, 0, _SUCCESS):
        return False
    return all(_surely_or_without_variables(ran, early.place) for early in exits)


def _surely_or_without_variables(commands: list[PlacedCommand], exit_place: Place) -> bool:
    if surely_before(commands, exit_place):
        return True
    return any(
        _skipped_without_variables(alternative, commands)
        for turn in exit_place
        for alternative in turn.construct.alternatives
        if alternative.body == turn.slot
    )


def _divergence(first: Place, second: Place) -> int | None:
    for depth, (first_turn, second_turn) in enumerate(zip(first, second, strict=False)):
        if first_turn.construct is not second_turn.construct:
            return None
        if first_turn.slot != second_turn.slot:
            return depth
    return None


def _before(commands: list[PlacedCommand], target: Place, depth: int) -> bool:
    construct, slot = target[depth].construct, target[depth].slot
    if construct.kind is ConstructKind.SEQUENCE:
        earlier = [command for command in commands if command.place[depth].slot < slot]
        return any(_covered(group, depth + 1, _UNKNOWN) for _, group in _by_slot(earlier, depth))
    if construct.kind is ConstructKind.CHOICE:
        way = next(
            (way for way in construct.alternatives if slot in (way.body, *way.conditions)), None
        )
        if way is None:
            return False
        slots, succeeded = way.conditions, way.succeeded
        if way.body != slot:
            slots, succeeded = slots[: slots.index(slot)], None
        ran = [command for command in commands if command.place[depth].slot in slots]
        # The way led past the other conditions because they failed.
        return any(
            _covered(group, depth + 1, _SUCCESS if number == succeeded else _FAILURE)
            for number, group in _by_slot(ran, depth)
        )
    return False


def _by_slot(
    commands: Iterable[PlacedCommand], depth: int
) -> Iterable[tuple[int, list[PlacedCommand]]]:
    by_slot: dict[int, list[PlacedCommand]] = {}
    for command in commands:
        by_slot.setdefault(command.place[depth].slot, []).append(command)
    return by_slot.items()


def _covered(commands: list[PlacedCommand], depth: int, outcome: _Outcome) -> bool:
    """Whether one of ``commands`` has run if the construct at ``depth`` of their places has.

    Their places are equal down to there. ``outcome`` is that of the construct: after a failure,
    only what can't have caused it has surely run.
    """
    if not commands:
        return False
    if any(len(command.place) == depth for command in commands):
        return outcome is not _FAILURE
    construct = commands[0].place[depth].construct
    match construct.kind:
        case ConstructKind.BACKGROUND:
            return False
        case ConstructKind.NEGATION:
            return _covered(commands, depth + 1, _NEGATED[outcome])
        case ConstructKind.SEQUENCE | ConstructKind.TOGETHER:
            return any(
                _covered(group, depth + 1, _outcome_of_slot(construct, slot, outcome))
                for slot, group in _by_slot(commands, depth)
            )
        case ConstructKind.CHOICE:
            return all(
                _is_excluded(way, outcome)
                or _skipped_without_variables(way, commands)
                or _way_covered(way, commands, depth, outcome)
                for way in construct.alternatives
            )
        case _:
            assert_never(construct.kind)


def _outcome_of_slot(construct: Construct, slot: int, outcome: _Outcome) -> _Outcome:
    """What ``outcome`` of a sequence or a pipeline says of the command in ``slot``."""
    may_decide = construct.last in (None, slot)
    return _FAILURE if outcome is _FAILURE and may_decide else _UNKNOWN


def _is_excluded(way: Alternative, outcome: _Outcome) -> bool:
    """Whether a choice that ended with ``outcome``, and was gone on after, didn't go this way."""
    if outcome is _FAILURE:
        # Where nothing else runs and nothing failed, the choice succeeds.
        return not way.fails and (way.body is None or not way.passes)
    return not way.passes or (outcome is _SUCCESS and way.fails)


def _way_covered(
    way: Alternative, commands: list[PlacedCommand], depth: int, outcome: _Outcome
) -> bool:
    slots = (*way.conditions, way.body)
    on_way = [command for command in commands if command.place[depth].slot in slots]
    # A choice that failed did so by what ran last: the conditions before it failed too.
    others = _FAILURE if outcome is _FAILURE else _UNKNOWN
    return any(
        _covered(group, depth + 1, _SUCCESS if slot == way.succeeded else others)
        for slot, group in _by_slot(on_way, depth)
    )


def _skipped_without_variables(way: Alternative, commands: Iterable[PlacedCommand]) -> bool:
    empty = way.when_empty
    return bool(empty) and any(empty <= command.variables for command in commands)
