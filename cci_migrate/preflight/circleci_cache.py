"""A cache of what CircleCI knows of organisations and their projects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from cci_migrate.preflight.circleci_api import (
    CircleCi,
    Context,
    ForkSettings,
    ProjectIds,
    Restriction,
)
from cci_migrate.preflight.slugs import Organisation, Project
from cci_migrate.transport.host_errors import HostError, RefusedError, StaleSnapshot
from cci_migrate.transport.http import MissingError, OverloadedError

_Value = TypeVar("_Value")


class FailedQuery(Struct, frozen=True):
    """A query without an answer. ``is_refusal``: CircleCI refused it; else it did not answer."""

    why: str
    is_refusal: bool


class CircleCiCache:
    """`CircleCi` with a cache: each query is made once.

    Every method returns FailedQuery instead of raising, except HostUnavailable, after which no
    query can be answered.
    """

    def __init__(self, circleci: CircleCi) -> None:
        self._circleci = circleci
        self._answers: dict[object, object] = {}

    def contexts(self, organisation: Organisation) -> Mapping[str, Context] | FailedQuery:
        """The contexts of ``organisation``, by name."""
        return self._cached(
            ("contexts", organisation), lambda: self._circleci.contexts(organisation)
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

    def opaque_names_of(self, organisation: Organisation) -> tuple[str, ...]:
        """The slugs of other organisations of that name to which the token's owner belongs."""
        own = self._cached("own", self._circleci.own_organisations)
        if isinstance(own, FailedQuery):
            return ()
        name = organisation.name.lower()
        return tuple(
            organisation_.slug
            for organisation_ in own
            if organisation_.name.lower() == name and organisation_.slug != organisation.slug
        )

    def _cached(self, key: object, request: Callable[[], _Value]) -> _Value | FailedQuery:
        if key not in self._answers:
            self._answers[key] = _attempt(request)
        return self._answers[key]  # type: ignore[return-value]


def _attempt(request: Callable[[], _Value]) -> _Value | FailedQuery:
    try:
        return request()
    except MissingError as error:
        return FailedQuery(f"not found, or not for this token ({error})", is_refusal=True)
    except RefusedError as error:
        return FailedQuery(f"not permitted for this token ({error})", is_refusal=True)
    except OverloadedError as error:
        return FailedQuery(f"no answer ({error})", is_refusal=False)
    except (HostError, StaleSnapshot) as error:
        return FailedQuery(str(error), is_refusal=False)
