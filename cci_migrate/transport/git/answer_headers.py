"""The headers of the answers that a git command gets from a server, for the limits in them.

git 2.39 waits for no limit, and prints of an answer only its status. Its trace shows the headers,
and withholds credentials (https://git-scm.com/docs/git, ``GIT_TRACE_CURL``).
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct
from typing_extensions import Self

#: So much of a trace is read: a command gets a few answers, each with some twenty headers.
_MOST_BYTES = 2**20
_STATUS = re.compile(r"(?m)<= Recv header: HTTP/[\d.]+ ")
_LIMITED = re.compile(r"(429|503)\b")
_RETRY_AFTER = re.compile(r"(?im)<= Recv header: retry-after: *([!-~](?:[ -~]{0,60}[!-~])?)")


class AnswerHeaders(Struct, frozen=True):
    """The trace of one command. It goes into ``file`` if the command gets ``variables``."""

    file: Path

    @classmethod
    @contextmanager
    def recorded_in(cls, folder: Path) -> Iterator[Self]:
        """A trace in ``folder`` that is deleted at the end. Raises OSError."""
        handle, name = tempfile.mkstemp(prefix="answers-", dir=folder)
        os.close(handle)
        try:
            yield cls(Path(name))
        finally:
            with suppress(OSError):
                Path(name).unlink()

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables with which git writes the trace."""
        return {"GIT_TRACE_CURL": str(self.file), "GIT_TRACE_CURL_NO_DATA": "1"}

    def retry_after(self) -> str | None:
        """The Retry-After (empty: none) of the last answer, if that was a limit; else None.

        A server that is out of order (503) limits nothing unless it says when to go on.
        """
        with self.file.open("rb") as file:
            trace = file.read(_MOST_BYTES).decode("latin-1")
        last = _STATUS.split(trace)[-1]
        match = _LIMITED.match(last)
        if match is None:
            return None
        stated = _RETRY_AFTER.search(last)
        if stated is not None:
            return stated[1]
        return "" if match[1] == "429" else None
