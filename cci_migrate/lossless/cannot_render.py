"""The error raised by everything that turns operations into text."""


class CannotRenderError(ValueError):
    """A change can't be written where it belongs; the message says why, for people."""
