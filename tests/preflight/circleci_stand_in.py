"""A CircleCI that speaks its published API: requests and answers are held to the document."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema
from msgspec import Struct, field

from tests.loopback_server import answering

DOCUMENT = Path(__file__).with_name("circleci_api.json")
TOKEN = "CCIPAT_0123456789_abcdef"
CREATED = "2026-01-02T03:04:05.678Z"
PAGE = 2


class StoredContext(Struct):
    """A context of an organisation."""

    name: str
    values: dict[str, str] = field(default_factory=dict)
    restrictions: list[dict[str, Any]] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def restrict(self, kind: str, value: str, name: str | None = None) -> None:
        """Restrict it."""
        restriction = {"id": str(uuid.uuid4()), "context_id": self.id}
        restriction |= {"restriction_type": kind, "restriction_value": value}
        self.restrictions.append(restriction | ({} if name is None else {"name": name}))


class StoredProject(Struct):
    """A project. ``forks`` None: its settings are not for this token.

    ``url`` is its repository, if it ran lately.
    """

    slug: str
    values: dict[str, str] = field(default_factory=dict)
    forks: tuple[bool, bool] | None = (False, False)
    url: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class StoredOrganisation(Struct):
    """An organisation."""

    slug: str
    name: str
    contexts: dict[str, StoredContext] = field(default_factory=dict)
    projects: dict[str, StoredProject] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def context(self, name: str, **values: str) -> StoredContext:
        """Add a context."""
        made = StoredContext(name, values)
        self.contexts[name] = made
        return made

    def project(
        self, slug: str, forks: tuple[bool, bool] | None = (False, False), **values: str
    ) -> StoredProject:
        """Add a project."""
        made = StoredProject(slug, values, forks)
        self.projects[slug] = made
        return made


class Fault(Struct):
    """What is answered ``times`` times instead, where ``call`` (``GET /context``) matches.

    ``after``: the call is carried out, and only its answer is this one.
    """

    call: str
    status: int
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = '{"message": "out of order"}'
    after: bool = False


class CircleCiStandIn:
    """Its state, and the rules by which it answers."""

    def __init__(self) -> None:
        self.organisations: dict[str, StoredOrganisation] = {}
        self.faults: list[Fault] = []
        self.calls: list[str] = []
        #: Whether the list of contexts takes ``name``.
        self.searches_names = True
        self.complaints: list[str] = []
        #: The root of the API.
        self.url = ""

    def organisation(self, slug: str) -> StoredOrganisation:
        """Add an organisation."""
        made = StoredOrganisation(slug, slug.rpartition("/")[2])
        self.organisations[slug] = made
        return made

    # -- the calls

    def answer(
        self, call: str, given: Mapping[str, str], query: Mapping[str, str], body: Any
    ) -> tuple[int, Any]:
        """Carry out a call of the document."""
        match call:
            case "GET /context":
                owner = self._owner(query.get("owner-id"), query.get("owner-slug"))
                if owner is None:
                    return 404, {"message": "Organization not found."}
                shown = [
                    {"id": context.id, "name": context.name, "created_at": CREATED}
                    for context in owner.contexts.values()
                    if not self.searches_names or query.get("name", "") in context.name
                ]
                return 200, _page(shown, query)
            case "GET /pipeline":
                owner = self.organisations.get(query["org-slug"])
                ran = (
                    []
                    if owner is None
                    else [project for project in owner.projects.values() if project.url]
                )
                return 200, {
                    "items": [_pipeline(project) for project in ran],
                    "next_page_token": None,
                }
            case "POST /context":
                owner = self._owner(body["owner"].get("id"), body["owner"].get("slug"))
                if owner is None:
                    return 404, {"message": "Organization not found."}
                if body["name"] in owner.contexts:
                    return 409, {"message": "A context of this name already exists."}
                made = owner.context(body["name"])
                return 200, {"id": made.id, "name": made.name, "created_at": CREATED}
            case "GET /context/{context-id}/environment-variable":
                context = self._context(given["context-id"])
                shown = [self._variable(context, name) for name in context.values]
                return 200, _page(shown, query)
            case "PUT /context/{context-id}/environment-variable/{env-var-name}":
                context = self._context(given["context-id"])
                context.values[given["env-var-name"]] = body["value"]
                return 200, self._variable(context, given["env-var-name"])
            case "GET /context/{context_id}/restrictions":
                context = self._context(given["context_id"])
                return 200, _page(context.restrictions, query)
            case "GET /me/collaborations":
                return 200, [
                    {
                        "id": organisation.id,
                        "vcs-type": organisation.slug.partition("/")[0],
                        "name": organisation.name,
                        "avatar_url": "https://example.com/a.png",
                        "slug": organisation.slug,
                    }
                    for organisation in self.organisations.values()
                ]
            case "GET /project/{project-slug}":
                found = self._project(given["project-slug"])
                if found is None:
                    return 404, {"message": "Project not found."}
                owner, project = found
                return 200, {
                    "slug": project.slug,
                    "name": project.slug.rpartition("/")[2],
                    "id": project.id,
                    "organization_name": owner.name,
                    "organization_slug": owner.slug,
                    "organization_id": owner.id,
                    "vcs_info": {
                        "vcs_url": f"https://github.com/{project.slug.partition('/')[2]}",
                        "provider": "GitHub",
                        "default_branch": "main",
                    },
                }
            case "GET /project/{project-slug}/envvar":
                found = self._project(given["project-slug"])
                if found is None:
                    return 404, {"message": "Project not found."}
                shown = [
                    {"name": name, "value": f"xxxx{value[-4:]}"}
                    for name, value in found[1].values.items()
                ]
                return 200, _page(shown, query)
            case "GET /project/{provider}/{organization}/{project}/settings":
                parts = ("provider", "organization", "project")
                found = self._project("/".join(given[part] for part in parts))
                if found is None:
                    return 404, {"message": "Project not found."}
                if found[1].forks is None:
                    return 403, {"message": "Permission denied."}
                builds, secrets = found[1].forks
                advanced = {"build_fork_prs": builds, "forks_receive_secret_env_vars": secrets}
                return 200, {"advanced": advanced}
            case _:
                raise AssertionError(call)

    def _owner(self, identity: str | None, slug: str | None) -> StoredOrganisation | None:
        if slug is not None:
            return self.organisations.get(slug)
        return next(
            (
                organisation
                for organisation in self.organisations.values()
                if organisation.id == identity
            ),
            None,
        )

    def _context(self, identity: str) -> StoredContext:
        owners = self.organisations.values()
        return next(c for owner in owners for c in owner.contexts.values() if c.id == identity)

    def _project(self, slug: str) -> tuple[StoredOrganisation, StoredProject] | None:
        for owner in self.organisations.values():
            if slug in owner.projects:
                return owner, owner.projects[slug]
        return None

    def _variable(self, context: StoredContext, name: str) -> dict[str, str]:
        times = {"created_at": CREATED, "updated_at": CREATED}
        return {"variable": name, "context_id": context.id, **times}


def _pipeline(project: StoredProject) -> dict[str, Any]:
    actor = {"login": "ada", "avatar_url": "https://example.com/a.png"}
    repository = dict.fromkeys(("origin_repository_url", "target_repository_url"), project.url)
    return {
        "id": str(uuid.uuid4()),
        "number": 7,
        "project_slug": project.slug,
        "created_at": CREATED,
        "errors": [],
        "state": "created",
        "trigger": {"type": "webhook", "received_at": CREATED, "actor": actor},
        "vcs": {"provider_name": "GitHub", "revision": "0" * 40, **repository},
    }


def _page(items: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    begin = int(query.get("page-token") or 0)
    following = begin + PAGE
    token = str(following) if following < len(items) else None
    return {"items": items[begin:following], "next_page_token": token}


class _Handler(BaseHTTPRequestHandler):
    stand_in: CircleCiStandIn

    def _handle(self) -> None:
        stand_in = self.stand_in
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/api/v2")
        found = _route(self.command.lower(), path)
        stand_in.calls.append(f"{self.command} {path}")
        if found is None or not parts.path.startswith("/api/v2/"):
            stand_in.complaints.append(f"{self.command} {self.path} is not in the document")
            self._reply(404, {"message": "Not found."})
            return
        template, given = found
        call = f"{self.command} {template}"
        fault = next(
            (fault for fault in stand_in.faults if fault.times and fault.call == call), None
        )
        if fault is not None and not fault.after:
            self._fail(fault)
            return
        if self.headers.get("Circle-Token") != TOKEN:
            self._reply(401, {"message": "You must log in first."})
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        operation = _document()["paths"][template][self.command.lower()]
        body = json.loads(data) if data else None
        stand_in.complaints += _wrong_query(call, operation, query)
        stand_in.complaints += _wrong_body(call, operation, body)
        status, answer = stand_in.answer(call, given, query, body)
        stand_in.complaints += _wrong_answer(call, operation, status, answer)
        if fault is not None:
            self._fail(fault)
        else:
            self._reply(status, answer)

    do_GET = do_POST = do_PUT = _handle

    def _fail(self, fault: Fault) -> None:
        fault.times -= 1
        self.send_response(fault.status)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        data = fault.body.encode()
        is_json = fault.body.startswith("{")
        self.send_header("Content-Type", "application/json" if is_json else "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _reply(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Tell nothing."""


