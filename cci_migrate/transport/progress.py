"""Reports the progress of a command: as plain lines, bars on a terminal, or JSON lines."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct

from cci_migrate.escaping.json_text import json_text
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.transport.known_secrets import redact
from cci_migrate.wording import counted

if TYPE_CHECKING:
    from rich.progress import TaskID

#: Without a terminal, a line is printed for every so many repositories.
EVERY = 100


def local_time(at: float) -> str:
    """The time ``at`` (seconds since 1970) for people, with the date if it is not today."""
    time_at = time.localtime(at)
    is_today = time_at[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S", time_at)


class RepositoryDone(Struct, frozen=True):
    """A processed repository. ``key`` is its name in the ledger, ``label`` the one for people."""

    key: str
    label: str
    state: str
    cause: str
    url: str | None


class Progress:
    """The events that a command reports, of which nothing is shown."""

    def begin(self, task: str, total: int | None) -> None:
        """A part of the work begins: ``total`` repositories, None if unknown."""

    def done(self, repository: RepositoryDone) -> None:
        """A repository was processed."""

    def waiting(self, until: float, why: str) -> None:
        """Nothing is sent until ``until`` (seconds since 1970)."""

    def budget(self, lane: str, used: int, limit: int) -> None:
        """How much of the hour's budget is used."""

    def request(self, host: str, method: str, path: str, status: int, left: int | None) -> None:
        """A host answered a request; ``left`` is what remains of its limit, if known."""

    def note(self, text: str) -> None:
        """Something the user should know."""

    def end(self) -> None:
        """The work is over."""


class Lines(Progress):
    """Plain lines on standard error; of requests and the budget there would be too many."""

    def __init__(self, stream: TextIO, *, is_verbose: bool = False) -> None:
        self._stream = stream
        self._is_verbose = is_verbose
        self._task = ""
        self._count = 0

    def begin(self, task: str, total: int | None) -> None:
        """Print the number of repositories."""
        self._task, self._count = task, 0
        if total is not None:
            self._say(f"{task}: {counted(total, 'repository', 'repositories')}")

    def done(self, repository: RepositoryDone) -> None:
        """Print a line for each repository if verbose, else one from time to time."""
        self._count += 1
        if self._is_verbose:
            cause = f" ({repository.cause})" if repository.cause else ""
            self._say(f"{repository.label}: {repository.state}{cause}")
        elif self._count % EVERY == 0:
            self._say(f"{self._task}: {self._count} done")

    def waiting(self, until: float, why: str) -> None:
        """Print a line for a noticeable wait."""
        seconds = until - time.time()
        if seconds > 30:
            self._say(f"waiting until {local_time(until)} ({why})")

    def note(self, text: str) -> None:
        """Print a line."""
        self._say(text)

    def _say(self, text: str) -> None:
        _write_line(self._stream, printable(redact(text)))


class Notes(Lines):
    """Only notes and noticeable waits, on standard error as it is at the time."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def begin(self, task: str, total: int | None) -> None:
        """Print nothing: it begins again and again."""

    def done(self, repository: RepositoryDone) -> None:
        """Print nothing."""

    def _say(self, text: str) -> None:
        # A table that is kept up to date takes the place of the stream meanwhile.
        self._stream = sys.stderr
        super()._say(text)


class Bars(Progress):
    """Bars on a terminal, by rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=Console(stderr=True),
        )
        self._bars.start()
        self._task: TaskID | None = None
        self._counts: Counter[str] = Counter()
        self._budget = ""

    def begin(self, task: str, total: int | None) -> None:
        """Add a bar."""
        self._counts.clear()
        self._task = self._bars.add_task(task, total=total, detail="")

    def done(self, repository: RepositoryDone) -> None:
        """Advance the bar and update the counts by state."""
        self._counts[repository.state] += 1
        counts = ", ".join(f"{count} {state}" for state, count in self._counts.most_common(4))
        if self._task is not None:
            self._bars.update(self._task, advance=1, detail=counts)

    def waiting(self, until: float, why: str) -> None:
        """Show the time of the next write beside the bar."""
        if self._task is not None:
            at = local_time(until)
            self._bars.update(self._task, detail=printable(redact(f"{why} at {at}{self._budget}")))

    def budget(self, lane: str, used: int, limit: int) -> None:
        """Show how much of the hour's budget is used beside the bar."""
        del lane
        self._budget = f", {used}/{limit} this hour"

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(printable(redact(text)), markup=False, highlight=False)

    def end(self) -> None:
        """Stop updating the bars and leave them on the screen."""
        self._bars.stop()


class JsonLines(Progress):
    """One JSON object per line on standard error, for a log collector."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def begin(self, task: str, total: int | None) -> None:
        """``{"event": "begin"}``."""
        self._say("begin", task=task, total=total)

    def done(self, repository: RepositoryDone) -> None:
        """``{"event": "repository"}``."""
        self._say(
            "repository",
            repository=repository.key,
            state=repository.state,
            cause=repository.cause,
            url=repository.url,
        )

    def waiting(self, until: float, why: str) -> None:
        """``{"event": "waiting"}``."""
        self._say("waiting", until=round(until, 3), why=why)

    def budget(self, lane: str, used: int, limit: int) -> None:
        """``{"event": "budget"}``."""
        self._say("budget", lane=lane, used=used, limit=limit)

    def request(self, host: str, method: str, path: str, status: int, left: int | None) -> None:
        """``{"event": "request"}``."""
        self._say("request", host=host, method=method, path=path, status=status, left=left)

    def note(self, text: str) -> None:
        """``{"event": "note"}``."""
        self._say("note", text=text)

    def end(self) -> None:
        """``{"event": "end"}``."""
        self._say("end")

    def _say(self, event: str, **fields: object) -> None:
        say_json(self._stream, event, **fields)


def say_json(stream: TextIO, event: str, **fields: object) -> None:
    """Write one JSON object on a line, without credentials."""
    line = json_text({"time": round(time.time(), 3), "event": event, **fields})
    _write_line(stream, redact(line))


def _write_line(stream: TextIO, line: str) -> None:
    """Write ``line`` in one piece: another thread may write as well."""
    stream.write(f"{line}\n")
    stream.flush()


def make_progress(log_format: str, *, is_verbose: bool) -> Progress:
    """The progress reporter for ``log_format``: JSON lines, else bars on a terminal, else lines."""
    if log_format == "json":
        return JsonLines(sys.stderr)
    if sys.stderr.isatty() and not is_verbose:
        return Bars()
    return Lines(sys.stderr, is_verbose=is_verbose)
