"""Threads that read from a host while the main thread works on what was read before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from cci_migrate.transport.reading_pace import READERS

if TYPE_CHECKING:
    from multiprocessing.pool import AsyncResult, ThreadPool

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


class PendingRead(Generic[_Answer]):
    """A read that was begun."""

    def __init__(self, pending: AsyncResult[_Answer]) -> None:
        self._pending = pending

    @property
    def is_done(self) -> bool:
        """Whether `answer` returns at once."""
        return self._pending.ready()

    def answer(self) -> _Answer:
        """Wait for the answer. Raises what the read raised."""
        return self._pending.get()


class ReadingThreads:
    """A few threads, started with the first read; what they read must not begin another read here.

    They end with the process, whatever they wait for.
    """

    def __init__(self) -> None:
        self._pool: ThreadPool | None = None

    def begin(self, read: Callable[[], _Answer]) -> PendingRead[_Answer]:
        """Have a thread ``read``."""
        if self._pool is None:
            from multiprocessing.pool import ThreadPool

            self._pool = ThreadPool(READERS)
        return PendingRead(self._pool.apply_async(_counted, (read,)))

    def in_order(
        self, read: Callable[[_Question], _Answer], questions: Iterable[_Question]
    ) -> Iterator[_Answer]:
        """What ``read`` returns for each of ``questions``, a few of which are asked ahead."""
        pending: deque[PendingRead[_Answer]] = deque()
        for question in questions:
            pending.append(self.begin(lambda question=question: read(question)))  # type: ignore[misc]
            if len(pending) >= READERS:
                yield pending.popleft().answer()
        while pending:
            yield pending.popleft().answer()

    def end(self) -> None:
        """Stop the threads that are idle; no other read begins."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None
