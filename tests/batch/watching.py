"""Seeing a stand-in's requests on their way, and interfering with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

WRITES = ("CreateRef", "UpdateRef", "CreateCommit", "CreatePullRequest")
WRITING = ("POST ", "PATCH ", "PUT ", "DELETE ", "Close", "Delete", "Revert")


class Canned(Struct, frozen=True):
    """An answer given in place of the real one."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


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


def once(operation: str, canned: Canned | type[OSError], moment: str = "before") -> Watch:
    """Answer the first ``operation`` in this way, and everything else truly."""
    waiting = [canned]

    def watch(request: Request) -> Canned | None:
        if request.operation != operation or request.moment != moment or not waiting:
            return None
        found = waiting.pop()
        if isinstance(found, Canned):
            return found
        raise found

    return watch
