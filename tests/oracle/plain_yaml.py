"""A YAML 1.1 reading of its own, to hold the project's reading against.

It goes from ruamel.yaml's events straight to plain data, aliases and merge keys resolved as
SnakeYAML (CircleCI's reader) resolves them: a mapping's own keys win, then the first merge that
has the key; of a repeated key the last value counts. It shares no code with `cci_migrate`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

#: Plain data: dict, list, str, int, float, bool or None. Aliases give the same object again.
Data = object

NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
BOOLEAN = {
    **dict.fromkeys(("yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)\Z")
FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*)?\.[0-9_]*(?:[eE][-+][0-9]+)?\Z")


class UnreadableError(ValueError):
    """The text is not YAML, or has an alias to nothing."""


class _MergeKey(Struct, frozen=True):
    """The plain key ``<<``."""


_MERGE = _MergeKey()


def read(data: bytes | str) -> Data:
    """The first document of ``data`` as plain data, None where there is none.

    What the C parser refuses the pure one may read, as SnakeYAML does (``[image: python:3.12]``).
    """
    return _read(data)[0]


def repeats_a_key(data: bytes | str) -> bool:
    """Whether a mapping of the first document has a key twice, the merge key aside."""
    return _read(data)[1]


def read_by(data: bytes | str, *, pure: bool) -> Data:
    """As `read`, by one of ruamel.yaml's two parsers."""
    return _read_by(data, pure=pure)[0]


def _read(data: bytes | str) -> tuple[Data, bool]:
    try:
        return _read_by(data, pure=False)
    except UnreadableError:
        return _read_by(data, pure=True)


def _read_by(data: bytes | str, *, pure: bool) -> tuple[Data, bool]:
    """The first document, and whether a mapping of it has a key twice."""
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
        events = YAML(typ="safe", pure=pure).parse(text)
        for event in events:
            if isinstance(event, DocumentStartEvent):
                composer = _Composer(events)
                value = composer.value(next(events))
                # What comes behind it must be YAML as well.
                deque(events, maxlen=0)
                return value, composer.repeats_a_key
    except (YAMLError, UnicodeDecodeError) as error:
        raise UnreadableError(str(error)) from error
    return None, False


class _Composer:
    """Builds values from events; keeps what each anchor last stood for."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._anchored: dict[str, Data] = {}
        self.repeats_a_key = False

    def value(self, event: Event) -> Data:
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchored:
                raise UnreadableError(f"undefined alias {event.anchor}")
            return self._anchored[event.anchor]
        if isinstance(event, ScalarEvent):
            scalar = _typed(event)
            self._keep(event.anchor, scalar)
            return scalar
        if isinstance(event, SequenceStartEvent):
            items: list[Data] = []
            self._keep(event.anchor, items)
            for child in self._until(SequenceEndEvent):
                items.append(self.value(child))
            return items
        if isinstance(event, MappingStartEvent):
            return self._mapping(event)
        raise UnreadableError(f"unexpected {type(event).__name__}")

    def _mapping(self, event: MappingStartEvent) -> dict[str, Data]:
        mapping: dict[str, Data] = {}
        self._keep(event.anchor, mapping)
        merged: list[Data] = []
        for child in self._until(MappingEndEvent):
            key = _MERGE if _is_merge(child) else self.value(child)
            value = self.value(next(self._events))
            if isinstance(key, _MergeKey):
                merged.extend(value if isinstance(value, list) else [value])
            else:
                name = _key_text(child, key)
                self.repeats_a_key |= name in mapping
                mapping[name] = value
        for source in merged:
            if isinstance(source, dict):
                for name, value in source.items():
                    mapping.setdefault(name, value)
        return mapping

    def _until(self, end: type[Event]) -> Iterator[Event]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _keep(self, anchor: str | None, value: Data) -> None:
        if anchor is not None:
            self._anchored[anchor] = value


def _is_merge(event: Event) -> bool:
    return isinstance(event, ScalarEvent) and event.value == "<<" and _is_plain(event)


def _is_plain(event: ScalarEvent) -> bool:
    return event.style in (None, "") and event.tag is None


def _key_text(event: Event, key: Data) -> str:
    # CircleCI's keys are names: ``on`` and ``1.0`` mean what is written.
    return str(event.value) if isinstance(event, ScalarEvent) else str(key)


def _typed(event: ScalarEvent) -> Data:
    text = str(event.value)
    if not _is_plain(event):
        return text
    if NULL.match(text):
        return None
    if text in BOOLEAN:
        return BOOLEAN[text]
    if INTEGER.match(text):
        return int(text.replace("_", ""))
    if FLOAT.match(text) and any(character.isdigit() for character in text):
        return float(text.replace("_", ""))
    return text


def value_at(value: Data, *keys: str) -> Data:
    """What is under ``keys`` in ``value``, one in the other; None where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def mapping_of(value: Data, *keys: str) -> dict[str, Data]:
    """What is under ``keys`` in ``value`` if it is a mapping, else an empty one."""
    found = value_at(value, *keys)
    return found if isinstance(found, dict) else {}


def list_of(value: Data, *keys: str) -> list[Data]:
    """What is under ``keys`` in ``value`` if it is a list, else an empty one."""
    found = value_at(value, *keys)
    return found if isinstance(found, list) else []


def first_lines(error: UnreadableError, count: int = 1) -> str:
    """The beginning of what the parser said."""
    return " ".join(islice(str(error).splitlines(), count))
