"""A program that is run to its end, for so long and with so much output."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_CHUNK = 2**16
#: Of what a program says on standard error, so much is kept.
_MOST_ERRORS = 2**16


class OutputTooLargeError(Exception):
    """A program printed more than it may."""


def run_bounded(
    command: Sequence[str],
    *,
    cwd: Path,
    stdin: bytes,
    env: Mapping[str, str],
    timeout: float,
    most: int,
) -> subprocess.CompletedProcess[bytes]:
    """`subprocess.run` with ``most`` bytes of output, and only the beginning of what errors say.

    Raises OutputTooLargeError, subprocess.TimeoutExpired, and OSError where it does not start.
    """
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(  # noqa: S603 - who calls this answers for the command
            command,
            cwd=cwd,
            stdin=given if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
    output, errors = _Reader(process, process.stdout, most), _Reader(process, process.stderr)
    try:
        until = time.monotonic() + timeout
        for reader in (output, errors):
            reader.join(max(0.0, until - time.monotonic()))
            if output.is_too_much:
                raise OutputTooLargeError
            if reader.is_alive():
                raise subprocess.TimeoutExpired(command, timeout)
        # Asked last: with a timeout, Python looks only every so often whether it has ended.
        code = process.wait(max(0.0, until - time.monotonic()))
    finally:
        process.kill()
        process.wait()
    return subprocess.CompletedProcess(command, code, output.text, errors.text)


class _Reader(threading.Thread):
    """Reads one stream of ``process`` to its end. Past ``most`` bytes it ends the process.

    None: it keeps the beginning and reads on.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], stream: IO[bytes] | None, most: int | None = None
    ) -> None:
        super().__init__(daemon=True)
        assert stream is not None  # noqa: S101 - both are pipes
        self._process, self._stream, self._most = process, stream, most
        self._kept = bytearray()
        self.is_too_much = False
        self.start()

    @property
    def text(self) -> bytes:
        """What was read."""
        return bytes(self._kept)

    def run(self) -> None:
        """Read."""
        with self._stream:
            while chunk := self._stream.read1(_CHUNK):  # type: ignore[attr-defined]
                if self._most is None:
                    self._kept += chunk[: _MOST_ERRORS - len(self._kept)]
                elif len(self._kept) + len(chunk) > self._most:
                    self.is_too_much = True
                    self._process.kill()
                    return
                else:
                    self._kept += chunk
