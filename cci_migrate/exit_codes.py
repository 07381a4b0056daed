"""The exit codes of all commands."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process ends with. Of several, the largest counts."""

    DONE = 0
    LEFT = 1
    USAGE = 2
    FAILED = 3
    INTERRUPTED = 130
