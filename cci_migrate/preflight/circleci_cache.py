"""A cache of what CircleCI knows of organisations and their projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TypeVar

from msgspec import Struct

from cci_migrate.preflight.circleci_api import (
    CircleCi,
    Context,
    ForkSettings,
    ProjectIds,
    Restriction,
)
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


class CircleCiCache:
    """`CircleCi` with a cache: each query is made once.

    Every method returns FailedQuery instead of raising, except HostUnavailable, after which no
    query can be answered. Those about one thing may be called in several threads, each about
    another thing (`in_parallel`).
    """

    def __init__(self, circleci: CircleCi) -> None:
        self._circleci = circleci
        self._answers: dict[object, object] = {}

    def contexts(
        self, organisation: Organisation, names: Iterable[str]
    ) -> Mapping[str, Context] | FailedQuery:
        """The contexts of ``organisation`` with one of ``names``, and others; see `CircleCi`."""
        names = tuple(names)
        return self._cached(
            ("contexts", organisation, names),
            lambda: self._circleci.contexts(organisation, names),
        )

    def variables(self, context: Context) -> frozenset[str] | FailedQuery:
        """The names of the variables in ``context``."""
        return self._cached(("variables", context.id), lambda: self._circleci.variables(context))

    def restrictions(self, context: Context) -> tuple[Restriction, ...] | FailedQuery:
        """The restrictions of ``context``; empty if it has none."""
        return self._cached(
            ("restrictions", context.id), lambda: self._circleci.restrictions(context)
        )

    def ids(self, project: Project) -> ProjectIds | FailedQuery:
        """The ids of ``project``."""
        return self._cached(("ids", project), lambda: self._circleci.ids(project))

    def project_variables(self, project: Project) -> frozenset[str] | FailedQuery:
        """The names of the variables in the settings of ``project``."""
        return self._cached(
            ("project-variables", project), lambda: self._circleci.project_variables(project)
        )

    def fork_settings(self, project: Project) -> ForkSettings | FailedQuery:
        """What ``project`` does with pull requests of forks."""
        return self._cached(("forks", project), lambda: self._circleci.fork_settings(project))

    def own_organisations_named(self, organisation: Organisation) -> tuple[Organisation, ...]:
        """Other organisations of that name to which the token's owner belongs."""
        own = self._cached("own", self._circleci.own_organisations)
        if isinstance(own, FailedQuery):
            return ()
        parsed = {
            parse_organisation(other.slug): other.name.lower() == organisation.name.lower()
            for other in own
        }
        return tuple(
            other
            for other, is_alike in parsed.items()
            if other is not None and is_alike and other != organisation
        )

    def slug_of(self, project: Project, organisation: Organisation) -> str | None:
        """The slug in ``organisation`` of the repository ``project``; None if it ran nothing.

        Only repositories of hosts whose names CircleCI once used are known by their URLs.
        """
        recent = self._cached(
            ("recent", organisation), lambda: self._circleci.recent_projects(organisation)
        )
        if isinstance(recent, FailedQuery):
            return None
        for url, slug in recent.items():
            if project_at(url, on_server=False) == project:
                return slug
        return None

    def _cached(self, key: object, request: Callable[[], _Value]) -> _Value | FailedQuery:
        if key not in self._answers:
            self._answers[key] = _attempt(request)
        return self._answers[key]  # type: ignore[return-value]


def _attempt(request: Callable[[], _Value]) -> _Value | FailedQuery:
    try:
        return request()
    except FAILURES as error:
        return failed_query(error)


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
