"""Reading lists page by page, and many things in chunks, with several requests under way.

After OverloadedError, ``recover`` gets the number of things that were asked for: False ends the
reading with the error; else it is asked again, for as many as `PageSize` says then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from cci_migrate.transport.host_errors import OverloadedError
from cci_migrate.transport.page_size import PageSize
from cci_migrate.transport.reading_pace import READERS
from cci_migrate.transport.reading_threads import ReadingThreads

if TYPE_CHECKING:
    from concurrent.futures import Future


class ListPage(Protocol):
    """A page of a list."""

    @property
    def cursor(self) -> str:
        """The cursor of the next page; empty if this is the last."""


_Page = TypeVar("_Page", bound=ListPage)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: Whether to go on after a request for so many failed; may raise, and wait.
Recover = Callable[[int, OverloadedError], bool]


def asking_for_less(size: PageSize, pause: Callable[[float], None]) -> Recover:
    """Ask for less and less, with pauses, until a single thing is given up."""

    def recover(asked: int, error: OverloadedError) -> bool:
        seconds = size.shrink(asked, error)
        if asked == 1 and size.is_hopeless:
            return False
        pause(seconds)
        return True

    return recover


def read_pages(
    threads: ReadingThreads,
    size: PageSize,
    read: Callable[[str, int], _Page],
    start: str,
    known: Sequence[str],
    recover: Recover,
) -> Iterator[_Page]:
    """The pages from the cursor ``start`` on, by ``read`` with a cursor and a size.

    The next page is asked for before a page is returned. ``known`` are the cursors of the pages
    after the first as they were when the list was last read: where they are still right, several
    pages are asked for at once. A page that ends elsewhere has changed, and what is after it is
    read one page after the other.
    """
    cursor: str | None = start
    begun: dict[str, tuple[int, Future[_Page]]] = {}
    while cursor is not None:
        expected = _from(cursor, known)
        for each in islice(expected, READERS):
            if each not in begun:
                begun[each] = (size.size, threads.begin(partial(read, each, size.size)))
        asked, pending = begun.pop(cursor)
        try:
            page = pending.result()
        except OverloadedError as error:
            if not recover(asked, error):
                raise
            begun.clear()
            continue
        size.grow()
        cursor = page.cursor or None
        if cursor is not None and cursor not in begun:
            begun = {cursor: (size.size, threads.begin(partial(read, cursor, size.size)))}
        yield page


def _from(cursor: str, known: Sequence[str]) -> Iterator[str]:
    """``cursor``, and the known ones after it."""
    if not cursor:
        return chain([cursor], known)
    position = known.index(cursor) + 1 if cursor in known else len(known)
    return chain([cursor], known[position:])


def read_chunks(
    threads: ReadingThreads,
    size: PageSize,
    read: Callable[[Sequence[_Item]], Sequence[_Result]],
    items: Iterable[_Item],
    recover: Recover,
    give_up: Callable[[_Item, OverloadedError], _Result],
) -> Iterator[_Result]:
    """What ``read`` returns for chunks of ``items``, one by one.

    For a single item for which ``recover`` returns False, it is what ``give_up`` returns.
    """
    left = iter(items)
    again: deque[_Item] = deque()
    pending: deque[tuple[Sequence[_Item], Future[Sequence[_Result]]]] = deque()
    while True:
        # A single item is asked for alone, so that it shows which one the host can't answer for.
        while len(pending) < (READERS if size.size > 1 else 1):
            chunk = [again.popleft() for _ in range(min(size.size, len(again)))]
            chunk.extend(islice(left, size.size - len(chunk)))
            if not chunk:
                break
            pending.append((chunk, threads.begin(partial(read, chunk))))
        if not pending:
            return
        asked, answer = pending.popleft()
        try:
            result = answer.result()
        except OverloadedError as error:
            if recover(len(asked), error):
                again.extendleft(reversed(asked))
            else:
                again.extendleft(reversed(asked[1:]))
                yield give_up(asked[0], error)
            continue
        size.grow()
        yield from result
