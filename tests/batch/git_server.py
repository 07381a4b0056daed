"""Git's own smart HTTP server (``git http-backend``, a CGI program) on the loopback interface.

Most of what it does is to answer fetches, some thousand times in a run of the tests: these are
handed to the program that it would start itself, once for all repositories that are alike, and what
version 2 of the protocol says first, which is the same for every repository, is asked of it once.
"""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

from typing_extensions import Self

from tests.batch.watching import Canned, send
from tests.loopback_server import LoopbackHandler, LoopbackServer

#: What a test does to its own must not reach the server.
_PATH = os.environ["PATH"]
_CONFIGURATION = {
    "GIT_CONFIG_COUNT": "4",
    "GIT_CONFIG_KEY_0": "http.receivepack",
    "GIT_CONFIG_VALUE_0": "true",
    "GIT_CONFIG_KEY_1": "uploadpack.allowFilter",
    "GIT_CONFIG_VALUE_1": "true",
    "GIT_CONFIG_KEY_2": "uploadpack.allowAnySHA1InWant",
    "GIT_CONFIG_VALUE_2": "true",
    # Two processes fewer a push.
    "GIT_CONFIG_KEY_3": "receive.autogc",
    "GIT_CONFIG_VALUE_3": "false",
}
#: What version 2 of the protocol says first, by the query that asks for it.
_GREETINGS: dict[str, bytes] = {}
#: What was asked of a repository, and what that had, with the answer.
_FETCHED: dict[tuple[object, ...], bytes] = {}


class GitServer(LoopbackServer):
    """Serves every bare repository below ``root`` for reading and writing.

    ``requests`` counts them. ``watch_push`` is called with the moment ("before" or "after") of each
    push; raising ConnectionError there drops the connection. ``answer_git`` gets the path of each
    request, and may answer it in git's place.
    """

    def __init__(self, root: Path, handler: type[BaseHTTPRequestHandler] | None = None) -> None:
        super().__init__(handler or GitHandler)
        self.root = root
        self.requests = 0
        self.bytes_sent = 0
        self.watch_push: Callable[[str], object] = str
        self.answer_git: Callable[[str], Canned | None] = lambda _path: None

    @classmethod
    @contextmanager
    def serving(cls, root: Path) -> Iterator[Self]:
        """A server for as long as the block lasts."""
        server = cls(root)
        with server.in_thread():
            yield server

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed, or a connection dropped on purpose, is no error here."""

    def url(self, name: str) -> str:
        """The URL of a repository."""
        return f"{self.root_url}/{name}"


class GitHandler(LoopbackHandler):
    """Hands every request to git."""

    server: GitServer

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve(body)

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _serve(self, body: bytes) -> None:
        self.server.requests += 1
        parts = urlsplit(self.path)
        canned = self.server.answer_git(parts.path)
        if canned is not None:
            send(self, canned, "text/plain")
            return
        is_push = self.command == "POST" and parts.path.endswith("git-receive-pack")
        if is_push:
            self.server.watch_push("before")
        if parts.path.endswith("/git-upload-pack"):
            answered = self._fetched(parts.path, body)
        elif "version=2" in self.headers.get("Git-Protocol", "") and "upload-pack" in parts.query:
            answered = self._greeting(parts.path, parts.query)
        else:
            answered = self._run_backend(parts.path, parts.query, body)
        if is_push:
            self.server.watch_push("after")
        head, _, payload = answered.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = headers.pop("Status", "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        if "receive-pack" in self.path:
            # On a connection that it used before, curl sends again what got no answer.
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(payload)
        self.server.bytes_sent += len(payload)

    def _greeting(self, path: str, query: str) -> bytes:
        """What version 2 of the protocol says first, asked of the first repository alone."""
        folder = self.server.root / path.strip("/").removesuffix("/info/refs")
        if not (folder / "HEAD").is_file():
            return self._run_backend(path, query, b"")
        if query not in _GREETINGS:
            _GREETINGS[query] = self._run_backend(path, query, b"")
        return _GREETINGS[query]

    def _fetched(self, path: str, body: bytes) -> bytes:
        """What ``git http-backend`` would answer a fetch from the repository at ``path``."""
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        folder = self.server.root / path.strip("/").removesuffix("/git-upload-pack")
        protocol = self.headers.get("Git-Protocol", "")
        key = (body, protocol, *_references(folder))
        if key not in _FETCHED:
            _FETCHED[key] = subprocess.run(
                ["git", "upload-pack", "--stateless-rpc", str(folder)],
                input=body,
                capture_output=True,
                check=True,
                env={"PATH": _PATH, "GIT_PROTOCOL": protocol, **_CONFIGURATION},
            ).stdout
        return b"Content-Type: application/x-git-upload-pack-result\r\n\r\n" + _FETCHED[key]

    def _run_backend(self, path: str, query: str, body: bytes) -> bytes:
        """The answer of ``git http-backend``."""
        return subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=True,
            env={
                "PATH": _PATH,
                "GIT_PROJECT_ROOT": str(self.server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "ada",
                "REMOTE_ADDR": "127.0.0.1",
                **_CONFIGURATION,
            },
        ).stdout


def _references(folder: Path) -> list[tuple[str, bytes]]:
    """The files by which one repository answers otherwise than another: ids say the rest."""
    files = (folder / "HEAD", folder / "config", folder / "packed-refs", *folder.glob("refs/**/*"))
    return [
        (file.relative_to(folder).as_posix(), file.read_bytes())
        for file in sorted(files)
        if file.is_file()
    ]
