"""Several reads under way: in which order they come, and what stops them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec import Struct

from cci_migrate.transport.host_errors import HostUnavailable, OverloadedError
from cci_migrate.transport.http import Api
from cci_migrate.transport.pace import Lane
from cci_migrate.transport.page_size import PageSize
from cci_migrate.transport.parallel_reads import asking_for_less, read_chunks, read_pages
from cci_migrate.transport.reading_pace import READERS, ReadingPace, ReadLimits
from cci_migrate.transport.reading_threads import ReadingThreads
from cci_migrate.transport.write_record import WriteRecord
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import CONFIG, FIXED, PLAIN, Batch
from tests.batch.victims import Victim
from tests.batch.watching import Canned, Request, truly
from tests.loopback_server import LoopbackHandler, LoopbackServer


@pytest.fixture
def threads() -> Iterator[ReadingThreads]:
    """Threads of this test's own."""
    pool = ReadingThreads()
    yield pool
    pool.end()


# -- lists


class Letters(Struct):
    """A page of a list of letters. A cursor is the last letter of the page before."""

    letters: str
    cursor: str


class List:
    """A list whose pages begin after a letter, and the cursors that were asked for."""

    def __init__(self, letters: str) -> None:
        self.letters = letters
        self.asked: list[str] = []

    def page(self, after: str, size: int) -> Letters:
        """One page."""
        self.asked.append(after)
        rest = [letter for letter in self.letters if letter > after]
        page = "".join(rest[:size])
        return Letters(page, page[-1] if len(rest) > size else "")


def recover(_asked: int, error: OverloadedError) -> bool:
    raise error


@pytest.mark.parametrize(
    ("letters", "known", "wasted"),
    [
        ("abcdefghijkl", "", 0),
        ("abcdefghijkl", "cfi", 0),
        ("abcdefghijklmn", "cfi", 0),  # a new one at the end
        ("abcdefgh", "cfi", 1),  # the last page is gone
        ("acdefghijkl", "cfi", 3),  # the first page ends one later
        ("aabcdefghijkl", "cfi", 3),  # and one earlier
        ("", "cfi", 3),
        ("ab", "cfi", 3),
    ],
)
def test_a_list_is_read_whole_whatever_was_known_of_it(
    letters: str, known: str, wasted: int, threads: ReadingThreads
) -> None:
    listing = List("".join(dict.fromkeys(letters)))
    pages = list(read_pages(threads, PageSize(3), listing.page, "", list(known), recover))
    assert "".join(page.letters for page in pages) == listing.letters
    assert len(listing.asked) <= len(pages) + wasted


def test_a_list_goes_on_behind_a_page_that_was_read_before(threads: ReadingThreads) -> None:
    listing = List("abcdefghijkl")
    pages = list(read_pages(threads, PageSize(3), listing.page, "f", ["c", "f", "i"], recover))
    assert [page.letters for page in pages] == ["ghi", "jkl"]
    assert sorted(listing.asked) == ["f", "i"]


def test_known_pages_are_asked_for_together(threads: ReadingThreads) -> None:
    together = threading.Barrier(READERS)
    listing = List("abcdefghijkl")

    def page(after: str, size: int) -> Letters:
        together.wait(20)
        return listing.page(after, size)

    assert len(list(read_pages(threads, PageSize(3), page, "", list("cfi"), recover))) == 4


# -- chunks


def unanswered(number: int, _: OverloadedError | None = None) -> int:
    return -number


def test_chunks_are_read_together_and_come_in_order(threads: ReadingThreads) -> None:
    together = threading.Barrier(READERS)

    def read(numbers: Sequence[int]) -> Sequence[int]:
        together.wait(20)
        return numbers

    answered = read_chunks(threads, PageSize(5), read, range(5 * READERS), recover, unanswered)
    assert list(answered) == list(range(5 * READERS))


def test_no_more_is_taken_than_is_asked_for(threads: ReadingThreads) -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    next(read_chunks(threads, PageSize(5), lambda chunk: chunk, numbers(), recover, unanswered))
    assert len(taken) == 5 * READERS


