"""Runs a program to its end, within limits of time and output."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_CHUNK = 2**16
#: How much of a program's standard error is kept.
_MAX_ERRORS = 2**16


class OutputTooLargeError(Exception):
    """A program printed more than the limit."""


def run_bounded(
    command: Sequence[str],
    *,
    cwd: Path,
    stdin: bytes,
    env: Mapping[str, str],
    timeout: float,
    max_output: int,
) -> subprocess.CompletedProcess[bytes]:
    """`subprocess.run`, with at most ``max_output`` bytes of output.

    Of standard error the result has only the beginning. Raises OutputTooLargeError,
    subprocess.TimeoutExpired, and OSError if the program doesn't start.
    """
    with tempfile.TemporaryFile() as input_file:
        input_file.write(stdin)
        input_file.seek(0)
        process = subprocess.Popen(  # noqa: S603 - who calls this answers for the command
            command,
            cwd=cwd,
            stdin=input_file if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
    output, errors = (
        _StreamReader(process, process.stdout, max_output),
        _StreamReader(process, process.stderr),
    )
    try:
        until = time.monotonic() + timeout
        for reader in (output, errors):
            reader.join(max(0.0, until - time.monotonic()))
            if output.is_over_limit:
                raise OutputTooLargeError
            if reader.is_alive():
                raise subprocess.TimeoutExpired(command, timeout)
        # Last: with a timeout, Python polls, and would notice the end of the process late.
        code = process.wait(max(0.0, until - time.monotonic()))
    finally:
        process.kill()
        process.wait()
    return subprocess.CompletedProcess(command, code, output.text, errors.text)


class _StreamReader(threading.Thread):
    """Reads one stream of ``process`` to its end. Past ``limit`` bytes it kills the process.

    None: it keeps the beginning and reads on.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], stream: IO[bytes] | None, limit: int | None = None
    ) -> None:
        super().__init__(daemon=True)
        assert stream is not None  # noqa: S101 - both are pipes
        self._process, self._stream, self._limit = process, stream, limit
        self._data = bytearray()
        self.is_over_limit = False
        self.start()

    @property
    def text(self) -> bytes:
        """The bytes read so far."""
        return bytes(self._data)

    def run(self) -> None:
        """Read the stream to its end or past the limit."""
        with self._stream:
            while chunk := self._stream.read1(_CHUNK):  # type: ignore[attr-defined]
                if self._limit is None:
                    self._data += chunk[: _MAX_ERRORS - len(self._data)]
                elif len(self._data) + len(chunk) > self._limit:
                    self.is_over_limit = True
                    self._process.kill()
                    return
                else:
                    self._data += chunk
