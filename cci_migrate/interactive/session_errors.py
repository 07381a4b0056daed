"""What keeps a session from taking place."""

from __future__ import annotations

from cci_migrate.error_kinds import UserError


class CannotAskError(UserError):
    """There is nobody to ask; the text says what to do instead."""


class AnswersError(UserError):
    """An answers file that cannot be used; the first text begins with its name."""
