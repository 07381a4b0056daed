"""Where a command stands in a script's control flow, and which commands surely ran before it.

A `Place` is the way from the whole script down to one command: at each construct, the slot that is
taken. Two commands' places part at one construct, and that construct alone says which of the two
runs first and whether it does so always.

What counts as "surely ran" is what matters for a login, which leaves its mark in a file:

- earlier statements of a sequence, of a subshell, of a pipeline, of a group; a function's commands
  where it is called; the body of a loop over words that are written out; conditions.
- the right side of ``&&`` where the left side is a command that normally succeeds (``cd x &&
  login``); a test in front (``[ "$BRANCH" = main ] && login``) makes it uncertain.
- a command in every branch of ``if`` or ``case``; a branch that ends in ``exit`` does not matter.
- a branch that is left out only where variables that the login itself reads are empty: without
  them there is nothing to log in with (``if [ -n "$PASSWORD" ]; then ... login ...; fi``).

Not so: the right side of ``||``, one branch of several, the body of ``while``, what runs in the
background.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from cci_migrate.escaping.hidden_fields import repr_without


class Kind(Enum):
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

    ``conditions`` are the slots that have run on this way, ``body`` the slot it ends in (None:
    nothing else runs). ``passes``: what follows the construct can be reached this way.
    ``succeeded``: the condition of which this way says that it succeeded. ``fails``: so does the
    construct that goes this way. ``when_empty``: the way is taken only where one of these variables
    is empty.
    """

    conditions: tuple[int, ...]
    body: int | None
    passes: bool = True
    succeeded: int | None = None
    fails: bool = False
    when_empty: frozenset[str] | None = None


class Construct(Struct, frozen=True, eq=False):
    """A construct of a script; each one is itself only, however alike two are."""

    kind: Kind
    alternatives: tuple[Alternative, ...] = ()


class Turn(Struct, frozen=True):
    """A slot of a construct."""

    construct: Construct
    slot: int


Place: TypeAlias = "tuple[Turn, ...]"


class Standing(Struct, frozen=True):
    """A command's place and the variables it reads."""

    place: Place
    variables: frozenset[str] = frozenset()

    __repr__ = repr_without("place")


def surely_before(commands: Iterable[Standing], target: Place) -> bool:
    """Tell whether, whenever ``target`` runs, one of ``commands`` has run before it."""
    by_depth: dict[int, list[Standing]] = {}
    for command in commands:
        depth = _parting(command.place, target)
        if depth is not None:
            by_depth.setdefault(depth, []).append(command)
    return any(_before(group, target, depth) for depth, group in by_depth.items())


def surely_at_end(commands: Iterable[Standing], exits: Iterable[Standing]) -> bool:
    """Tell whether, whenever the script ends in success, one of ``commands`` has run.

    ``exits`` are the commands that end the script early in success.
    """
    ran = list(commands)
    if not _covered(ran, 0, succeeded=True):
        return False
    return all(_surely_or_without_variables(ran, early.place) for early in exits)


def _surely_or_without_variables(commands: list[Standing], exit_place: Place) -> bool:
    if surely_before(commands, exit_place):
        return True
    return any(
        _excused(alternative, commands)
        for turn in exit_place
        for alternative in turn.construct.alternatives
        if alternative.body == turn.slot
    )


def _parting(first: Place, second: Place) -> int | None:
    for depth, (one, other) in enumerate(zip(first, second, strict=False)):
        if one.construct is not other.construct:
            return None
        if one.slot != other.slot:
            return depth
    return None


def _before(commands: list[Standing], target: Place, depth: int) -> bool:
    construct, slot = target[depth].construct, target[depth].slot
    if construct.kind is Kind.SEQUENCE:
        earlier = [command for command in commands if command.place[depth].slot < slot]
        return _any_slot_covered(earlier, depth, succeeded=None)
    if construct.kind is Kind.CHOICE:
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


def _any_slot_covered(commands: list[Standing], depth: int, succeeded: int | None) -> bool:
    by_slot: dict[int, list[Standing]] = {}
    for command in commands:
        by_slot.setdefault(command.place[depth].slot, []).append(command)
    return any(
        _covered(group, depth + 1, succeeded=slot == succeeded) for slot, group in by_slot.items()
    )


def _covered(commands: list[Standing], depth: int, *, succeeded: bool) -> bool:
    """Whether one of ``commands`` runs whenever what stands at ``depth`` of their places ran.

    They all share the way down to there. ``succeeded``: it also ran with success.
    """
    if not commands:
        return False
    if any(len(command.place) == depth for command in commands):
        return True
    construct = commands[0].place[depth].construct
    if construct.kind is Kind.BACKGROUND:
        return False
    if construct.kind in (Kind.SEQUENCE, Kind.TOGETHER):
        return _any_slot_covered(commands, depth, succeeded=None)
    return all(
        not way.passes
        or (succeeded and way.fails)
        or _excused(way, commands)
        or _way_covered(way, commands, depth)
        for way in construct.alternatives
    )


def _way_covered(way: Alternative, commands: list[Standing], depth: int) -> bool:
    slots = (*way.conditions, *(() if way.body is None else (way.body,)))
    on_way = [command for command in commands if command.place[depth].slot in slots]
    return _any_slot_covered(on_way, depth, succeeded=way.succeeded)


def _excused(way: Alternative, commands: Iterable[Standing]) -> bool:
    return bool(way.when_empty) and any(
        way.when_empty <= command.variables for command in commands if way.when_empty
    )
