"""How messages count, list and advise: ``2 files``, ``a, b and c``, ``problem; what to do``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 config``, ``2 configs``; ``plural`` where that is not ``noun`` with an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def tally(counts: Iterable[tuple[int, str]]) -> str:
    """``2 ignored, 1 skipped``: each of ``counts`` that is not 0, with what it counts."""
    return ", ".join(f"{count} {words}" for count, words in counts if count)


def shortened(words: Sequence[str], most: int) -> str:
    """``a, b``, or ``a, b and 3 more`` if there are more than ``most``."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def with_advice(problem: str, instead: str) -> str:
    """``problem`` with what to do about it, if anything."""
    return f"{problem}; {instead}" if instead else problem
