"""What bounds the work on one config.

A config of a few hundred bytes can ask for any amount of work: aliases of lists of aliases,
commands that call others twice, variables that hold each other twice. Where such work is not
linear, a limit ends it, and the config is refused as a whole: what is left out unsaid could be a
pull.
"""

from __future__ import annotations


class TooComplexError(Exception):
    """A config asks for more work than a limit allows; the text says which, for people."""


class Allowance:
    """So much work and no more; ``reason`` says of what, for people."""

    def __init__(self, amount: int, reason: str) -> None:
        self._left = amount
        self._reason = reason

    def spend(self, amount: int = 1) -> None:
        """Take ``amount`` off. Raises TooComplexError where no more is left."""
        self._left -= amount
        if self._left < 0:
            raise TooComplexError(self._reason)
