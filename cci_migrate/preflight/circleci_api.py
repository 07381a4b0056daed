"""CircleCI's API v2, as far as contexts and projects go.

https://circleci.com/docs/api/v2/ (its document: https://circleci.com/api/v2/openapi.json). Every
answer is checked for its shape before it is believed: a proxy or a login page answers too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import Struct

from cci_migrate.preflight.slugs import Organisation, Project
from cci_migrate.transport.errors import HostError
from cci_migrate.transport.http import Api
from cci_migrate.transport.known_secrets import Secret
from cci_migrate.transport.pace import OTHER

CLOUD = "https://circleci.com/api/v2"
TOKEN_VARIABLE = "CIRCLE_TOKEN"  # noqa: S105 - its name
HEADER = "Circle-Token"
#: A list longer than this has no end.
_PAGES = 500


class Context(Struct, frozen=True):
    """A context of an organisation."""

    id: str
    name: str


class Restriction(Struct, frozen=True):
    """What limits the use of a context.

    ``kind`` is ``project`` (``value`` is a project's id), ``expression``, or one that the document
    does not know (``group``); ``name`` is for people.
    """

    kind: str
    value: str
    name: str


class ProjectIds(Struct, frozen=True):
    """The ids of a project and of its organisation."""

    project: str
    organisation: str


class ForkSettings(Struct, frozen=True):
    """What a project does with pull requests of forks; None: the API does not say."""

    builds: bool | None
    gets_secrets: bool | None


class CircleCi:
    """The calls that are used. All of them raise what `Api.read` or `Api.write` raises."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def contexts(self, organisation: Organisation) -> Mapping[str, Context]:
        """The contexts of an organisation, by name."""
        owner = {"owner-id" if organisation.is_id else "owner-slug": _owner(organisation)}
        items = self._items("/context", {**owner, "owner-type": "organization"})
        contexts = (Context(_text(item, "id"), _text(item, "name")) for item in items)
        return {context.name: context for context in contexts}

    def variables(self, context: Context) -> frozenset[str]:
        """The names of the variables that ``context`` holds."""
        items = self._items(f"/context/{_quoted(context.id)}/environment-variable", {})
        return frozenset(_text(item, "variable") for item in items)

    def restrictions(self, context: Context) -> tuple[Restriction, ...]:
        """What limits the use of ``context``."""
        items = self._items(f"/context/{_quoted(context.id)}/restrictions", {})
        return tuple(
            Restriction(
                str(item.get("restriction_type") or "project"),
                # Restrictions that are older than their types have the project's id alone.
                str(item.get("restriction_value") or item.get("project_id") or ""),
                str(item.get("name") or ""),
            )
            for item in items
        )

    def ids(self, project: Project) -> ProjectIds:
        """The ids of ``project``."""
        body = self._object(_path(project), {})
        return ProjectIds(_text(body, "id"), _text(body, "organization_id"))

    def project_variables(self, project: Project) -> frozenset[str]:
        """The names of the variables in the project's settings."""
        items = self._items(f"{_path(project)}/envvar", {})
        return frozenset(_text(item, "name") for item in items)

    def fork_settings(self, project: Project) -> ForkSettings:
        """What the project does with pull requests of forks."""
        advanced = self._object(f"{_path(project)}/settings", {}).get("advanced")
        if not isinstance(advanced, dict):
            raise self._misshapen()
        return ForkSettings(
            _switch(advanced.get("build_fork_prs")),
            _switch(advanced.get("forks_receive_secret_env_vars")),
        )

    def own_organisations(self) -> tuple[tuple[str, str], ...]:
        """The organisations that the token's owner works in: slug and name of each."""
        body = self._api.read("GET", "/me/collaborations").json
        if not isinstance(body, list) or not all(isinstance(one, dict) for one in body):
            raise self._misshapen()
        return tuple((_text(one, "slug"), _text(one, "name")) for one in body)

    def create(self, organisation: Organisation, name: str) -> Context:
        """Make a context. Raises LookAgainError where it may be there now or was there before."""
        key = "id" if organisation.is_id else "slug"
        owner = {key: _owner(organisation), "type": "organization"}
        body = self._api.write(OTHER, "POST", "/context", json={"name": name, "owner": owner}).json
        if not isinstance(body, dict):
            raise self._misshapen()
        return Context(_text(body, "id"), _text(body, "name"))

    def store(self, context: Context, name: str, value: Secret) -> None:
        """Put a variable into a context, in place of one that is there."""
        path = f"/context/{_quoted(context.id)}/environment-variable/{_quoted(name)}"
        self._api.write(OTHER, "PUT", path, json={"value": value})

    def _items(self, path: str, parameters: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        token = ""
        for _ in range(_PAGES):
            page = {**parameters, "page-token": token} if token else dict(parameters)
            body = self._object(path, page)
            items = body.get("items")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise self._misshapen()
            yield from items
            following = body.get("next_page_token")
            if not following:
                return
            if not isinstance(following, str) or following == token:
                break
            token = following
        raise self._misshapen()

    def _object(self, path: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        body = self._api.read("GET", path, params=parameters).json
        if not isinstance(body, dict):
            raise self._misshapen()
        return body

    def _misshapen(self) -> HostError:
        host = urlsplit(self._api.root).netloc
        return HostError(f"{host} does not answer as CircleCI's API does")


def api_root(text: str) -> str:
    """Where the API is, of what a user writes for it: a host, or an address with or without path.

    CircleCI Server has it below its own host
    (https://circleci.com/docs/guides/toolkit/api-developers-guide/).
    """
    text = text.strip().rstrip("/")
    if "://" not in text:
        text = f"https://{text}"
    return text if urlsplit(text).path else f"{text}/api/v2"


def _owner(organisation: Organisation) -> str:
    return organisation.name if organisation.is_id else organisation.slug


def _quoted(text: str) -> str:
    return quote(text, safe="~")


def _path(project: Project) -> str:
    """A project's path: its slug's slashes may stay as they are."""
    return f"/project/{quote(project.slug, safe='/~')}"


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise HostError(f"CircleCI's API gave an answer without {key}")
    return value


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
