"""Limits of size, time and memory: of one config, and of all configs of a repository."""

from __future__ import annotations

from msgspec import Struct

#: CircleCI's limit for a compiled config
#: (https://support.circleci.com/hc/en-us/articles/360045043634); a source is seldom larger.
SIZE_LIMIT = 8 * 2**20
#: Why a larger file is not read.
TOO_LARGE = f"more than the {SIZE_LIMIT // 2**20} MB that CircleCI allows"

#: A compressed megabyte may unpack to a gigabyte; no single repository may exhaust the memory.
TOTAL_LIMIT = 64 * 2**20


def total_problem(size: int) -> str:
    """Why a repository whose configs have ``size`` bytes is not read; empty if it is."""
    if size <= TOTAL_LIMIT:
        return ""
    return f"its configs have more than {TOTAL_LIMIT // 2**20} MB in total"


class WorkLimits(Struct, frozen=True):
    """The time for the work on one config, and the memory in addition to the tool's own.

    ``seconds`` is processor time, so that nothing fails because the machine is busy; on Windows,
    which can't interrupt by it, wall-clock time.

    The memory limit requires a system that can limit the address space of a process: Linux, not
    Windows or macOS.
    """

    seconds: float = 20.0
    megabytes: int = 1024


DEFAULT_WORK_LIMITS = WorkLimits()
