"""Where an error was raised, to report instead of its message, which may quote a secret."""

from __future__ import annotations

import re


def place_of(error: BaseException) -> str:
    """The class of ``error`` and the file and line that raised it: ``KeyError at steps.py:12``."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return type(error).__name__
    file = re.split(r"[\\/]", at.tb_frame.f_code.co_filename)[-1]
    return f"{type(error).__name__} at {file}:{at.tb_lineno}"
