"""A baseline: findings that were there when a team began, and that it wants to leave for now.

A finding is known by its file, its rule, its place in the config's structure and what it is about,
the image for instance: not by its line. What is found anew, or about another image, is not in it.
A file that is not to be edited, as a template, is in it as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

#: Goes up when a key changes its meaning or goes away.
VERSION = 1
_KEYS = ("path", "rule", "route", "subject")
#: The route of what stands for a whole file; its ``rule`` is why the file is not edited.
WHOLE_FILE = "."


class BaselineError(ValueError):
    """A text that is no baseline; the message says why, ``line`` where that is known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


class Accepted(Struct, frozen=True, order=True):
    """One finding of a baseline. ``path`` is relative to the folder of the baseline's file."""

    path: str
    rule: str
    route: str
    subject: str


class Baseline(Struct, frozen=True):
    """The findings that are to be left."""

    accepted: frozenset[Accepted] = frozenset()

    def of(self, names: Mapping[str, str]) -> Baseline:
        """What concerns some files: ``names`` gives their own paths by those in the baseline."""
        return Baseline(
            frozenset(
                replace(one, path=names[one.path]) for one in self.accepted if one.path in names
            )
        )


def parse_baseline(text: str) -> Baseline:
    """The baseline that ``text``, a JSON document, holds. Raises BaselineError."""
    import json

    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise BaselineError(f"is not JSON: {error.msg}", error.lineno) from None
    if not isinstance(data, dict) or not isinstance(data.get("findings"), list):
        raise BaselineError("is no baseline: it has no list of findings")
    if data.get("version") != VERSION:
        raise BaselineError(
            f"has the version {data.get('version')!r}; this cci-migrate reads {VERSION}: "
            "write the baseline again with --write-baseline"
        )
    return Baseline(frozenset(_accepted(one, text) for one in data["findings"]))


def _accepted(entry: Any, text: str) -> Accepted:
    values = [entry.get(key) for key in _KEYS] if isinstance(entry, dict) else []
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != len(_KEYS):
        raise BaselineError(
            "has a finding without " + ", ".join(_KEYS) + ": write it again with --write-baseline",
            _line_of(entry, text),
        )
    return Accepted(*texts)


def _line_of(entry: Any, text: str) -> int | None:
    """The line of ``entry``, if the text is laid out as `baseline_text` does."""

    from cci_migrate.escaping.json_text import json_to_read_back

    written = json_to_read_back(entry)
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().rstrip(",") == written:
            return number
    return None


def baseline_text(accepted: Iterable[Accepted]) -> str:
    """The baseline of these findings: one a line, sorted, so that merges are easy."""

    from cci_migrate.escaping.json_text import json_to_read_back

    lines = [json_to_read_back(asdict(one)) for one in sorted(set(accepted))]
    body = "".join(f"\n    {line}," for line in lines).removesuffix(",")
    end = "\n  ]" if lines else "]"
    return f'{{\n  "version": {VERSION},\n  "findings": [{body}{end}\n}}\n'
