"""An HTTP server on this machine, for as long as a test needs it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override


class LoopbackServer(ThreadingHTTPServer):
    """Waits for connections alone, and is woken for its end: the library's looks now and then."""

    daemon_threads = True
    _is_ended = False

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @override
    def serve_forever(self, poll_interval: float = 0) -> None:
        """Serve until `shutdown`."""
        while True:
            with suppress(ConnectionError):
                request, address = self.get_request()
                if self._is_ended:
                    self.shutdown_request(request)
                    return
                self.process_request(request, address)

    def shutdown(self) -> None:
        """Have `serve_forever` end."""
        self._is_ended = True
        socket.create_connection(("127.0.0.1", self.server_port)).close()

    @property
    def root_url(self) -> str:
        """The URL of its root, without a slash."""
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def in_thread(self) -> Iterator[None]:
        """Serve for as long as the block lasts, and close it."""
        thread = threading.Thread(target=self.serve_forever)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class LoopbackHandler(BaseHTTPRequestHandler):
    """Answers clients that keep their connections, and in one piece."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    raw_requestline: bytes

    @override
    def parse_request(self) -> bool:
        """Read what requests have that are in order; the library's takes longer than an answer."""
        self.requestline = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        self.command, self.path, self.request_version = self.requestline.split(" ")
        self.headers = HTTPMessage()
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            self.headers[name] = value.lstrip()
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        return True

    @override
    def log_message(self, *arguments: object) -> None:
        """Silence."""


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The URL of a server whose requests ``handler`` answers."""
    server = LoopbackServer(handler)
    with server.in_thread():
        yield server.root_url
