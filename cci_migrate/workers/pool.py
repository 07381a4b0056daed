"""A pool of processes with a time limit for each task.

If a worker dies, only the task that it worked on fails; its other tasks go to another worker. The
standard library's pool marks all of them as failed.
"""

from __future__ import annotations

import faulthandler
import math
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

from cci_migrate.bounds.limits import WorkLimits
from cci_migrate.engine.outcomes import Failed
from cci_migrate.workers.limited_work import CAN_INTERRUPT, took_too_long

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

#: Seconds beyond the limit of a config in which a worker can end the work itself.
_GRACE = 1
#: The factor by which wall-clock time may exceed processor time on a busy machine.
_BUSY = 10
#: The exit codes of a worker that ran out of time: that of `faulthandler`, and SIGXCPU.
_TIME_OVER = (1, -24)
_BROKEN = 70
_SAFE_PATH = "PYTHONSAFEPATH"


class Lost(Struct, frozen=True):
    """A task has no result because its worker ended with ``exit_code``."""

    exit_code: int

    def outcome(self, limits: WorkLimits, paths: tuple[str, ...]) -> Failed:
        """The outcome of the config with the files ``paths``: why the worker ended."""
        if self.exit_code in _TIME_OVER:
            return took_too_long(limits, paths)
        problem = f"its process crashed (exit code {self.exit_code})"
        if self.exit_code == -9:
            problem = "the system killed its process; it may be out of memory"
        return Failed(paths, problem, "run it alone, with a lower --memory-limit")


class _Worker(Generic[_Task], Struct):
    process: Any
    connection: Connection
    tasks: deque[_Task] = field(default_factory=deque)


class Workers(Generic[_Task, _Result]):
    """Up to ``count`` processes that apply ``work`` to tasks; started as needed.

    ``work``, tasks and results must be picklable. A task takes at most the time of ``limits`` for
    each of its configs (``configs_in``). A worker gets ``chunk`` tasks at once. ``start_method`` is
    one of multiprocessing's; a process with threads must not use ``fork``.
    """

    def __init__(
        self,
        work: Callable[[_Task], _Result],
        count: int,
        limits: WorkLimits,
        *,
        configs_in: Callable[[_Task], int] = lambda _: 1,
        chunk: int = 1,
        start_method: str | None = None,
    ) -> None:
        self._work = work
        self._count = count
        self._limits = limits
        self._configs_in = configs_in
        self._chunk = chunk
        self._context = multiprocessing.get_context(start_method)
        self._backlog: deque[_Task] = deque()
        self._workers: list[_Worker[_Task]] = []

    @property
    def pending(self) -> int:
        """The number of tasks without a result."""
        return len(self._backlog) + sum(len(worker.tasks) for worker in self._workers)

    def submit(self, task: _Task) -> None:
        """Queue ``task``."""
        self._backlog.append(task)
        self._hand_out()

    def collect(self) -> list[tuple[_Task, _Result | Lost]]:
        """Wait for at least one result; empty only if no task is pending."""
        collected: list[tuple[_Task, _Result | Lost]] = []
        while not collected and self.pending:
            self._hand_out()
            busy = {worker.connection: worker for worker in self._workers if worker.tasks}
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)  # noqa: S101 - that is what was passed
                collected.append(self._received(busy[connection]))
        return collected

    def close(self) -> None:
        """Kill the processes, even if they are working."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            self._reap(worker)
        self._workers.clear()

    def _received(self, worker: _Worker[_Task]) -> tuple[_Task, _Result | Lost]:
        task = worker.tasks.popleft()
        try:
            result: _Result = worker.connection.recv()
        except (EOFError, OSError):
            self._backlog.extendleft(reversed(worker.tasks))
            self._workers.remove(worker)
            return task, Lost(self._reap(worker))
        return task, result

    def _reap(self, worker: _Worker[_Task]) -> int:
        worker.process.join()
        code: int = worker.process.exitcode
        worker.connection.close()
        worker.process.close()
        return code

    def _hand_out(self) -> None:
        """Give tasks to idle workers; one that is working may not be reading."""
        while self._backlog:
            worker = next((idle for idle in self._workers if not idle.tasks), None)
            if worker is None:
                if len(self._workers) >= self._count:
                    return
                worker = self._started()
            share = [self._backlog.popleft() for _ in range(min(self._chunk, len(self._backlog)))]
            worker.tasks.extend(share)
            try:
                worker.connection.send([(self._seconds(task), task) for task in share])
            except OSError:  # it ended while it had nothing to do: none of them is to blame
                self._backlog.extendleft(reversed(share))
                self._workers.remove(worker)
                worker.process.kill()
                self._reap(worker)

    def _seconds(self, task: _Task) -> float:
        return self._limits.seconds * max(1, self._configs_in(task))

    def _started(self) -> _Worker[_Task]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(theirs, self._work), daemon=True
        )
        with _own_modules_only():
            if CAN_INTERRUPT and self._context.get_start_method() == "spawn":
                # What starts with the first process otherwise, and unblocks Ctrl-C.
                resource_tracker.ensure_running()
            with _uninterrupted():
                process.start()
        theirs.close()
        worker = _Worker[_Task](process, ours)
        self._workers.append(worker)
        return worker


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Have a new process begin with Ctrl-C blocked, which it gets too.

    Before it can ignore that, it imports modules, and would end with a traceback.
    """
    if not CAN_INTERRUPT:  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _own_modules_only() -> Iterator[None]:
    """Keep a new interpreter from importing modules in the current folder.

    multiprocessing starts it with ``python -c``, which looks there first, and the folder may be a
    repository's (https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH).
    """
    if sys.version_info >= (3, 11):
        before = os.environ.get(_SAFE_PATH)
        os.environ[_SAFE_PATH] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_SAFE_PATH]
            else:
                os.environ[_SAFE_PATH] = before
        return
    # It stays in that folder: its tasks have absolute paths.
    folder = Path.cwd()
    os.chdir(Path(__file__).parent)
    try:
        yield
    finally:
        os.chdir(folder)


def _serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    """Work on tasks until the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to deal with
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()
    try:
        _work_on(connection, work)
    except EOFError:
        return
    except BaseException:  # noqa: BLE001 - the exit code says it, not a traceback
        os._exit(_BROKEN)


def _work_on(connection: Connection, work: Callable[[Any], Any]) -> None:
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - as faulthandler wants it
        while True:
            for seconds, task in connection.recv():
                # These end the process even inside a parser in C: neither needs the interpreter.
                _limit_processor_time(seconds)
                clock = seconds * _BUSY + _GRACE if CAN_INTERRUPT else seconds
                faulthandler.dump_traceback_later(clock, exit=True, file=nowhere)
                result = work(task)
                faulthandler.cancel_dump_traceback_later()
                connection.send(result)


def _limit_processor_time(seconds: float) -> None:
    """Make the system end this process after ``seconds`` more of processor time."""
    if not CAN_INTERRUPT:
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime + seconds) + _GRACE
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or until < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def _end_with_parent() -> None:
    """End this process when the parent ends for any reason."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
