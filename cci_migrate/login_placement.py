"""Where a login goes, and what it looks like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cci_migrate.circleci.config import Config, Job
from cci_migrate.circleci.docker_daemon import Daemon
from cci_migrate.circleci.docker_orb import (
    DEFAULT_PASSWORD,
    DEFAULT_USERNAME,
    DOCKER_ORB,
    docker_orb,
    spelling_of,
)
from cci_migrate.circleci.images import variable_in
from cci_migrate.circleci.sharing import Sharing
from cci_migrate.circleci.step_pulls import JobDocker
from cci_migrate.circleci.steps import StepPlace, sets_up_docker
from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.docker.shell import Tool
from cci_migrate.impact import registry_name
from cci_migrate.lossless.merging import own_entry
from cci_migrate.lossless.nodes import Mapping, resolved
from cci_migrate.lossless.nodes import Sequence as SequenceNode
from cci_migrate.lossless.operations import AddEntry, AddItem, Content, Entries, Operation, Text
from cci_migrate.policy import LoginMethod, PasswordAuth, Policy
from cci_migrate.step_assessment import MissingLogin

ORBS = "orbs"
_ALIASES = ("docker", "circleci-docker", "docker-orb")


@dataclass(frozen=True, slots=True)
class NoLoginPlace:
    """Why a login cannot be put anywhere, and what to do instead."""

    reason: str
    instead: str


class LoginPlacement:
    """Finds the places for the logins that the jobs of a config lack."""

    def __init__(
        self, config: Config, missing: Iterable[MissingLogin], sharing: Sharing, policy: Policy
    ) -> None:
        self._config = config
        self._sharing = sharing
        self._policy = policy
        self._needing: dict[str, set[int]] = {}
        for one in missing:
            self._needing.setdefault(one.host, set()).add(id(one.docker.job))
        self._jobs_by_steps: dict[int, list[Job]] = {}
        for home in config.body.walk():
            for job in home.jobs.values():
                if job.steps is not None:
                    steps = id(resolved(job.steps.value))
                    self._jobs_by_steps.setdefault(steps, []).append(job)

    def operations(
        self, missing: MissingLogin, credential: PasswordAuth
    ) -> tuple[Operation, ...] | NoLoginPlace:
        """What logs the job in before its first pull from the registry.

        A list of steps that jobs without that need share is left alone.
        """
        place = login_place(missing)
        if self._is_shared_with_others(place.sequence, missing.host):
            return NoLoginPlace(
                "its steps are shared, through an anchor, with jobs that need no login",
                "give this job steps of its own, or log in inside a reusable command",
            )
        by_orb = _orb_login(missing, credential, self._config, self._policy)
        content, imports = by_orb if by_orb is not None else (_run_login(missing, credential), ())
        return (*imports, AddItem(place.sequence, place.index, content))

    def _is_shared_with_others(self, sequence: SequenceNode, host: str) -> bool:
        """Whether ``sequence`` is the steps of a job that needs no login to ``host``."""
        users = self._jobs_by_steps.get(id(sequence), [])
        if not users:
            return False
        if any(id(job) not in self._needing[host] for job in users):
            return True
        known = [job.steps.value for job in users if job.steps is not None]
        return self._sharing.has_other_users(sequence, known)


def login_place(missing: MissingLogin) -> StepPlace:
    """Before which step the login goes.

    Directly before the job's step that pulls; in the list that has both, where remote Docker is set
    up further inside (a command, a condition).
    """
    docker, pull = missing.docker, missing.pull
    path = pull.moment.step.path
    depth = 0
    if docker.daemon is Daemon.REMOTE:
        setup = _setup_before(docker, pull.moment.order)
        while (
            depth + 1 < min(len(path), len(setup))
            and path[depth].sequence is setup[depth].sequence
            and path[depth].index == setup[depth].index
        ):
            depth += 1
    return path[depth]


def _setup_before(docker: JobDocker, order: int) -> tuple[StepPlace, ...]:
    places = [step.path for step in docker.steps[: order + 1] if sets_up_docker(step)]
    return places[-1] if places else ()


def _orb_login(
    missing: MissingLogin, credential: PasswordAuth, config: Config, policy: Policy
) -> tuple[Content, tuple[Operation, ...]] | None:
    """The orb's ``check`` step, and the import it needs; None where a ``run`` step is better.

    The orb takes names of variables only, is not there before 2.1, and logs in with bash and
    ``docker``.
    """
    username, password = variable_in(credential.username), variable_in(credential.password)
    home = missing.docker.home
    if policy.login is not LoginMethod.ORB or not config.knows_orbs or home.is_orb:
        return None
    if username is None or password is None or missing.pull.tool is not Tool.DOCKER:
        return None
    if missing.docker.daemon is Daemon.WINDOWS or config.version is None:
        return None
    imported = docker_orb(home.imported)
    imports: tuple[Operation, ...] = ()
    if imported is not None:
        alias, version = imported.alias, imported.version
    else:
        version = policy.docker_orb
        free = [name for name in _ALIASES if name not in {*home.imported, *home.inline}]
        found = None if not free else _import(config, free[0], version)
        if found is None:
            return None
        alias, imports = free[0], (found,)
    spelling = spelling_of(version)
    if spelling is None:
        return None
    arguments: list[tuple[str, Content]] = []
    if missing.host != DOCKER_HUB:
        arguments.append((spelling.registry, Text(missing.host)))
    if (username, password) != (DEFAULT_USERNAME, DEFAULT_PASSWORD):
        arguments.append((spelling.username, Text(username)))
        arguments.append((spelling.password, Text(password)))
    name = f"{alias}/check"
    if not arguments:
        return Text(name), imports
    return Entries(((name, Entries(tuple(arguments))),)), imports


def is_orb_login(content: Content) -> bool:
    """Whether ``content``, a step, is the Docker orb's ``check``."""
    name = content.value if isinstance(content, Text) else ""
    if isinstance(content, Entries):
        name = content.entries[0][0]
    return name.endswith("/check")


