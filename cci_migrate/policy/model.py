"""What the user wants: which registries take which credentials, and where those are kept."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from fnmatch import fnmatchcase

from msgspec import Struct, field

from cci_migrate.docker.mirrors import Mirror
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.policy.baseline import Baseline


class Platform(Enum):
    """Where the jobs run; it decides what an anonymous pull costs."""

    CLOUD = "cloud"
    SERVER = "server"
    RUNNER = "runner"


class CredentialStore(Enum):
    """Where the variables with the credentials are kept."""

    CONTEXT = "context"
    PROJECT = "project"


class LoginMethod(Enum):
    """How a login in steps is written."""

    ORB = "orb"
    CLI = "cli"


class Revert(Enum):
    """What is to be taken out again of that which the policy would put in."""

    ALL = "all"
    CONTEXTS = "contexts"


class PasswordAuth(Struct, frozen=True):
    """``auth``: a user name and a password, as CircleCI takes them for any registry.

    ``username`` may be a literal; ``password`` is always a ``$VARIABLE``.
    """

    username: str
    password: str

    __repr__ = repr_without("password")


class AwsKeyAuth(Struct, frozen=True):
    """``aws_auth`` with an access key, both halves ``$VARIABLE``s or, for the id, a literal."""

    access_key_id: str
    secret_access_key: str

    __repr__ = repr_without("secret_access_key")


class AwsRoleAuth(Struct, frozen=True):
    """``aws_auth`` with a role assumed by OIDC (not on container runners)."""

    role_arn: str


class GcpAuth(Struct, frozen=True):
    """``gcp_auth``: a service account by workload identity federation."""

    service_account: str
    workload_identity_pool: str
    workload_identity_provider: str


RegistryCredential = PasswordAuth | AwsKeyAuth | AwsRoleAuth | GcpAuth


class JobCredential(Struct, frozen=True):
    """Another account of a registry, for the jobs whose name matches one of the globs ``match``.

    The name of a job or of a workflow job counts. ``context`` as in `RegistryPolicy`.
    """

    match: tuple[str, ...]
    credential: RegistryCredential
    context: str | None = None

    def is_for(self, names: Iterable[str]) -> bool:
        """Whether a job that goes by ``names`` uses it."""
        return any(fnmatchcase(name, glob) for name in names for glob in self.match)


class RegistryPolicy(Struct, frozen=True):
    """What pulls from the registries that match ``host`` (a glob) are to use.

    ``context`` holds the variables; None means the project's own settings hold them. Of ``jobs``
    the first that is for a job counts.
    """

    host: str
    credential: RegistryCredential
    context: str | None = None
    jobs: tuple[JobCredential, ...] = ()

    @property
    def credentials(self) -> tuple[RegistryCredential, ...]:
        """All that it names for the registry."""
        return tuple(credential for credential, _ in self.accounts)

    @property
    def accounts(self) -> tuple[tuple[RegistryCredential, str | None], ...]:
        """All credentials that it names for the registry, each with its context."""
        own = (self.credential, self.context)
        return (own, *((one.credential, one.context) for one in self.jobs))

    def job_credential(self, names: Iterable[str]) -> JobCredential | None:
        """What a job that goes by ``names`` uses instead of ``credential``."""
        known = tuple(names)
        return next((one for one in self.jobs if one.is_for(known)), None)


DOCKER_HUB = "docker.io"
DEFAULT_DOCKER_HUB = RegistryPolicy(
    DOCKER_HUB, PasswordAuth("$DOCKERHUB_USERNAME", "$DOCKERHUB_PASSWORD"), "docker-hub-creds"
)

#: The Docker orb's newest release when this version of the tool was made; its parameters are
#: snake_case (https://circleci.com/developer/orbs/orb/circleci/docker).
DEFAULT_DOCKER_ORB = "4.0.1"


class Policy(Struct, frozen=True):
    """Everything the user can decide that is not a decision about one finding.

    ``credentials`` is None when each file's own convention is to be followed, and contexts
    where it has none. ``select`` None means every rule. ``revert`` asks for the opposite of the
    fixes; None for the fixes. ``baseline`` holds the findings that are to be left;
    ``heeds_ignores`` False makes it and all comments that ignore rules count for nothing.
    """

    platform: Platform = Platform.CLOUD
    credentials: CredentialStore | None = None
    registries: tuple[RegistryPolicy, ...] = (DEFAULT_DOCKER_HUB,)
    exempt_images: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    select: frozenset[str] | None = None
    ignore: frozenset[str] = field(default_factory=frozenset)
    login: LoginMethod = LoginMethod.ORB
    docker_orb: str = DEFAULT_DOCKER_ORB
    fix_orbs: bool = False
    add_workflow: bool = False
    revert: Revert | None = None
    mirror: Mirror | None = None
    upgrade_version: bool = False
    baseline: Baseline = Baseline()
    heeds_ignores: bool = True

    def is_selected(self, rule: str) -> bool:
        """Whether findings of ``rule`` are wanted."""
        return rule not in self.ignore and (self.select is None or rule in self.select)

    def excludes(self, path: str) -> bool:
        """Whether the file ``path``, or a folder that it is in, is not to be looked at."""
        globs = (glob.removeprefix("./").rstrip("/") for glob in self.exclude)
        return any(fnmatchcase(path, glob) or fnmatchcase(path, f"{glob}/*") for glob in globs)

    def exempts(self, image: str) -> bool:
        """Whether pulls of ``image``, as it is written, need no credentials."""
        return any(fnmatchcase(image, glob) for glob in self.exempt_images)


DEFAULT_POLICY = Policy()
