"""What the stand-ins of all hosts have in common: one valid token, and a watch on each request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Lock
from typing import Any, Generic, NamedTuple, TypeVar

from tests.batch.git_server import GitServer
from tests.batch.repositories import CONFIG, PLAIN, Batch
from tests.batch.watching import Canned, Request, Watch, truly
from tests.loopback_server import LoopbackHandler

_Repository = TypeVar("_Repository")


class Verdicts(NamedTuple):
    """What a host calls the results of CI."""

    running: str
    failed: str
    passed: str


class HostStandIn(GitServer, Generic[_Repository]):
    """A host. ``operations`` lists every request; ``token`` is the one that is valid."""

    #: The argument of `batch plan` that lists the organisation of the tests.
    source = ""
    #: The requests by which an owner is listed, the commit made and the pull request opened.
    listing = committing = opening = ""
    #: The writes that the delivery of a change takes.
    delivering: tuple[str, ...] = ()
    verdicts: Verdicts
    #: The valid token, unless a test has another one.
    first_token = ""

    def __init__(self, root: Path, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(root, handler)
        self.token = self.first_token
        self.repositories: dict[str, _Repository] = {}
        self.operations: list[str] = []
        #: The names that no user of this host has.
        self.strangers: set[str] = set()
        #: What the host says of the token's scopes; None if it says nothing.
        self.scopes: str | None = None
        #: The names that repositories had before, and their names today.
        self.moved: dict[str, str] = {}
        self.watch: Watch = truly
        self.lock = Lock()
        #: What a client waits for whose answer a watch withheld by raising TimeoutError.
        self.silence = Event()
        #: What was wrong with a request or an answer.
        self.faults: list[str] = []

    def shutdown(self) -> None:
        """Stop serving, also those who wait."""
        self.silence.set()
        super().shutdown()

    @property
    def api(self) -> str:
        """The root of the REST API."""
        raise NotImplementedError

    def add(self, name: str, files: Mapping[str, bytes] | None, **traits: Any) -> _Repository:
        """A new repository."""
        raise NotImplementedError

    def planned(self, batch: Batch, *names: str) -> list[_Repository]:
        """New repositories of the organisation with a plain config, after they were planned."""
        made = [self.add(f"acme/{name}", {CONFIG: PLAIN}) for name in names]
        batch("plan", self.source, code=1)
        return made

    def writes(self) -> list[str]:
        """The writes so far."""
        return [name for name in self.operations if Request(name, "", {}).is_write]

    def concerned(self, request: Request) -> str:
        """The last part of the name of the repository that a write is about."""
        raise NotImplementedError


def _watched(watch: Watch, request: Request, carry_out: Callable[[], Canned]) -> Canned:
    canned = watch(request)
    if canned is not None:
        return canned
    canned = carry_out()
    request.moment, request.body = "after", canned.body
    return watch(request) or canned


class WatchedHandler(LoopbackHandler):
    """Answers one request at a time."""

    server: HostStandIn[Any]

    def answer(self, request: Request, carry_out: Callable[[], Canned]) -> Canned | None:
        """The answer that ``carry_out`` or the watch gives; None to drop the connection."""
        server = self.server
        with server.lock:
            server.operations.append(request.operation)
            try:
                return _watched(server.watch, request, carry_out)
            except (ConnectionError, TimeoutError) as error:
                self.close_connection = True
                is_silent = isinstance(error, TimeoutError)
            except AssertionError as error:
                server.faults.append(str(error))
                return Canned(500, {"message": str(error)})
        if is_silent:
            server.silence.wait(60)
        return None