def _import(config: Config, alias: str, version: str) -> Operation | None:
    root = _root_with_version(config)
    if root is None:
        return None
    orb = Text(f"{DOCKER_ORB}@{version}")
    orbs = own_entry(root, ORBS)
    if orbs is None:
        return AddEntry(root, ORBS, Entries(((alias, orb),)), "version")
    if isinstance(orbs.value, Mapping):
        return AddEntry(orbs.value, alias, orb)
    return None


def _root_with_version(config: Config) -> Mapping | None:
    for document in config.documents:
        root = document.root
        if isinstance(root, Mapping):
            version = own_entry(root, "version")
            if version is not None and version.value is config.version:
                return root
    return None


def _run_login(missing: MissingLogin, credential: PasswordAuth) -> Content:
    """A ``run`` step that logs in where the variables are there, and says so where not.

    The builds of forked pull requests have no variables: they go on anonymously.
    """
    name = registry_name(missing.host)
    tool = missing.pull.tool.value
    host = "" if missing.host == DOCKER_HUB else f" {missing.host}"
    username = f'"{credential.username}"' if "$" in credential.username else credential.username
    tested = [text for text in (credential.username, credential.password) if "$" in text]
    test = " || ".join(f'[ -z "{text}" ]' for text in tested)
    script = (
        f"if {test}; then\n"
        f'  echo "No credentials for {name} here: going on without a login."\n'
        "else\n"
        f'  echo "{credential.password}" | {tool} login --username {username} '
        f"--password-stdin{host}\n"
        "fi\n"
    )
    entries: list[tuple[str, Content]] = [("name", Text(f"Log in to {name}"))]
    if missing.docker.daemon is Daemon.WINDOWS:
        entries.append(("shell", Text("bash.exe")))
    entries.append(("command", Text(script, literal=True)))
    return Entries((("run", Entries(tuple(entries))),))
