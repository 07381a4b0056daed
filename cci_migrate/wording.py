"""How messages count, list and advise: ``2 files``, ``a, b and c``, ``problem; what to do``."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 config``, ``2 configs``; ``plural`` where that is not ``noun`` with an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def shortened(words: Sequence[str], most: int) -> str:
    """``a, b``, or ``a, b and 3 more`` if there are more than ``most``."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def with_advice(problem: str, instead: str) -> str:
    """``problem`` with what to do about it, if anything."""
    return f"{problem}; {instead}" if instead else problem
