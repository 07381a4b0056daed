"""Queries a host's GraphQL API and classifies its errors.

In a response with errors, the fields with errors are null; if the schema doesn't allow null there,
the enclosing object is null instead
(https://spec.graphql.org/October2021/#sec-Handling-Field-Errors).
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.transport.host_errors import (
    HostError,
    OverloadedError,
    RefusedError,
    StaleSnapshot,
)
from cci_migrate.transport.http import Api, Response
from cci_migrate.transport.known_secrets import redact
from cci_migrate.transport.write_kinds import WriteKind

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

    def errors_by_item(self, depth: int, except_in: str = "") -> dict[str | int, GraphqlError]:
        """The first error of each item, whose name or position is at ``depth`` of its path.

        Those in the field ``except_in`` of an item do not count. Raises OverloadedError for an
        error that is about no item: a smaller request may work.
        """
        errors: dict[str | int, GraphqlError] = {}
        for error in self.errors:
            if len(error.path) <= depth:
                raise OverloadedError(error.message)
            if except_in not in error.path:
                errors.setdefault(error.path[depth], error)
        return errors


class Nodes(Struct, Generic[_Data], frozen=True):
    """A list of nodes, in which the API may have put null."""

    nodes: tuple[_Data | None, ...] | None = None

    @property
    def present(self) -> list[_Data]:
        """The nodes that are not null."""
        return [node for node in self.nodes or () if node is not None]

    @property
    def has_gaps(self) -> bool:
        """Whether some are null."""
        return len(self.present) < len(self.nodes or ())


class PageInfo(Struct, frozen=True, rename="camel"):
    """Whether a list has another page, and its cursor."""

    has_next_page: bool
    end_cursor: str | None = None


class NodesPage(Nodes[_Data], Generic[_Data], frozen=True, kw_only=True, rename="camel"):
    """A page of a list."""

    page_info: PageInfo

    @property
    def cursor(self) -> str:
        """The cursor of the next page; empty if this is the last."""
        return (self.page_info.end_cursor or "") if self.page_info.has_next_page else ""


class Graphql:
    """The GraphQL API at ``url`` of the host behind ``api``."""

    def __init__(self, api: Api, url: str) -> None:
        self._api = api
        self._url = url

    def ask(
        self, query: str, variables: dict[str, Any], kind: type[_Data], *route: str
    ) -> Partial[_Data]:
        """Send a query once, and return what is at ``route`` in the data, with the errors.

        Raises OverloadedError, after which to ask for less, and HostError if there is no ``kind``
        at ``route``.
        """
        question = {"query": query, "variables": variables}
        data, errors = _parts(self._api.read_once("POST", self._url, json=question))
        return Partial(data.body(kind, *route), errors)

    def ask_for_all(
        self, query: str, variables: dict[str, Any], kind: type[_Data], *route: str
    ) -> _Data:
        """Send a small query, again after faults, and return what is at ``route`` in the data.

        Raises HostError for any error in the response.
        """
        question = {"query": query, "variables": variables}
        data, errors = _parts(self._api.read("POST", self._url, json=question))
        if errors:
            raise HostError(errors[0].message)
        return data.body(kind, *route)

    def mutate(
        self,
        mutation: str,
        fields: dict[str, Any],
        kind: type[_Data],
        *route: str,
        write: WriteKind = WriteKind.OTHER,
    ) -> _Data:
        """Send a mutation as a write of the kind ``write``; return its only field's ``route``.

        Raises StaleSnapshot for a conflict with the current state, RefusedError, HostError.
        """
        request = {"query": mutation, "variables": {"input": fields}}
        response = self._api.write("POST", self._url, write, json=request)
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
    lowered = message.lower()
    if error.type in ("FORBIDDEN", "INSUFFICIENT_SCOPES") or "not accessible" in lowered:
        raise RefusedError(message)
    conflict = (
        "already exists",
        "expected branch to point",
        "reference does not exist",
        "head branch was modified",
    )
    if error.type == "STALE_DATA" or any(sign in lowered for sign in conflict):
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
    """``response`` with the data as its JSON, and the errors."""
    if not isinstance(response.json, dict) or response.json.keys().isdisjoint(("data", "errors")):
        raise OverloadedError("an answer without data")
    reply = response.body(_Reply)
    errors = tuple(
        GraphqlError(
            error.type or (error.extensions.code if error.extensions else None) or "",
            redact(error.message)[:300] + response.sso_advice,
            error.path or (),
        )
        for error in reply.errors or ()
    )
    return replace(response, json=reply.data or {}), errors
