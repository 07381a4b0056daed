"""The settings of a policy: which credentials registries need, where their variables are stored.

Each setting is declared here, once, as an annotated field; `policy.setting_kinds` says what follows
from it. The module has no ``from __future__ import annotations``: evaluating text annotations took
3 ms of each start.
"""

import re
from collections.abc import Iterable
from enum import Enum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.docker.image_patterns import image_matches
from cci_migrate.docker.mirrors import Mirror, parse_mirror
from cci_migrate.docker.registries import DOCKER_HUB, host_matches
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.policy.baseline import Baseline
from cci_migrate.policy.name_syntax import (
    LONGEST_CONTEXT,
    SECRET_PATTERN,
    credential_text,
    is_context_name,
    secret_variable,
)
from cci_migrate.policy.setting_kinds import Setting, Tables, TextList, TextValue


class Platform(Enum):
    """Where jobs run, on which the cost of an anonymous pull depends."""

    CLOUD = "cloud"
    SERVER = "server"
    RUNNER = "runner"


class CredentialStore(Enum):
    """Where the variables with credentials are stored."""

    CONTEXT = "context"
    PROJECT = "project"


class LoginMethod(Enum):
    """How a login in steps is written."""

    ORB = "orb"
    CLI = "cli"


class UnknownSteps(Enum):
    """What to do about a job whose steps may pull what is not known."""

    REPORT = "report"
    LOGIN = "login"


class Revert(Enum):
    """Which of the changes that the policy would make are to be removed."""

    ALL = "all"
    CONTEXTS = "contexts"


_TEXT = TextValue(
    lambda text: credential_text(text) if text.strip() and text.isprintable() else None,
    "a name or a $VARIABLE",
    metavar="NAME",
    takes_variables=True,
)
_SECRET = TextValue(
    secret_variable,
    "the name of an environment variable, such as $DOCKERHUB_PASSWORD, never the secret itself",
    pattern=SECRET_PATTERN,
    metavar="VARIABLE",
    takes_variables=True,
)
_ANY = "A $VARIABLE, or the value itself."
_NAME_ONLY = (
    "The name of a variable, never the secret itself. A name without $ must be in capitals and "
    "contain an underscore, or end in PASS, PASSWORD, PWD, TOKEN, SECRET or KEY."
)


