"""Works on one config within limits of time and memory, in the process that calls."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.engine.complexity import unless_too_complex
from cci_migrate.engine.outcomes import Failed
from cci_migrate.escaping.error_place import place_of

_T = TypeVar("_T")
_Handler = Callable[[int, FrameType | None], Any] | int | None

#: Whether work can be interrupted on this system: not on Windows, which has no such signal.
CAN_INTERRUPT = hasattr(signal, "setitimer")
#: Seconds between interruptions after the first, which a destructor may swallow.
_AGAIN = 0.5
_MIB = 1024 * 1024


class _TooLong(BaseException):
    """The time is over. Not an Exception, so that no handler on the way catches it."""


def within(limits: WorkLimits, paths: tuple[str, ...], work: Callable[[], _T]) -> _T | Failed:
    """The result of ``work`` on the config with the files ``paths``, or why there is none.

    It may exceed ``limits``, be too complex, or hit a bug: work on other configs goes on. The time
    is limited in the main thread of a system with signals; elsewhere, call this in a process of
    `pool`, which is killed when the time is over.
    """
    try:
        return _within(limits, paths, lambda: unless_too_complex(paths, work))
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not stop the other files
        problem = f"internal error: {place_of(error)}"
        return Failed(paths, problem, "please report it", is_transient=True)


def took_too_long(limits: WorkLimits, paths: tuple[str, ...]) -> Failed:
    """The outcome of a config that took longer than ``limits`` allow."""
    return _exceeded(paths, f"took too long: more than {limits.seconds:g} s", "--timeout")


def _exceeded(paths: tuple[str, ...], problem: str, option: str) -> Failed:
    return Failed(paths, problem, f"raise {option}, or split the config", is_transient=True)


def _within(limits: WorkLimits, paths: tuple[str, ...], work: Callable[[], _T]) -> _T | Failed:
    with _limited_memory(limits.megabytes):
        before: _Handler = None
        try:
            try:
                before = _arm(limits.seconds)
                return work()
            finally:
                _disarm(before)
        except _TooLong:
            _disarm(before)  # it may have come in the middle of that
            failed = took_too_long(limits, paths)
        except MemoryError:
            problem = f"needs too much memory: more than {limits.megabytes} MB"
            failed = _exceeded(paths, problem, "--memory-limit")
    return failed


def _arm(seconds: float) -> _Handler:
    if not CAN_INTERRUPT or threading.current_thread() is not threading.main_thread():
        return None
    before = signal.signal(signal.SIGPROF, _interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN)
    return before or signal.SIG_DFL


def _disarm(before: _Handler) -> None:
    if before is not None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise _TooLong


@contextmanager
def _limited_memory(megabytes: int) -> Iterator[None]:
    used = _address_space()
    if used is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    current_limits = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([used + megabytes * _MIB, *current_limits]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int | None:
    """The size of this process's address space; None if the system doesn't tell or limit it."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split(b" ", 1)[0]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
