"""Asking a host's GraphQL API, and telling its errors apart."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from cci_migrate.transport.errors import HostError, LookAgainError, RefusedError
from cci_migrate.transport.http import Api, OverloadedError
from cci_migrate.transport.known_secrets import redact


class GraphqlError(Struct, frozen=True):
    """One of the errors of an answer. ``path`` leads to the field that is missing for it."""

    type: str
    message: str
    path: tuple[str | int, ...]


class Partial(Struct, frozen=True):
    """What an answer holds, and what is missing in it."""

    data: dict[str, Any]
    errors: tuple[GraphqlError, ...]


def ask(api: Api, url: str, query: str, variables: dict[str, Any]) -> Partial:
    """Read, once: an overloaded host is to be asked for less. Raises OverloadedError."""
    answer = api.read_once("POST", url, json={"query": query, "variables": variables})
    return _partial(answer.json)


def ask_for_all(api: Api, url: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Read something small, again after faults. Raises HostError for any error in the answer."""
    answer = api.read("POST", url, json={"query": query, "variables": variables})
    partial = _partial(answer.json)
    if partial.errors:
        raise HostError(partial.errors[0].message)
    return partial.data


def mutate(api: Api, url: str, kind: str, mutation: str, given: dict[str, Any]) -> dict[str, Any]:
    """Write; what the mutation's one field answers.

    Raises LookAgainError for a conflict with what is there, RefusedError, HostError.
    """
    answer = api.write(kind, "POST", url, json={"query": mutation, "variables": {"input": given}})
    try:
        partial = _partial(answer.json)
    except OverloadedError as error:
        raise LookAgainError(str(error)) from None
    if partial.errors:
        _raise(partial.errors[0])
    result = next(iter(partial.data.values()), None)
    if not isinstance(result, dict):
        raise LookAgainError("an answer to a write without a result")
    return result


def _raise(error: GraphqlError) -> None:
    message = error.message
    said = message.lower()
    if error.type in ("FORBIDDEN", "INSUFFICIENT_SCOPES") or "not accessible" in said:
        raise RefusedError(message)
    conflict = ("already exists", "expected branch to point", "reference does not exist")
    if error.type == "STALE_DATA" or any(sign in said for sign in conflict):
        raise LookAgainError(message)
    raise HostError(message)


def _partial(body: Any) -> Partial:
    if not isinstance(body, dict) or ("data" not in body and "errors" not in body):
        raise OverloadedError("an answer that is none")
    errors = tuple(
        GraphqlError(
            str(error.get("type") or error.get("extensions", {}).get("code") or ""),
            redact(str(error.get("message", "")))[:300],
            tuple(error.get("path") or ()),
        )
        for error in body.get("errors") or ()
    )
    return Partial(body.get("data") or {}, errors)
