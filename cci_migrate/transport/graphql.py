"""Asking a host's GraphQL API, and telling its errors apart.

In a response with errors the fields that they concern are null; what the schema has as never null
is not there in null's place, but null is then what holds it
(https://spec.graphql.org/October2021/#sec-Handling-Field-Errors).
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.transport.host_errors import HostError, RefusedError, StaleSnapshot
from cci_migrate.transport.http import Api, OverloadedError, Response
from cci_migrate.transport.known_secrets import redact

_Data = TypeVar("_Data")


class GraphqlError(Struct, frozen=True):
    """One of the errors of a response. ``path`` leads to the field that is missing for it."""

    type: str
    message: str
    path: tuple[str | int, ...]


class Partial(Struct, Generic[_Data], frozen=True):
    """What a response holds, and what is missing in it."""

    data: _Data
    errors: tuple[GraphqlError, ...]


class Nodes(Struct, Generic[_Data], frozen=True):
    """A list as GraphQL's hosts give it."""

    nodes: tuple[_Data | None, ...] | None = None

    @property
    def known(self) -> list[_Data]:
        """What is not null of it."""
        return [node for node in self.nodes or () if node is not None]


class PageInfo(Struct, frozen=True, rename="camel"):
    """Whether a list goes on, and where."""

    has_next_page: bool
    end_cursor: str | None = None


class NodesPage(Nodes[_Data], Generic[_Data], frozen=True, kw_only=True, rename="camel"):
    """A page of a list."""

    page_info: PageInfo

    @property
    def cursor(self) -> str:
        """Where the next page begins; empty at the end."""
        return (self.page_info.end_cursor or "") if self.page_info.has_next_page else ""


def ask(
    api: Api, url: str, query: str, variables: dict[str, Any], kind: type[_Data], *route: str
) -> Partial[_Data]:
    """Read, once: an overloaded host is to be asked for less.

    Raises OverloadedError, and HostError where there is no ``kind`` at ``route`` in the data.
    """
    response = api.read_once("POST", url, json={"query": query, "variables": variables})
    data, errors = _parts(response)
    return Partial(data.body(kind, *route), errors)


def ask_for_all(
    api: Api, url: str, query: str, variables: dict[str, Any], kind: type[_Data], *route: str
) -> _Data:
    """Read something small, again after faults. Raises HostError for any error in the response."""
    data, errors = _parts(api.read("POST", url, json={"query": query, "variables": variables}))
    if errors:
        raise HostError(errors[0].message)
    return data.body(kind, *route)


def mutate(
    api: Api,
    url: str,
    write: str,
    mutation: str,
    given: dict[str, Any],
    kind: type[_Data],
    *route: str,
) -> _Data:
    """Write, as the ``write`` that the pace knows; what the mutation's one field answers.

    Raises StaleSnapshot for a conflict with what is there, RefusedError, HostError.
    """
    response = api.write(
        write, "POST", url, json={"query": mutation, "variables": {"input": given}}
    )
    try:
        data, errors = _parts(response)
    except OverloadedError as error:
        raise StaleSnapshot(str(error)) from None
    if errors:
        _raise(errors[0])
    result = next(iter(data.body(dict[str, object]).values()), None)
    return replace(data, json=result).body(kind, *route)


def _raise(error: GraphqlError) -> None:
    message = error.message
    said = message.lower()
    if error.type in ("FORBIDDEN", "INSUFFICIENT_SCOPES") or "not accessible" in said:
        raise RefusedError(message)
    conflict = ("already exists", "expected branch to point", "reference does not exist")
    if error.type == "STALE_DATA" or any(sign in said for sign in conflict):
        raise StaleSnapshot(message)
    raise HostError(message)


class _Extensions(Struct, frozen=True):
    code: str | None = None


class _Error(Struct, frozen=True):
    message: str = ""
    type: str | None = None
    path: tuple[str | int, ...] | None = None
    extensions: _Extensions | None = None


class _Reply(Struct, frozen=True):
    data: dict[str, Any] | None = None
    errors: tuple[_Error, ...] | None = None


def _parts(response: Response) -> tuple[Response, tuple[GraphqlError, ...]]:
    """The data of ``response``, as if it were all of it, and the errors."""
    if not isinstance(response.json, dict) or response.json.keys().isdisjoint(("data", "errors")):
        raise OverloadedError("an answer that is none")
    reply = response.body(_Reply)
    errors = tuple(
        GraphqlError(
            error.type or (error.extensions.code if error.extensions else None) or "",
            redact(error.message)[:300],
            error.path or (),
        )
        for error in reply.errors or ()
    )
    return replace(response, json=reply.data or {}), errors