class PasswordAuth(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A user name and a password, written as ``auth``.

    CircleCI accepts them for any registry. ``username`` may be a literal; ``password`` is always a
    ``$VARIABLE``.
    """

    username: Annotated[str, Setting(_ANY, _TEXT, option="Docker Hub user: $VARIABLE or a name")]
    password: Annotated[
        str, Setting(_NAME_ONLY, _SECRET, option="Docker Hub password: a $VARIABLE")
    ]

    __repr__ = repr_without("password")


class AwsKeyAuth(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """An access key for Amazon ECR, written as ``aws_auth``.

    Both halves are ``$VARIABLE``s or, for the id, a literal.
    """

    access_key_id: Annotated[str, Setting(_ANY, _TEXT, key="aws-access-key-id")]
    secret_access_key: Annotated[str, Setting(_NAME_ONLY, _SECRET, key="aws-secret-access-key")]

    __repr__ = repr_without("secret_access_key")


class AwsRoleAuth(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A role for Amazon ECR by OpenID Connect, written as ``aws_auth``.

    Not on container runners.
    """

    role_arn: Annotated[str, Setting(_ANY, _TEXT, key="oidc-role-arn")]


class GcpAuth(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A service account for Google Artifact Registry by OpenID Connect, written as ``gcp_auth``."""

    service_account: Annotated[str, Setting(_ANY, _TEXT, key="oidc-service-account")]
    workload_identity_pool: Annotated[str, Setting(_ANY, _TEXT)]
    workload_identity_provider: Annotated[str, Setting(_ANY, _TEXT)]


RegistryCredential = PasswordAuth | AwsKeyAuth | AwsRoleAuth | GcpAuth


def _contradiction(context: str | None, store: CredentialStore) -> str | None:
    if context is None or store is not CredentialStore.PROJECT:
        return None
    return (
        'context conflicts with credentials = "project", which stores the variables in the '
        "project's settings"
    )


_Context = Annotated[
    str | None,
    Setting(
        "The context that provides the variables, or false for the project's settings.",
        TextValue(
            lambda text: text if is_context_name(text) else None,
            f"the name of a context: up to {LONGEST_CONTEXT} characters, no spaces around them",
            pattern=r"^\S(.*\S)?$",
            metavar="NAME",
            false_means="for the project's settings",
            max_length=LONGEST_CONTEXT,
        ),
        option="Context with both variables for Docker Hub",
        conflicts={"credentials": _contradiction},
    ),
]


class JobCredential(Struct, frozen=True, forbid_unknown_fields=True):
    """Another account of a registry, for jobs with a name that matches one of the globs ``match``.

    Names of jobs and of workflow jobs are compared. ``context`` as in `RegistryPolicy`.
    """

    match: Annotated[
        tuple[str, ...],
        Setting(
            "Names of jobs or workflow jobs; * matches anything.",
            TextList(tuple, 'names of jobs: match = ["deploy*", "release-*"]', takes_single=True),
        ),
    ]
    credential: RegistryCredential
    context: _Context = None

    def is_for(self, names: Iterable[str]) -> bool:
        """Whether a job with ``names`` uses it."""
        return any(fnmatchcase(name, glob) for name in names for glob in self.match)


class RegistryPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """The credentials for pulls from registries that match ``host`` (a glob).

    ``context`` provides the variables; None: the project's settings do. The first of ``jobs`` that
    matches a job is used for it.
    """

    host: str
    credential: RegistryCredential
    context: _Context = None
    jobs: Annotated[
        tuple[JobCredential, ...],
        Setting(
            "Other accounts of the registry, each for some jobs. The first match of a job is used.",
            Tables(),
        ),
    ] = ()

    def without_contexts(self) -> "RegistryPolicy":
        """The same credentials, all from the project's settings."""
        jobs = tuple(replace(job, context=None) for job in self.jobs)
        return replace(self, context=None, jobs=jobs)

    @property
    def credentials(self) -> tuple[RegistryCredential, ...]:
        """All credentials for the registry."""
        return tuple(credential for credential, _ in self.accounts)

    @property
    def accounts(self) -> tuple[tuple[RegistryCredential, str | None], ...]:
        """All credentials for the registry, each with its context."""
        default = (self.credential, self.context)
        return (default, *((job.credential, job.context) for job in self.jobs))

    def job_credential(self, names: Iterable[str]) -> JobCredential | None:
        """What a job with ``names`` uses instead of ``credential``; None: nothing else."""
        all_names = tuple(names)
        return next((job for job in self.jobs if job.is_for(all_names)), None)


def specificity(registry: RegistryPolicy) -> int:
    """How specific its host is: of several that match, the one with the most is used."""
    return len(registry.host.replace("*", ""))


#: The hosts that a registry of the policy can have; ``*`` matches anything.
HOST_PATTERN = r"[A-Za-z0-9.*-]+(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?"
DEFAULT_NAMES = PasswordAuth("$DOCKERHUB_USERNAME", "$DOCKERHUB_PASSWORD")
DEFAULT_DOCKER_HUB = RegistryPolicy(DOCKER_HUB, DEFAULT_NAMES, "docker-hub-creds")

#: The Docker orb's newest release when this version of the tool was made; its parameters are
#: snake_case (https://circleci.com/developer/orbs/orb/circleci/docker).
DEFAULT_DOCKER_ORB = "4.0.1"
_ORB_VERSION_PATTERN = r"^[0-9]+(\.[0-9]+){0,2}$"
_ORB_VERSION = TextValue(
    lambda text: text if re.fullmatch(_ORB_VERSION_PATTERN, text) else None,
    f'a version string, such as "{DEFAULT_DOCKER_ORB}"',
    _ORB_VERSION_PATTERN,
)
_MIRROR = TextValue(
    parse_mirror,
    'a string: mirror = "mirror.example.com/hub"',
    r"^[A-Za-z0-9.:\[\]-]+(/[a-z0-9._-]+)*/?$",
    metavar="HOST[/PREFIX]",
)
_RULES = TextList(frozenset, are_rules=True)
_NOT_WITH_REVERT = {
    "add-workflow": "--revert can't be combined with --add-workflow",
    "mirror": "--revert can't be combined with --mirror",
    "upgrade-version": "--revert can't be combined with --upgrade-version",
}


def _rules_of_both(select: frozenset[str], ignore: frozenset[str]) -> str | None:
    both = ", ".join(sorted(select & ignore))
    return f"select and ignore both name {both}" if both else None


class Policy(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Everything the user can decide except what to do about a single finding.

    ``credentials`` None: follow each file's own convention, or contexts if it has none. ``select``
    None: every rule. ``revert`` None: fix; else remove what fixes add. ``baseline`` has findings to
    leave; ``applies_ignores`` False: disregard it and all ignore comments.
    """

    platform: Annotated[
        Platform,
        Setting(
            "Where the jobs run. This decides how much an anonymous pull matters.",
            option="Where the jobs run",
        ),
    ] = Platform.CLOUD
    credentials: Annotated[
        CredentialStore | None,
        Setting(
            "Where the variables are stored. Without this key: as in each file, else in contexts. "
            "With project, no registry may set a context; with context, a registry may still set "
            "context = false.",
            option="Where the variables are stored (default: as in each file, else a context)",
        ),
    ] = None
    login: Annotated[
        LoginMethod,
        Setting(
            "How to write a login in steps: with the Docker orb, or with the docker command.",
            option="How to write a login in steps",
        ),
    ] = LoginMethod.ORB
    unknown_steps: Annotated[
        UnknownSteps,
        Setting(
            "For steps that can't be followed, in jobs with Docker: report them, or log in to "
            "Docker Hub before them.",
            option="For steps that can't be followed: report them, or log in before them",
        ),
    ] = UnknownSteps.REPORT
    docker_orb: Annotated[
        str,
        Setting(
            "The version of circleci/docker for configs that don't import it yet.",
            _ORB_VERSION,
        ),
    ] = DEFAULT_DOCKER_ORB
    fix_orbs: Annotated[
        bool,
        Setting(
            "Fix the sources of orbs too. All users of the orb then need the same variables.",
            option="Fix the sources of orbs too",
        ),
    ] = False
    add_workflow: Annotated[
        bool,
        Setting(
            "Add a workflow with one job to configs without workflows, to add contexts there.",
            option="Add a workflow with one job to configs without workflows",
        ),
    ] = False
    revert: Annotated[
        Revert | None,
        Setting(
            "Remove what the policy would add, or only the contexts.",
            option="Remove what the policy would add, or only the contexts",
            in_file=False,
            implied_value=Revert.ALL.value,
            conflicts=_NOT_WITH_REVERT,
        ),
    ] = None
    mirror: Annotated[
        Mirror | None,
        Setting(
            "A mirror or pull-through cache of Docker Hub, as HOST or HOST/PREFIX. Images are "
            "pulled from it, without credentials for Docker Hub.",
            _MIRROR,
            option="Pull from this mirror of Docker Hub instead of logging in to it",
        ),
    ] = None
    upgrade_version: Annotated[
        bool,
        Setting(
            "Upgrade configs of version 2 to 2.1.", option="Upgrade configs of version 2 to 2.1"
        ),
    ] = False
    select: Annotated[
        frozenset[str] | None,
        Setting(
            "Run only these rules (default: all).",
            _RULES,
            option="Only these rules: a,b",
            conflicts={"ignore": _rules_of_both},
        ),
    ] = None
    ignore: Annotated[
        frozenset[str],
        Setting("Don't run these rules.", _RULES, option="Not these rules: a,b"),
    ] = frozenset()
    exempt_images: Annotated[
        tuple[str, ...],
        Setting(
            "Images to leave alone, by any name that Docker accepts: acme/app also matches "
            "docker.io/acme/app:1. A pattern without a tag matches all tags; * matches anything.",
            TextList(tuple),
        ),
    ] = ()
    exclude: Annotated[
        tuple[str, ...],
        Setting(
            "Files and folders to skip, even if named on the command line. Paths start at the "
            "policy file (with --config and in a batch, at the repository); * matches anything.",
            TextList(tuple),
        ),
    ] = ()
    registries: Annotated[
        tuple[RegistryPolicy, ...],
        Setting(
            "The credentials for a registry, by its host; * matches anything. If several match, "
            "the one with the most characters besides * is used, or the first of those. Docker "
            "Hub is docker.io: always covered, and matched by no pattern.",
            Tables(),
        ),
    ] = (DEFAULT_DOCKER_HUB,)
    baseline: Baseline = Baseline()
    applies_ignores: bool = True

    def registry_for(self, host: str) -> RegistryPolicy | None:
        """The entry for the registry ``host``: the most specific one that matches, if any."""
        if host not in self._known_registries:
            self._known_registries[host] = self._find_registry(host)
        return self._known_registries[host]

    @cached_property
    def _known_registries(self) -> dict[str, RegistryPolicy | None]:
        """What `registry_for` returned: it is asked for each pull, several times."""
        return {}

    def _find_registry(self, host: str) -> RegistryPolicy | None:
        matching = [registry for registry in self.registries if host_matches(registry.host, host)]
        default = DEFAULT_DOCKER_HUB if host == DOCKER_HUB else None
        return max(matching, key=specificity, default=default)

    @property
    def docker_hub(self) -> RegistryPolicy:
        """The entry for Docker Hub; there always is one."""
        return self.registry_for(DOCKER_HUB) or DEFAULT_DOCKER_HUB

    def is_selected(self, rule: str) -> bool:
        """Whether ``rule`` is selected and not ignored."""
        return rule not in self.ignore and (self.select is None or rule in self.select)

    def excludes(self, path: str) -> bool:
        """Whether the file ``path``, or a folder that it is in, is excluded."""
        return bool(self.exclusions_of(path))

    def exclusions_of(self, path: str) -> tuple[str, ...]:
        """The patterns that exclude the file ``path``, or a folder that it is in."""

        def matches(pattern: str) -> bool:
            glob = pattern.removeprefix("./").rstrip("/")
            return fnmatchcase(path, glob) or fnmatchcase(path, f"{glob}/*")

        return tuple(filter(matches, self.exclude))

    def exempts(self, image: str) -> bool:
        """Whether pulls of ``image``, as written in the config, need no credentials."""
        return any(image_matches(image, pattern) for pattern in self.exempt_images)


DEFAULT_POLICY = Policy()
