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
the background.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from cci_migrate.escaping.hidden_fields import repr_without


class ConstructKind(Enum):
    """How the slots of a construct run."""

    SEQUENCE = "sequence"
    """All, one after the other."""
    TOGETHER = "together"
    """All, at the same time: the parts of a pipeline."""
    CHOICE = "choice"
    """Conditions in order, and what they choose."""
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
    when_empty: frozenset[str] | None = None


class Construct(Struct, frozen=True, eq=False):
    """A construct of a script, compared by identity."""

    kind: ConstructKind
    alternatives: tuple[Alternative, ...] = ()


class Turn(Struct, frozen=True):
    """A slot of a construct."""

    construct: Construct
    slot: int


Place: TypeAlias = "tuple[Turn, ...]"


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
    if not _covered(ran, 0, succeeded=True):
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
        return _any_slot_covered(earlier, depth, succeeded=None)
    if construct.kind is ConstructKind.CHOICE:
        for alternative in construct.alternatives:
            if alternative.body == slot:
                slots: Sequence[int] = alternative.conditions
                succeeded = alternative.succeeded
                break
            if slot in alternative.conditions:
                slots = alternative.conditions[: alternative.conditions.index(slot)]
                succeeded = None
                break
        else:
            return False
        ran = [command for command in commands if command.place[depth].slot in slots]
        return _any_slot_covered(ran, depth, succeeded=succeeded)
    return False


def _any_slot_covered(commands: list[PlacedCommand], depth: int, succeeded: int | None) -> bool:
    by_slot: dict[int, list[PlacedCommand]] = {}
    for command in commands:
        by_slot.setdefault(command.place[depth].slot, []).append(command)
    return any(
        _covered(group, depth + 1, succeeded=slot == succeeded) for slot, group in by_slot.items()
    )


def _covered(commands: list[PlacedCommand], depth: int, *, succeeded: bool) -> bool:
    """Whether one of ``commands`` has run if the construct at ``depth`` of their places has.

    Their places are equal down to there. ``succeeded``: the construct also succeeded.
    """
    if not commands:
        return False
    if any(len(command.place) == depth for command in commands):
        return True
    construct = commands[0].place[depth].construct
    if construct.kind is ConstructKind.BACKGROUND:
        return False
    if construct.kind in (ConstructKind.SEQUENCE, ConstructKind.TOGETHER):
        return _any_slot_covered(commands, depth, succeeded=None)
    return all(
        not way.passes
        or (succeeded and way.fails)
        or _skipped_without_variables(way, commands)
        or _way_covered(way, commands, depth)
        for way in construct.alternatives
    )


def _way_covered(way: Alternative, commands: list[PlacedCommand], depth: int) -> bool:
    slots = (*way.conditions, *(() if way.body is None else (way.body,)))
    on_way = [command for command in commands if command.place[depth].slot in slots]
    return _any_slot_covered(on_way, depth, succeeded=way.succeeded)


def _skipped_without_variables(way: Alternative, commands: Iterable[PlacedCommand]) -> bool:
    return bool(way.when_empty) and any(
        way.when_empty <= command.variables for command in commands if way.when_empty
    )
