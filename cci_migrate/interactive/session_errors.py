"""What keeps a session from taking place."""

from __future__ import annotations


class CannotAskError(Exception):
    """There is nobody to ask; the text says what to do instead."""


class AnswersError(ValueError):
    """An answers file that cannot be used; the first text begins with its name."""