def test_the_one_that_a_host_cannot_answer_for_is_found(threads: ReadingThreads) -> None:
    """Requests with it fail, of any size; all others are answered."""
    size = PageSize(16)

    def read(numbers: Sequence[int]) -> Sequence[int]:
        if 37 in numbers:
            raise OverloadedError("HTTP 502")
        return numbers

    naps: list[float] = []
    recover = asking_for_less(size, naps.append)
    answered = list(read_chunks(threads, size, read, range(100), recover, unanswered))
    assert sorted(answered) == sorted({*range(100), -37} - {37})


def test_a_host_that_answers_nothing_is_given_up(threads: ReadingThreads) -> None:
    size = PageSize(8)
    chunks = []
    naps: list[float] = []

    def read(numbers: Sequence[int]) -> Sequence[int]:
        chunks.append(numbers)
        raise OverloadedError("HTTP 502")

    recover = asking_for_less(size, naps.append)
    with pytest.raises(HostUnavailable, match="does not answer"):
        list(read_chunks(threads, size, read, range(1000), recover, unanswered))
    assert len(chunks) < 40


# -- the pace of reads


def test_answers_of_a_minute_are_limited() -> None:
    clock = QuickClock()
    pace = ReadingPace(ReadLimits(4, seconds_a_minute=1e-9), clock.now, clock.sleep)
    with pace.turn():
        pass
    assert clock.slept == []
    with pace.turn():
        pass
    assert sum(clock.slept) == pytest.approx(60, abs=1)


class Host(LoopbackServer):
    """Answers each request by ``answer``, in a thread of its own."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.lock = threading.Lock()
        self.together = threading.Barrier(READERS)
        self.is_limiting = True
        self.current = self.most = 0

    def answer(self) -> int:
        """The status: the first requests, which come together, are limited."""
        with self.lock:
            self.current += 1
            is_limited = self.is_limiting
            self.most = max(self.most, self.current)
        if is_limited:
            self.together.wait(20)
            self.is_limiting, self.most = False, 0
        with self.lock:
            self.current -= 1
        return 429 if is_limited else 200


class _Handler(LoopbackHandler):
    server: Host

    def do_GET(self) -> None:
        self.send_response(self.server.answer())
        self.send_header("Retry-After", "30")
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_after_a_limit_all_readers_wait_and_then_read_one_at_a_time() -> None:
    host, clock, record = Host(), QuickClock(), WriteRecord.in_memory()
    with host.in_thread():
        lane = Lane("host", record, clock=clock)
        api = Api(host.root_url, lambda _: None, lane, clock)
        began = clock.now()
        pending = [
            api.threads.begin(lambda at=at: api.read("GET", f"/{at}").status)  # type: ignore[misc]
            for at in range(3 * READERS)
        ]
        assert [read.result() for read in pending] == [200] * 3 * READERS
        assert host.most == 1
        # Not the naps alone: a little of the time went by before the first of them.
        assert clock.now() - began >= 30
        api.close()
        lane.end()
    record.close()


def test_a_reader_that_is_still_under_way_leaves_the_record_alone() -> None:
    """At the end of a command, it is closed whatever the readers wait for."""
    record = WriteRecord.in_memory()
    lane = Lane("host", record, clock=QuickClock())
    lane.end()
    record.close()
    lane.wait_out()
    lane.pause_until(1.0)


#: The program with a mistake, in which a read has begun that gets no answer.
_MISTAKEN = """
import sys, threading
from cci_migrate import __main__
from cci_migrate.transport.reading_threads import ReadingThreads, is_reading

def mistaken():
    ReadingThreads().begin(threading.Event().wait)
    while not is_reading():
        pass
    sys.stdout.reconfigure(write_through=False)
    print("said before")
    raise ZeroDivisionError

