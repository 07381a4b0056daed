"""Seeing a stand-in's requests on their way, and interfering with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

import msgspec
from msgspec import Struct, field

WRITES = ("CreateRef", "UpdateRef", "CreateCommit", "CreatePullRequest")
WRITING = ("POST ", "PATCH ", "PUT ", "DELETE ", "Close", "Delete", "Revert", "Merge", "AutoMerge")


class Canned(Struct, frozen=True):
    """An answer given in place of the real one. ``is_cut``: its body ends half-way."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False


def send(handler: BaseHTTPRequestHandler, canned: Canned, file_type: str) -> int:
    """Send an answer; bytes are a file, labelled as ``file_type``. Returns the body's length."""
    is_raw = isinstance(canned.body, bytes)
    data = canned.body if is_raw else msgspec.json.encode(canned.body)
    headers = {
        "Content-Type": file_type if is_raw else "application/json; charset=utf-8",
        "Content-Length": str(len(data)),
        **canned.headers,
    }
    handler.send_response_only(canned.status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2] if canned.is_cut else data)
    handler.close_connection |= canned.is_cut
    return len(data)


class Request(Struct):
    """A request on its way: ``moment`` is "before" or "after" it is carried out."""

    operation: str
    moment: str
    variables: dict[str, Any]
    body: Any = None

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.operation in WRITES or self.operation.startswith(WRITING)


#: Sees a request; answers in its place, or raises ConnectionError to drop it.
Watch = Callable[[Request], Canned | None]


def truly(_request: Request) -> None:
    """Watch nothing: every request is answered truly."""


def meanwhile(operation: str, act: Callable[[], object], moment: str = "before") -> Watch:
    """Have somebody ``act`` at the first request whose name ends with ``operation``."""
    waiting = [act]

    def watch(request: Request) -> None:
        if waiting and request.operation.endswith(operation) and request.moment == moment:
            waiting.pop()()

    return watch


def once(operation: str, canned: Canned | type[OSError], moment: str = "before") -> Watch:
    """Answer the first ``operation`` in this way, and everything else truly."""
    waiting = [canned]

    def watch(request: Request) -> Canned | None:
        if request.operation != operation or request.moment != moment or not waiting:
            return None
        answer = waiting.pop()
        if isinstance(answer, Canned):
            return answer
        raise answer

    return watch


def always(canned: Canned, *operations: str) -> Watch:
    """Answer each of ``operations`` in this way, and everything else truly."""
    return lambda request: canned if request.operation in operations else None