@contextmanager
def serving() -> Iterator[CircleCiStandIn]:
    """A stand-in that answers. At the end: whether all was as the document has it."""
    stand_in = CircleCiStandIn()
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    with answering(handler) as url:
        stand_in.url = f"{url}/api/v2"
        yield stand_in
    assert stand_in.complaints == []


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return document


@cache
def _routes() -> list[tuple[re.Pattern[str], str]]:
    found = []
    for template in sorted(_document()["paths"], key=len, reverse=True):
        parts = re.split(r"(\{[^}]+\})", template)
        pattern = ""
        for part in parts:
            if not part.startswith("{"):
                pattern += re.escape(part)
                continue
            name = part[1:-1]
            # A project's slug is three parts of the path (``allowReserved``).
            shape = "[^/]+/[^/]+/[^/]+" if name == "project-slug" else "[^/]+"
            pattern += f"(?P<{name.replace('-', '__')}>{shape})"
        found.append((re.compile(pattern), template))
    return found


def _route(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    for pattern, template in _routes():
        found = pattern.fullmatch(path)
        if found is not None and method in _document()["paths"][template]:
            given = found.groupdict().items()
            return template, {name.replace("__", "-"): unquote(value) for name, value in given}
    return None


def _wrong_query(call: str, operation: dict[str, Any], query: Mapping[str, str]) -> list[str]:
    known = {
        parameter["name"]: parameter
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query"
    }
    # The list of restrictions is paged like all others, and the document forgets to say so.
    # CircleCI's own program searches contexts by a part of their name.
    others = {_PAGED, "name"} if call == "GET /context" else {_PAGED}
    wrong = [f"{call}: no parameter {name}" for name in query if name not in {*known, *others}]
    for name, value in query.items():
        if name in known:
            wrong += _wrong(f"{call}: {name}", known[name]["schema"], value)
    return wrong


_PAGED = "page-token"


def _wrong_body(call: str, operation: dict[str, Any], body: Any) -> list[str]:
    described = operation.get("requestBody")
    if described is None:
        return [] if body is None else [f"{call}: a body that is not wanted"]
    return _wrong(f"{call}: body", described["content"]["application/json"]["schema"], body)


def _wrong_answer(call: str, operation: dict[str, Any], status: int, body: Any) -> list[str]:
    described = operation["responses"].get(str(status), operation["responses"].get("default"))
    if described is None:
        return [f"{call}: {status} is not in the document"]
    described = _resolved(described)
    if call.endswith("/restrictions") and status == 200:
        # Newer than the document: groups.
        items = [
            restriction
            for restriction in body["items"]
            if restriction["restriction_type"] != "group"
        ]
        body = {**body, "items": items}
    return _wrong(f"{call}: answer", described["content"]["application/json"]["schema"], body)


def _wrong(where: str, schema: dict[str, Any], value: Any) -> list[str]:
    checker = jsonschema.Draft202012Validator(
        _plain(schema), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    return [f"{where}: {error.message}" for error in checker.iter_errors(value)]


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    _, _, kind, name = node["$ref"].split("/")
    found: dict[str, Any] = _document()["components"][kind][name]
    return _resolved(found)


def _plain(node: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema has it."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = _resolved(node)
    made = {key: _plain(value) for key, value in node.items() if key not in ("nullable",)}
    if node.get("nullable") or node.get("x-nullable"):
        return {"anyOf": [made, {"type": "null"}]}
    return made
