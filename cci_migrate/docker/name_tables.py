"""Tables of names, written as texts."""

from __future__ import annotations


def names(text: str) -> frozenset[str]:
    """The words in ``text``."""
    return frozenset(text.split())
