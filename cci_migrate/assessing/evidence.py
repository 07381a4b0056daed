"""Evidence of a registry's credentials in a config: who uses which names, and where.

`evidence_collection` makes the list; the order of `Use` decides which of it wins, and `conventions`
takes the names. Each item has its place and, if no name may be taken from it, the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from cci_migrate.assessing.auth_forms import PLAIN, AuthForm
from cci_migrate.assessing.context_conventions import ContextConvention
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.circleci.value_origins import CredentialValue
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.policy.settings import RegistryCredential


class Use(Enum):
    """Where a credential is used, or the policy has it, which counts if nothing else does.

    This order is the precedence: the names of the first use that has any win.
    """

    IMAGE = "auth of an image"
    MISPLACED = "credentials beside an image"
    LOGIN_BEFORE_PULL = "login before a pull"
    LOGIN = "login"
    LOGIN_BEFORE_PUSH = "login before a push"
    DECLARED_AUTH = "auth that no image uses"
    DECLARED_LOGIN = "login that is ready for use"
    SIBLING = "another config of the repository"
    POLICY = "policy"


class Refusal(Enum):
    """Why no name is taken from a piece of evidence."""

    DERIVED = "derived"
    ASSIGNED = "assigned"
    BUILT_IN = "built-in"
    PLACEHOLDER = "placeholder"
    LITERAL_PASSWORD = "literal-password"  # noqa: S105 - says that there is one
    NO_NAMES = "no-names"
    OTHER_REGISTRY = "other-registry"
    PUSH_ONLY = "push-only"
    RELEASE = "release"

    @property
    def keeps_to_its_jobs(self) -> bool:
        """Whether the names may be used by the jobs that use them today, but no others."""
        return self in (Refusal.PUSH_ONLY, Refusal.RELEASE)


class EvidencePlace(Struct, frozen=True):
    """The place of a piece of evidence. ``owner`` names it in messages: ``job build``."""

    path: str
    line: int
    owner: str


class Evidence(Struct, frozen=True):
    """One use, or one declaration, of a credential of the registry ``host``.

    ``values`` are its halves by their keys. ``credential`` is the credential as an image's ``auth``
    or a login has it, None if its names are unknown. ``jobs`` are the routes of the jobs that use
    it, ``entries`` those of the workflow jobs that run these, ``contexts`` their contexts.
    ``convention`` says which context of another config provides its variables, None if unknown.
    ``refusal`` is why its names are not used elsewhere; ``because`` completes "ignored:" then.
    """

    host: str
    use: Use
    place: EvidencePlace
    credential: RegistryCredential | None
    values: tuple[tuple[str, CredentialValue], ...] = ()
    jobs: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()
    contexts: frozenset[str] = frozenset()
    form: AuthForm = PLAIN
    convention: ContextConvention | None = None
    refusal: Refusal | None = None
    because: str = ""

    __repr__ = repr_without("credential")

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables in its credential."""
        return () if self.credential is None else variables_of(self.credential)

    def allows(self, jobs: Iterable[str] = ()) -> bool:
        """Whether its names may be written for all of ``jobs`` (their routes; none: any job)."""
        if self.credential is None:
            return False
        if self.refusal is None:
            return True
        routes = frozenset(jobs)
        return self.refusal.keeps_to_its_jobs and bool(routes) and routes <= self.jobs
