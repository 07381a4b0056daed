"""Where an error was raised: its own text may quote a secret."""

from __future__ import annotations

import re


def place_of(error: BaseException) -> str:
    """The kind of ``error`` and the file and line that raised it."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return type(error).__name__
    file = re.split(r"[\\/]", at.tb_frame.f_code.co_filename)[-1]
    return f"{type(error).__name__} at {file}:{at.tb_lineno}"
