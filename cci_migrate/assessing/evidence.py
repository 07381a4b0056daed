"""What a config shows of the credentials of a registry: who uses which names, and where.

`evidence_of` (in `evidence_collection`) makes the list; `conventions` decides from it. Each item
says what it rests on, and why no name is taken from it, if none is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.circleci.value_origins import CredentialValue
from cci_migrate.policy import RegistryCredential


class Use(Enum):
    """Where a credential is used. Of two uses, the one that stands first here decides."""

    IMAGE = "the auth of an image"
    MISPLACED = "credentials in the wrong place"
    LOGIN_BEFORE_PULL = "a login before a pull"
    LOGIN = "a login"
    DECLARED_AUTH = "an auth that no image uses yet"
    DECLARED_LOGIN = "a login that no job uses yet"
    LOGIN_BEFORE_PUSH = "a login before a push only"
    SIBLING = "another config of this repository"
    POLICY = "the policy"


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
        """Whether the names are good in the very jobs that use them today, and nowhere else."""
        return self in (Refusal.PUSH_ONLY, Refusal.RELEASE)


@dataclass(frozen=True, slots=True)
class EvidencePlace:
    """Where a piece of evidence stands. ``owner`` names it for people: ``job build``."""

    path: str
    line: int
    owner: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One use, or one declaration, of a credential of the registry ``host``.

    ``values`` are its halves by their keys. ``credential`` has the names as an image's ``auth``
    or a login takes them, None where they can't be told. ``jobs`` are the routes of the jobs that
    use it, ``entries`` those of the workflow jobs that run these. ``because`` completes "ignored:"
    where it is refused.
    """

    host: str
    use: Use
    place: EvidencePlace
    credential: RegistryCredential | None = field(repr=False)
    values: tuple[tuple[str, CredentialValue], ...] = ()
    jobs: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()
    refusal: Refusal | None = None
    because: str = ""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that its credential is read from."""
        return () if self.credential is None else variables_of(self.credential)

    def allows(self, jobs: Iterable[str] = ()) -> bool:
        """Whether its names may be written for ``jobs`` (their routes; none: for any)."""
        if self.credential is None:
            return False
        if self.refusal is None:
            return True
        wanted = frozenset(jobs)
        return self.refusal.keeps_to_its_jobs and bool(wanted) and wanted <= self.jobs
