"""CircleCI's API v2 for contexts and projects.

https://circleci.com/docs/api/v2/ (its document: https://circleci.com/api/v2/openapi.json).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Generic, TypeVar
from urllib.parse import quote, urlsplit

from msgspec import Struct, field

from cci_migrate.preflight.parallel_queries import in_parallel
from cci_migrate.preflight.slugs import Organisation, Project
from cci_migrate.transport.host_errors import HostError, OverloadedError
from cci_migrate.transport.http import Api
from cci_migrate.transport.known_secrets import Secret

#: A list with more pages than this is taken for endless.
_PAGES = 500
#: More contexts than this are not searched by name, but listed.
_SEARCHES = 30


class Context(Struct, frozen=True):
    """A context of an organisation."""

    id: str
    name: str


class Restriction(Struct, frozen=True):
    """A restriction on the use of a context.

    ``kind`` is ``project`` (``value`` is a project's id), ``expression``, or an undocumented one
    (``group``); ``name`` is for people.
    """

    kind: str
    value: str
    name: str


class ProjectIds(Struct, frozen=True):
    """The ids of a project and of its organisation."""

    project: str = field(name="id")
    organisation: str = field(name="organization_id")


class ForkSettings(Struct, frozen=True):
    """What a project does with pull requests of forks; None: the API does not say."""

    builds: bool | None = field(name="build_fork_prs", default=None)
    gets_secrets: bool | None = field(name="forks_receive_secret_env_vars", default=None)


class OwnOrganisation(Struct, frozen=True):
    """An organisation that the token's owner works in."""

    slug: str
    name: str


_Item = TypeVar("_Item")


class _Page(Struct, Generic[_Item]):
    items: tuple[_Item, ...]
    next_page_token: str | None = None


class _ContextVariable(Struct):
    variable: str


class _ProjectVariable(Struct):
    name: str


class _Restriction(Struct):
    restriction_type: str | None = None
    restriction_value: str | None = None
    project_id: str | None = None
    name: str | None = None


class _Settings(Struct):
    advanced: ForkSettings


class _Repository(Struct):
    url: str = field(name="origin_repository_url", default="")


class _Pipeline(Struct):
    project_slug: str
    vcs: _Repository | None = None


class CircleCi:
    """The calls that the tool makes.

    Those that read raise what `Api.read` raises, and HostError for an endless list; `create` and
    `store` raise what `Api.write` raises.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def contexts(self, organisation: Organisation, names: Iterable[str]) -> Mapping[str, Context]:
        """Contexts of an organisation by name: those with ``names``, and others.

        If one of ``names`` does not exist, they are all that the organisation has.
        """
        owner = {"owner-id" if organisation.is_id else "owner-slug": _owner(organisation)}
        parameters = {**owner, "owner-type": "organization"}
        pages = self._pages("/context", _Page[Context], parameters)
        first = next(pages)
        contexts = {context.name: context for context in first.items}
        lacking = [name for name in names if name not in contexts]
        if not lacking or not first.next_page_token:
            return contexts
        if len(lacking) <= _SEARCHES:
            search = partial(self._contexts_like, parameters)
            for matches in in_parallel(search, lacking).values():
                contexts |= matches
        if any(name not in contexts for name in lacking):
            for page in pages:
                contexts |= {context.name: context for context in page.items}
        return contexts

    def _contexts_like(self, parameters: Mapping[str, str], name: str) -> Mapping[str, Context]:
        """The contexts on the first page of those with ``name`` in their names.

        The parameter ``name`` is not in CircleCI's document; its own program sends it
        (https://github.com/CircleCI-Public/circleci-cli, ``internal/apiclient/context.go``). Where
        it is ignored or refused, only the whole list shows which contexts there are.
        """
        try:
            response = self._api.read("GET", "/context", params={**parameters, "name": name})
            items = response.body(_Page[Context]).items
        except (HostError, OverloadedError):
            return {}
        return {context.name: context for context in items}

    def variables(self, context: Context) -> frozenset[str]:
        """The names of the variables in ``context``; the API shows no values."""
        path = f"/context/{_quoted(context.id)}/environment-variable"
        return frozenset(item.variable for item in self._items(path, _Page[_ContextVariable]))

    def restrictions(self, context: Context) -> tuple[Restriction, ...]:
        """The restrictions of ``context``; empty if it has none."""
        items = self._items(f"/context/{_quoted(context.id)}/restrictions", _Page[_Restriction])
        return tuple(
            Restriction(
                item.restriction_type or "project",
                # Restrictions that are older than their types have the project's id alone.
                item.restriction_value or item.project_id or "",
                item.name or "",
            )
            for item in items
        )

    def ids(self, project: Project) -> ProjectIds:
        """The ids of ``project``."""
        return self._api.read("GET", _path(project)).body(ProjectIds)

    def project_variables(self, project: Project) -> frozenset[str]:
        """The names of the variables in the project's settings."""
        items = self._items(f"{_path(project)}/envvar", _Page[_ProjectVariable])
        return frozenset(item.name for item in items)

    def fork_settings(self, project: Project) -> ForkSettings:
        """What the project does with pull requests of forks."""
        return self._api.read("GET", f"{_path(project)}/settings").body(_Settings).advanced

    def recent_projects(self, organisation: Organisation) -> Mapping[str, str]:
        """The slugs of projects that ran lately, by the URLs of their repositories."""
        response = self._api.read("GET", "/pipeline", params={"org-slug": organisation.slug})
        pipelines = response.body(_Page[_Pipeline]).items
        return {
            pipeline.vcs.url: pipeline.project_slug
            for pipeline in pipelines
            if pipeline.vcs is not None and pipeline.vcs.url
        }

    def own_organisations(self) -> tuple[OwnOrganisation, ...]:
        """The organisations that the token's owner works in."""
        return self._api.read("GET", "/me/collaborations").body(tuple[OwnOrganisation, ...])

    def create(self, organisation: Organisation, name: str) -> Context:
        """Create a context. Raises StaleSnapshot if it may exist now, or did before."""
        key = "id" if organisation.is_id else "slug"
        owner = {key: _owner(organisation), "type": "organization"}
        answer = self._api.write("POST", "/context", json={"name": name, "owner": owner})
        return answer.body(Context)

    def store(self, context: Context, name: str, value: Secret) -> None:
        """Store a variable in a context, in place of one with the same name."""
        path = f"/context/{_quoted(context.id)}/environment-variable/{_quoted(name)}"
        self._api.write("PUT", path, json={"value": value})

    def _items(self, path: str, kind: type[_Page[_Item]]) -> Iterator[_Item]:
        for page in self._pages(path, kind, {}):
            yield from page.items

    def _pages(
        self, path: str, kind: type[_Page[_Item]], parameters: Mapping[str, str]
    ) -> Iterator[_Page[_Item]]:
        token: str | None = ""
        for _ in range(_PAGES):
            page = {**parameters, **({"page-token": token} if token else {})}
            body = self._api.read("GET", path, params=page).body(kind)
            yield body
            if not body.next_page_token:
                return
            if body.next_page_token == token:
                break
            token = body.next_page_token
        raise HostError(f"{urlsplit(self._api.root).netloc}: a list without an end")


def _owner(organisation: Organisation) -> str:
    return organisation.name if organisation.is_id else organisation.slug


def _quoted(text: str) -> str:
    return quote(text, safe="~")


def _path(project: Project) -> str:
    """A project's path: its slug's slashes may stay as they are."""
    return f"/project/{quote(project.slug, safe='/~')}"
