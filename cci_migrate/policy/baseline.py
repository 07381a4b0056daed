"""A baseline: existing findings that a team leaves for now.

A finding is identified by its file, its rule, its place in the config's structure and what is
pulled there, not by its line or its number in a list. New findings, and findings about another
image, are not in the baseline. A file that must not be edited, like a template, is in it as a
whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from cci_migrate.bounds.json_input import JsonInputError, check_version, parsed_json, typed
from cci_migrate.escaping.json_text import json_to_read_back

#: Raised when a key changes its meaning or is removed.
VERSION = 2
#: The place of an entry for a whole file; its ``rule`` is the cause for which it is not edited.
WHOLE_FILE = "."


class BaselineEntry(Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """A finding in a baseline. ``path`` is relative to the folder of the baseline's file.

    ``place`` is the route of its place, without the numbers of items in lists. ``what`` are the
    images without their tags, or what else it is about; ``subject`` is that as the config has it.
    """

    path: str
    rule: str
    place: str
    what: tuple[str, ...]
    subject: str


class Baseline(Struct, frozen=True, forbid_unknown_fields=True):
    """The findings to leave."""

    entries: tuple[BaselineEntry, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    findings: tuple[BaselineEntry, ...]


def parse_baseline(text: str) -> Baseline:
    """The baseline in the JSON document ``text``. Raises JsonInputError, with the line if known."""
    data = parsed_json(text)
    try:
        check_version(data, VERSION)
        return Baseline(typed(data, _File).findings)
    except JsonInputError as error:
        raise JsonInputError(
            f"not a valid baseline: {error}; write it again with --write-baseline",
            line=_line_of(error.place, data, text),
        ) from None


def _line_of(place: str, data: Any, text: str) -> int | None:
    """The line of a finding, if the text has the layout of `baseline_text`."""
    number = re.match(r"findings\[(\d+)\]", place)
    if number is None:
        return None
    written = json_to_read_back(data["findings"][int(number[1])])
    lines = (line.strip().rstrip(",") for line in text.splitlines())
    return next((number for number, line in enumerate(lines, 1) if line == written), None)


def baseline_text(entries: Iterable[BaselineEntry]) -> str:
    """The JSON document with ``entries``, a line each and sorted, so that merges are easy."""
    lines = [json_to_read_back(entry) for entry in sorted(entries)]
    body = "".join(f"\n    {line}," for line in lines).removesuffix(",")
    end = "\n  ]" if lines else "]"
    return f'{{\n  "version": {VERSION},\n  "findings": [{body}{end}\n}}\n'