__main__._run = mistaken
sys.exit(__main__.main())
"""


@pytest.mark.parametrize("is_heard", [True, False])
def test_a_mistake_while_threads_wait_ends_the_program_at_once(is_heard: bool) -> None:
    """What it said before is there; whoever reads standard error may have gone."""
    reading, writing = os.pipe()
    if not is_heard:
        os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _MISTAKEN],
            stdout=subprocess.PIPE,
            stderr=writing,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == 3
    if is_heard:
        assert done.stdout == b"said before\n"
        with os.fdopen(reading, "rb") as stderr:
            assert stderr.read().startswith(b"error: internal error, please report it: ZeroDiv")


# -- a campaign


def test_all_pages_and_chunks_of_an_organisation(github: GitHubStandIn, batch: Batch) -> None:
    """More than a request lists, more than a request reads, and every other without a config."""
    for at in range(230):
        github.add(f"acme/r{at:03}", {CONFIG: FIXED} if at % 2 else {"README": b"x"})
    batch("plan", "github:acme")
    assert sorted(github.operations) == ["Named"] * 3 + ["Owner"] * 3
    states = batch.states()
    assert list(states) == [f"r{at:03}" for at in range(230)]
    assert [states[f"r{at:03}"] for at in range(4)] == ["no-config", "nothing-to-do"] * 2


def test_a_plan_that_is_ended_while_it_waits_for_answers_ends_at_once(
    github: GitHubStandIn, batch: Batch
) -> None:
    for at in range(90):
        github.add(f"acme/r{at}", {CONFIG: PLAIN})
    process: list[Victim] = []

    def watch(request: Request) -> Canned | None:
        if (request.operation, request.moment) == ("Named", "before"):
            if "Named" not in github.operations[:-1]:
                process[0].interrupt()
            raise TimeoutError
        return None

    github.watch = watch
    with github.lock:
        process.append(batch.start("plan", "github:acme"))
    code, output = process[0].wait()
    assert code == 130
    (line,) = output.splitlines()
    assert line.endswith("interrupted; run the same command again to continue")
    github.silence.set()
    github.watch = truly
    batch("plan", "github:acme", code=1)
    assert list(batch.states().values()) == ["planned"] * 90


def test_an_expired_token_is_renewed_once_for_all_readers(
    github: GitHubStandIn, batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four reads are under way when it expires, and each is refused."""
    monkeypatch.delenv("GH_TOKEN")
    for at in range(40 * READERS):
        github.add(f"acme/r{at}", {CONFIG: FIXED})
    store, calls = tmp_path / "token", tmp_path / "asked"
    store.write_text(github.token)
    script = tmp_path / "token.sh"
    script.write_text(f'echo asked >> "{calls}"; cat "{store}"\n')

    def watch(request: Request) -> Canned | None:
        if (request.operation, request.moment) == ("Owner", "after") and not request.body["data"][
            "repositoryOwner"
        ]["repositories"]["pageInfo"]["hasNextPage"]:
            github.token = "ghs_9876543210fedcba"
            store.write_text(github.token)
        return None

    github.watch = watch
    batch("plan", "github:acme", "--token-command", f"sh '{script}'")
    assert calls.read_text().splitlines() == ["asked"] * 2
    assert list(batch.states().values()) == ["nothing-to-do"] * 40 * READERS


def test_a_limit_in_the_middle_leaves_nothing_out(
    github: GitHubStandIn, batch: Batch, clock: QuickClock
) -> None:
    """A secondary limit for every third request, whichever reader meets it."""
    for at in range(40 * READERS):
        github.add(f"acme/r{at}", {CONFIG: FIXED})
    limit = Canned(403, {"message": "You have exceeded a secondary rate limit."})

    def watch(request: Request) -> Canned | None:
        if request.moment == "before" and len(github.operations) % 3 == 0:
            return limit
        return None

    github.watch = watch
    batch("plan", "github:acme")
    assert list(batch.states().values()) == ["nothing-to-do"] * 40 * READERS
    assert sum(clock.slept) >= 60
