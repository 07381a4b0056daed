"""When changes are equal: they fix findings of the same rules and registries with the same lines.

Not compared are the paths and the places of the lines, how often they occur, how far they are
indented as a whole, and what stays of a line that is rewritten: ``- build`` to ``- build:`` is the
same as ``- test`` to ``- test:``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, takewhile

from cci_migrate.lossless.unified_diff import DiffLine, Hunk

#: What stays of a line that is rewritten.
_KEPT = "…"
#: The number of lines in which what was removed may be kept.
_NEARBY = 20

_Line = tuple[int, str]
_Block = tuple[tuple[_Line, ...], tuple[_Line, ...]]


def group_of(hunks: Iterable[Hunk], fixes: Iterable[str], digest: str) -> str:
    """The id that equal changes have in common. ``fixes`` are the kinds of the fixed findings.

    A change whose diff is not shown, since it writes a secret, has the id of its own ``digest``.
    """
    lines = [hunk.lines for hunk in hunks]
    blocks = {block for hunk_lines in lines for block in _blocks(hunk_lines)}
    writes_secret = any(
        line.sign == "+" and line.redacted != line.text for line in chain.from_iterable(lines)
    )
    text = json.dumps([sorted(set(fixes)), sorted(blocks), digest if writes_secret else ""])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _blocks(lines: Iterable[DiffLine]) -> Iterator[_Block]:
    """The runs of changed lines in a hunk, each as its old and its new lines."""
    for is_changed, run in groupby(lines, lambda line: line.sign != " "):
        if is_changed:
            changed = list(run)
            yield _normalised(
                [line.redacted for line in changed if line.sign == "-"],
                [line.redacted for line in changed if line.sign == "+"],
            )


def _normalised(old: list[str], new: list[str]) -> _Block:
    """A run of changed lines without what may differ between equal changes."""
    depths = sorted({_depth(line) for line in (*old, *new)})
    old_texts, new_texts = list(map(_text, old)), list(map(_text, new))
    for at in range(min(len(old), len(new))):
        removed, added = _rewritten(old_texts[at], new_texts[at])
        new_texts[at] = added
        # What is removed here may be kept elsewhere: [hub] for hub, or an alias that is merged.
        kept = removed.strip()
        for later in range(at, min(at + _NEARBY, len(new_texts))):
            if kept and kept in new_texts[later]:
                new_texts[later] = new_texts[later].replace(kept, _KEPT, 1)
                removed = _KEPT
                break
        old_texts[at] = removed

    def at_depths(lines: list[str], texts: list[str]) -> tuple[_Line, ...]:
        return tuple(zip((depths.index(_depth(line)) for line in lines), texts, strict=True))

    return at_depths(old, old_texts), at_depths(new, new_texts)


def _rewritten(old: str, new: str) -> tuple[str, str]:
    """A rewritten line before and after, without the words with which both begin and end."""
    start = _common_start(old, new)
    old, new = old[start:], new[start:]
    end = _common_start(old[::-1], new[::-1])
    return old[: len(old) - end], new[: len(new) - end]


def _common_start(first: str, second: str) -> int:
    """The number of characters with which both texts start, in whole words."""
    pairs = zip(first, second, strict=False)
    size = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    while size and _is_word(first[size - 1]) and _is_in_word(first, size, second):
        size -= 1
    return size


def _is_in_word(first: str, at: int, second: str) -> bool:
    return any(_is_word(text[at : at + 1]) for text in (first, second))


def _is_word(char: str) -> bool:
    return char.isalnum() or char in ("_", "-", ".")


def _text(line: str) -> str:
    """A line without its indentation, that behind a dash included."""
    return re.sub(r"^-\s+", "- ", line.strip())


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
