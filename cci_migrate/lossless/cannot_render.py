"""The error that everything raises that turns operations into text."""


class CannotRenderError(ValueError):
    """The text around a node has a shape in which the change cannot be written; says which."""
