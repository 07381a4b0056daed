"""What CircleCI knows of an organisation and its projects, each thing asked once."""

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


class Unanswered(Struct, frozen=True):
    """A question that got no answer. ``is_refusal``: CircleCI said no; else it said nothing."""

    why: str
    is_refusal: bool


class Organisations:
    """A memory in front of `CircleCi`: what was asked once is not asked again.

    Every method gives Unanswered instead of raising; HostUnavailable, after which nothing more can
    be asked, is let through.
    """

    def __init__(self, circleci: CircleCi) -> None:
        self._circleci = circleci
        self._known: dict[object, object] = {}

    def contexts(self, organisation: Organisation) -> Mapping[str, Context] | Unanswered:
        """The contexts of ``organisation``, by name."""
        return self._once(("contexts", organisation), lambda: self._circleci.contexts(organisation))

    def variables(self, context: Context) -> frozenset[str] | Unanswered:
        """The names of the variables in ``context``."""
        return self._once(("variables", context.id), lambda: self._circleci.variables(context))

    def restrictions(self, context: Context) -> tuple[Restriction, ...] | Unanswered:
        """What limits the use of ``context``."""
        return self._once(
            ("restrictions", context.id), lambda: self._circleci.restrictions(context)
        )

    def ids(self, project: Project) -> ProjectIds | Unanswered:
        """The ids of ``project``."""
        return self._once(("ids", project), lambda: self._circleci.ids(project))

    def project_variables(self, project: Project) -> frozenset[str] | Unanswered:
        """The names of the variables in the settings of ``project``."""
        return self._once(
            ("project-variables", project), lambda: self._circleci.project_variables(project)
        )

    def fork_settings(self, project: Project) -> ForkSettings | Unanswered:
        """What ``project`` does with pull requests of forks."""
        return self._once(("forks", project), lambda: self._circleci.fork_settings(project))

    def opaque_names_of(self, organisation: Organisation) -> tuple[str, ...]:
        """The slugs under which the token's owner knows an organisation of the same name."""
        own = self._once("own", self._circleci.own_organisations)
        if isinstance(own, Unanswered):
            return ()
        wanted = organisation.name.lower()
        return tuple(
            one.slug for one in own if one.name.lower() == wanted and one.slug != organisation.slug
        )

    def _once(self, key: object, ask: Callable[[], _Value]) -> _Value | Unanswered:
        if key not in self._known:
            self._known[key] = _asked(ask)
        return self._known[key]  # type: ignore[return-value]


def _asked(ask: Callable[[], _Value]) -> _Value | Unanswered:
    try:
        return ask()
    except MissingError as error:
        return Unanswered(f"not found, or not for this token ({error})", is_refusal=True)
    except RefusedError as error:
        return Unanswered(f"not permitted for this token ({error})", is_refusal=True)
    except OverloadedError as error:
        return Unanswered(f"no answer ({error})", is_refusal=False)
    except (HostError, StaleSnapshot) as error:
        return Unanswered(str(error), is_refusal=False)
