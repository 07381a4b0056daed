"""A cache of what CircleCI knows of organisations and their projects."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from msgspec import Struct

from cci_migrate.preflight.circleci_api import CircleCi
from cci_migrate.preflight.project_remotes import project_at
from cci_migrate.preflight.slugs import Organisation, Project, parse_organisation
from cci_migrate.transport.host_errors import (
    HostError,
    OverloadedError,
    RefusedError,
    StaleSnapshot,
)
from cci_migrate.transport.http import MissingError

_Value = TypeVar("_Value")
_Subject = ParamSpec("_Subject")


class FailureCause(Enum):
    """Why a query has no answer: there is no such thing, it is not permitted, or a fault."""

    MISSING = "missing"
    REFUSED = "refused"
    FAULT = "fault"


class FailedQuery(Struct, frozen=True):
    """A query without an answer."""

    why: str
    cause: FailureCause

    @property
    def is_refusal(self) -> bool:
        """Whether CircleCI refused the query, so that it will again."""
        return self.cause is not FailureCause.FAULT


def _once(
    query: Callable[Concatenate[CircleCi, _Subject], _Value],
) -> Callable[Concatenate[CircleCiCache, _Subject], _Value | FailedQuery]:
    """The method of the cache for ``query``, a method of `CircleCi`."""

    def answer(
        cache: CircleCiCache, /, *about: _Subject.args, **more: _Subject.kwargs
    ) -> _Value | FailedQuery:
        key = (query, about, *more.items())
        return cache.answer_to(key, partial(query, cache.circleci, *about, **more))

    return answer


class CircleCiCache:
    """`CircleCi` with a cache: each query is made once.

    Every method returns FailedQuery instead of raising, except HostUnavailable, after which no
    query can be answered. Those about one thing may be called in several threads, each about
    another thing (`in_parallel`).
    """

    def __init__(self, circleci: CircleCi) -> None:
        self.circleci = circleci
        self._answers: dict[object, object] = {}

    contexts = _once(CircleCi.contexts)
    variables = _once(CircleCi.variables)
    restrictions = _once(CircleCi.restrictions)
    ids = _once(CircleCi.ids)
    project_variables = _once(CircleCi.project_variables)
    fork_settings = _once(CircleCi.fork_settings)
    _own_organisations = _once(CircleCi.own_organisations)
    _recent_projects = _once(CircleCi.recent_projects)

    def own_organisations_named(self, organisation: Organisation) -> tuple[Organisation, ...]:
        """Other organisations of that name to which the token's owner belongs."""
        own = self._own_organisations()
        if isinstance(own, FailedQuery):
            return ()
        name = organisation.name.lower()
        alike = dict.fromkeys(
            parse_organisation(other.slug) for other in own if other.name.lower() == name
        )
        return tuple(other for other in alike if other is not None and other != organisation)

    def slug_of(self, project: Project, organisation: Organisation) -> str | None:
        """The slug in ``organisation`` of the repository ``project``; None if it ran nothing.

        Only repositories of hosts whose names CircleCI once used are known by their URLs.
        """
        recent = self._recent_projects(organisation)
        if isinstance(recent, FailedQuery):
            return None
        for url, slug in recent.items():
            if project_at(url, on_server=False) == project:
                return slug
        return None

    def answer_to(self, key: object, query: Callable[[], _Value]) -> _Value | FailedQuery:
        """What ``query`` returned when it was made first; ``key`` identifies it."""
        if key not in self._answers:
            try:
                self._answers[key] = query()
            except FAILURES as error:
                self._answers[key] = failed_query(error)
        return self._answers[key]  # type: ignore[return-value]


#: What `CircleCi` raises for one query; others may have an answer.
FAILURES = (HostError, RefusedError, StaleSnapshot, OverloadedError)


def failed_query(error: Exception) -> FailedQuery:
    """The failure that ``error`` is, one of `FAILURES`."""
    match error:
        case MissingError():
            return FailedQuery(
                f"not found, or not visible to this token ({error})", FailureCause.MISSING
            )
        case RefusedError():
            return FailedQuery(f"not permitted for the token ({error})", FailureCause.REFUSED)
        case OverloadedError():
            return FailedQuery(f"no answer ({error})", FailureCause.FAULT)
        case _:
            return FailedQuery(str(error), FailureCause.FAULT)
