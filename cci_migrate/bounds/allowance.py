"""Counts the work on a config where that is not linear in its size, and ends what is too much.

A config of a few hundred bytes can require any amount of work: aliases of lists of aliases,
commands that call others twice, variables that contain each other twice. Where work is not linear,
a limit ends it and the config is rejected as a whole: a skipped part could contain a pull.
"""

from __future__ import annotations


class TooComplexError(Exception):
    """A config requires more work than a limit allows; the message says which, for people."""


class Allowance:
    """A limited amount of work; ``reason`` says, for people, what there is too much of."""

    def __init__(self, amount: int, reason: str) -> None:
        self._left = amount
        self._reason = reason

    def spend(self, amount: int = 1) -> None:
        """Use up ``amount``. Raises TooComplexError if not enough is left."""
        self._left -= amount
        if self._left < 0:
            raise TooComplexError(self._reason)
