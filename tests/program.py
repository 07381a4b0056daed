"""The program as a process of its own, without the time that its start takes.

Each run is forked from one process, which has imported the program and done nothing else: it has
its own environment, folder, files and end, as if it was started by a shell. What depends on the
start of the interpreter itself (``PYTHON*`` variables, a script, limits) is run with `subprocess`.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent


class Running:
    """A run of the program."""

    def __init__(self, control: socket.socket) -> None:
        self._lines = control.makefile("r", encoding="ascii")
        self._control = control
        self._code: int | None = None
        self.pid = int(self._lines.readline())

    def wait(self, timeout: float = 120) -> int:
        """Wait for the end; the exit code, negative for a signal. TimeoutError: it runs on."""
        if self._code is None:
            self._control.settimeout(timeout)
            self._code = int(self._lines.readline())
            self._lines.close()
            self._control.close()
        return self._code

    def kill(self) -> None:
        """Kill it."""
        os.kill(self.pid, signal.SIGKILL)


def start(
    folder: Path,
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    streams: tuple[int, int, int],
    *,
    prepare: str = "",
) -> Running:
    """Start ``cci-migrate`` in ``folder`` with the file descriptors of its standard streams.

    If they are a terminal, it becomes that of the program. ``prepare`` ("module:function") is
    called in the new process before.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(_server(), [b"."], [theirs.fileno(), *streams])
    request = [str(folder), arguments, dict(environment), prepare]
    ours.sendall(json.dumps(request).encode() + b"\n")
    return Running(ours)


def run(
    folder: Path,
    *arguments: str,
    given: bytes = b"",
    environment: Mapping[str, str],
    prepare: str = "",
) -> subprocess.CompletedProcess[bytes]:
    """Run ``cci-migrate`` in ``folder``, with ``given`` as its standard input; see `start`."""
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        stdin.write(given)
        stdin.seek(0)
        streams = (stdin.fileno(), stdout.fileno(), stderr.fileno())
        running = start(folder, arguments, environment, streams, prepare=prepare)
        try:
            code = running.wait()
        except TimeoutError:
            running.kill()
            raise
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read(), stderr.read())


def take_terminal() -> None:
    """Make standard input the terminal of this process, which becomes a session's first."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@cache
def _server() -> socket.socket:
    """The process that has imported the program, started when it is first needed."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.program", str(theirs.fileno())],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "error"},
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )

    def stop() -> None:
        ours.close()
        process.wait(60)

    atexit.register(stop)
    return ours


def _serve(requests: socket.socket) -> None:
    """Fork a process for each request, and say how it ended: to that only a parent can wait."""
    _import_everything()
    ended, ends = os.pipe()
    for end in (ended, ends):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(ends, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    sources: list[socket.socket | int] = [requests, ended]
    while True:
        readable, _, _ = select.select(sources, [], [])
        if ended in readable:
            os.read(ended, 4096)
            _report_ends(running)
        if requests in readable:
            message, descriptors, _, _ = socket.recv_fds(requests, 1, 4)
            if not message:
                requests.close()
                return
            control = socket.socket(fileno=descriptors[0])
            pid = _fork_program(control, descriptors[1:], (requests, ended, ends))
            running[pid] = control


def _report_ends(running: dict[int, socket.socket]) -> None:
    """Say of each of the ``running`` programs that has ended how it did."""
    with suppress(ChildProcessError):
        while ended := os.waitpid(-1, os.WNOHANG):
            pid, status = ended
            if not pid:
                return
            # Whoever waited for it may be gone.
            with running.pop(pid) as control, suppress(OSError):
                control.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _fork_program(
    control: socket.socket, streams: list[int], ours: tuple[socket.socket, int, int]
) -> int:
    """Fork a process that runs the program; its id, which ``control`` is sent too."""
    with control.makefile("r", encoding="utf-8") as lines:
        folder, arguments, environment, prepare = json.loads(lines.readline())
    pid = os.fork()
    if not pid:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        requests, *pipe = ours
        requests.close()
        control.close()
        for end in pipe:
            os.close(end)
        _run_program(folder, arguments, environment, prepare, streams)
    for stream in streams:
        os.close(stream)
    control.sendall(f"{pid}\n".encode())
    return pid


def _run_program(
    folder: str,
    arguments: list[str],
    environment: dict[str, str],
    prepare: str,
    streams: list[int],
) -> NoReturn:
    for descriptor, stream in enumerate(streams):
        os.dup2(stream, descriptor)
        os.close(stream)
    if os.isatty(0):
        take_terminal()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    _open_standard_streams()
    sys.argv[1:] = arguments
    if prepare:
        module, _, function = prepare.partition(":")
        getattr(__import__(module, fromlist=[function]), function)()

    from cci_migrate.__main__ import main

    code = main()
    # Python's own end would clear, and by that copy, all the memory that the forks share.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _open_standard_streams() -> None:
    """Open what Python has at its start."""
    for name, descriptor, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        stream = open(  # noqa: SIM115 - the standard streams are descriptors, and stay open
            descriptor,
            mode,
            buffering=1 if name == "stderr" or os.isatty(descriptor) else -1,
            encoding=os.environ.get("PYTHONIOENCODING", "utf-8"),
            errors="backslashreplace" if name == "stderr" else "strict",
            closefd=False,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _import_everything() -> None:
    import importlib
    import pkgutil

    import questionary  # noqa: F401 - it is slow to import, and left to the prompts

    import cci_migrate

    for module in pkgutil.walk_packages(cci_migrate.__path__, "cci_migrate."):
        importlib.import_module(module.name)
    _work_on_a_config()
    gc.collect()
    gc.freeze()  # a collection would write to, and so copy, all that the forks share


def _work_on_a_config() -> None:
    """Do once what the first config makes a process do: read tables, compile expressions."""
    from tests.processing import PATH, process

    steps = "[docker/check, run: docker login -u $U -p $P && docker pull redis]"
    job = f"{{docker: [image: cimg/node:22.4], steps: {steps}}}"
    config = f"version: 2.1\norbs: {{docker: circleci/docker@2.8.2}}\njobs: {{a: {job}}}\n"
    config += "workflows: {w: {jobs: [a]}}\n"
    process({PATH: config.encode()}, explain=True)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
