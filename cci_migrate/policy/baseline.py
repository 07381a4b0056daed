"""A baseline: findings that were there when a team began, and that it wants to leave for now.

A finding is known by its file, its rule, its place in the config's structure and what it is about,
the image for instance: not by its line. What is found anew, or about another image, is not in it.
A file that is not to be edited, as a template, is in it as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.bounds.json_input import JsonInputError, check_version, parsed_json, typed
from cci_migrate.escaping.json_text import json_to_read_back

#: Goes up when a key changes its meaning or goes away.
VERSION = 1
#: The route of what stands for a whole file; its ``rule`` is why the file is not edited.
WHOLE_FILE = "."


class Accepted(Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """One finding of a baseline. ``path`` is relative to the folder of the baseline's file."""

    path: str
    rule: str
    route: str
    subject: str


class Baseline(Struct, frozen=True, forbid_unknown_fields=True):
    """The findings that are to be left."""

    accepted: frozenset[Accepted] = frozenset()

    def of(self, names: Mapping[str, str]) -> Baseline:
        """What concerns some files: ``names`` gives their own paths by those in the baseline."""
        return Baseline(
            frozenset(
                replace(one, path=names[one.path]) for one in self.accepted if one.path in names
            )
        )


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    findings: tuple[Accepted, ...]


def parse_baseline(text: str) -> Baseline:
    """The baseline that ``text``, a JSON document, holds. Raises JsonInputError."""
    data = parsed_json(text)
    try:
        check_version(data, VERSION)
        return Baseline(frozenset(typed(data, _File).findings))
    except JsonInputError as error:
        raise JsonInputError(
            f"is no baseline: {error}; write it again with --write-baseline",
            line=_line_of(error.place, data, text),
        ) from None


def _line_of(place: str, data: Any, text: str) -> int | None:
    """The line of a finding, if the text is laid out as `baseline_text` does."""
    number = re.match(r"findings\[(\d+)\]", place)
    if number is None:
        return None
    written = json_to_read_back(data["findings"][int(number[1])])
    lines = (line.strip().rstrip(",") for line in text.splitlines())
    return next((number for number, line in enumerate(lines, 1) if line == written), None)


def baseline_text(accepted: Iterable[Accepted]) -> str:
    """The baseline of these findings: one a line, sorted, so that merges are easy."""
    lines = [json_to_read_back(one) for one in sorted(set(accepted))]
    body = "".join(f"\n    {line}," for line in lines).removesuffix(",")
    end = "\n  ]" if lines else "]"
    return f'{{\n  "version": {VERSION},\n  "findings": [{body}{end}\n}}\n'
