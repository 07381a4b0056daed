"""Sets of words, each written as one text."""

from __future__ import annotations


def names(text: str) -> frozenset[str]:
    """The words in ``text``."""
    return frozenset(text.split())
