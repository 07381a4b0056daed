"""A document as plain values, and what differs between two of them.

Aliases and merge keys are followed: what counts is what a reader of the file gets.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import TypeAlias

from msgspec import Struct

from cci_migrate.lossless.merging import is_null, values_by_key
from cci_migrate.lossless.nodes import Node, Scalar, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode
from cci_migrate.lossless.scalars import is_string
from cci_migrate.lossless.unified_diff import unchanged_ends


class Bare(Struct, frozen=True):
    """A scalar that is no string: a number, a boolean, a null (empty)."""

    text: str


Plain: TypeAlias = "str | Bare | list[Plain] | dict[str, Plain]"
#: The way to a value: keys of mappings, indexes of lists.
Path: TypeAlias = "tuple[str | int, ...]"


class Added(Struct, frozen=True, eq=False):
    """``value`` is there now, at ``path`` of the new data."""

    path: Path
    value: Plain


class Removed(Struct, frozen=True, eq=False):
    """``value`` is gone, from ``path`` of the old data."""

    path: Path
    value: Plain


class Replaced(Struct, frozen=True, eq=False):
    """``old`` became ``new``, of which at least one is a scalar; ``path`` is of the new data."""

    path: Path
    old: Plain
    new: Plain


Change = Added | Removed | Replaced


def plain_data(node: Node | None) -> Plain:
    """What ``node`` means; None is a null. An alias that leads into itself ends there as a null."""
    return _PlainReader().read(node)


class _PlainReader:
    def __init__(self) -> None:
        self._known: dict[Node, Plain] = {}

    def read(self, node: Node | None) -> Plain:
        if node is None:
            return Bare("")
        target = resolved(node)
        if isinstance(target, Scalar):
            return _scalar(target)
        cached = self._known.get(target)
        if cached is not None:
            return cached
        self._known[target] = Bare("")
        value: Plain
        if isinstance(target, SequenceNode):
            value = [self.read(item) for item in target.items]
        else:
            value = {name: self.read(item) for name, item in values_by_key(target).items()}
        self._known[target] = value
        return value


def _scalar(scalar: Scalar) -> Plain:
    if is_null(scalar):
        return Bare("")
    if scalar.style or scalar.tag is not None or is_string(scalar.value):
        return scalar.value
    return Bare(scalar.value)


def changes(old: Plain, new: Plain, path: Path = ()) -> Iterator[Change]:
    """What turns ``old`` into ``new``. Items of lists are matched by what they are."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old:
            if key in new:
                yield from changes(old[key], new[key], (*path, key))
            else:
                yield Removed((*path, key), old[key])
        for key in new:
            if key not in old:
                yield Added((*path, key), new[key])
    elif isinstance(old, list) and isinstance(new, list):
        yield from _changed_items(old, new, path)
    elif old != new:
        yield Replaced(path, old, new)


def _changed_items(old: list[Plain], new: list[Plain], path: Path) -> Iterator[Change]:
    for old_range, new_range in _unequal(old, new, _whole):
        if len(old_range) == len(new_range):
            yield from _pairs(old, new, old_range, new_range, path)
            continue
        olds, news = [old[at] for at in old_range], [new[at] for at in new_range]
        done_old, done_new = 0, 0
        for old_part, new_part in (*_unequal(olds, news, _likeness), _end(olds, news)):
            # What lies between the unlike ones is alike, one by one.
            alike_old = range(old_range.start + done_old, old_range.start + old_part.start)
            alike_new = range(new_range.start + done_new, new_range.start + new_part.start)
            yield from _pairs(old, new, alike_old, alike_new, path)
            for at in old_part:
                yield Removed((*path, old_range.start + at), olds[at])
            for at in new_part:
                yield Added((*path, new_range.start + at), news[at])
            done_old, done_new = old_part.stop, new_part.stop


def _end(old: Sequence[Plain], new: Sequence[Plain]) -> tuple[range, range]:
    return range(len(old), len(old)), range(len(new), len(new))


def _pairs(
    old: Sequence[Plain], new: Sequence[Plain], old_range: range, new_range: range, path: Path
) -> Iterator[Change]:
    for at, to in zip(old_range, new_range, strict=True):
        yield from changes(old[at], new[to], (*path, to))


def _unequal(
    old: Sequence[Plain], new: Sequence[Plain], key: Callable[[Plain], Hashable]
) -> Iterator[tuple[range, range]]:
    """The parts of both lists that are not the same by ``key``."""
    old_keys, new_keys = [key(item) for item in old], [key(item) for item in new]
    start, end = unchanged_ends(old_keys, new_keys)
    matcher = SequenceMatcher(
        None,
        old_keys[start : len(old) - end],
        new_keys[start : len(new) - end],
        autojunk=False,
    )
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag != "equal":
            yield (
                range(start + old_start, start + old_end),
                range(start + new_start, start + new_end),
            )


def _whole(value: Plain) -> Hashable:
    if isinstance(value, dict):
        return frozenset((key, _whole(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(_whole, value))
    return value


def _likeness(value: Plain) -> Hashable:
    """What two items that are changed versions of each other have in common."""
    if isinstance(value, dict):
        return tuple((key, _title(item)) for key, item in value.items())
    return _whole(value)


def _title(value: Plain) -> Hashable:
    """The name of a step, or the beginning of its script."""
    if isinstance(value, dict):
        return _title(value.get("name") or value.get("command") or "")
    return value.partition("\n")[0] if isinstance(value, str) else ""
