"""Threads that read from a host while the main thread works on what was read before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from cci_migrate.transport.reading_pace import READERS

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_Question = TypeVar("_Question")
_Answer = TypeVar("_Answer")

#: The reads that threads of this process are at. A list: adding and removing need no lock.
_under_way: list[None] = []


def is_reading() -> bool:
    """Whether a thread is still reading.

    Then the process must end at once (`os._exit`): to take the interpreter apart, as Python does at
    the end, under a thread that runs C code crashes.
    """
    return bool(_under_way)


def _counted(read: Callable[[], _Answer]) -> _Answer:
    _under_way.append(None)
    try:
        return read()
    finally:
        _under_way.pop()


class ReadingThreads:
    """At most ``count`` threads, started as they are needed.

    What they read must not begin another read here.
    """

    def __init__(self, count: int = READERS) -> None:
        self._count = count
        self._executor: ThreadPoolExecutor | None = None

    def begin(self, read: Callable[[], _Answer]) -> Future[_Answer]:
        """Have a thread ``read``."""
        if self._executor is None:
            from concurrent.futures import ThreadPoolExecutor

            self._executor = ThreadPoolExecutor(self._count)
        return self._executor.submit(_counted, read)

    def in_order(
        self, read: Callable[[_Question], _Answer], questions: Iterable[_Question]
    ) -> Iterator[_Answer]:
        """What ``read`` returns for each of ``questions``, a few of which are asked ahead."""
        pending: deque[Future[_Answer]] = deque()
        for question in questions:
            pending.append(self.begin(lambda question=question: read(question)))  # type: ignore[misc]
            if len(pending) >= self._count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def end(self) -> None:
        """Begin no other read, and wait for none."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
