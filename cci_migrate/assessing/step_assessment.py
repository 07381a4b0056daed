"""Which pulls in steps have a login before them, and which login is missing where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from cci_migrate.assessing.conventions import policy_for
from cci_migrate.circleci.config import Config, Job, Namespace, WorkflowJob
from cci_migrate.circleci.docker_daemon import Daemon, daemons_of, may_set_up_remote
from cci_migrate.circleci.orb_jobs import OrbJob, orb_job
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.published_orbs import has_docker_commands
from cci_migrate.docker.image_reference import DOCKER_HUB, normalise_host
from cci_migrate.docker.login_keys import pull_key
from cci_migrate.docker.mentions import mentions_docker, mentions_script
from cci_migrate.findings import FindingKey, Place
from cci_migrate.lossless.merging import value_of
from cci_migrate.lossless.nodes import Node, resolved
from cci_migrate.policy.model import PasswordAuth, Policy, UnknownSteps
from cci_migrate.rule_ids import PULL_BEFORE_LOGIN

if TYPE_CHECKING:
    from cci_migrate.circleci.step_pulls import JobDocker, StepLogin, StepPull, UnreadLogin
    from cci_migrate.circleci.step_reading import ReadText
    from cci_migrate.docker.shell import Tool


class MissingLogin(Struct, frozen=True, eq=False):
    """A job fetches from ``host`` without a login.

    ``pulls`` are the commands that do, each with the way of running the job in which it does: the
    first of the first way first. They all look for it in the directory ``config``. ``host`` is the
    `pull_key`.
    """

    host: str
    pulls: tuple[tuple[JobDocker, StepPull], ...]
    config: str | None

    @property
    def docker(self) -> JobDocker:
        """The first way of running the job in which a login is missing."""
        return self.pulls[0][0]

    @property
    def pull(self) -> StepPull:
        """The first pull without a login."""
        return self.pulls[0][1]

    @property
    def unread_login(self) -> UnreadLogin | None:
        """What may have logged in to it before the first pull, as far as its name tells."""
        before = self.docker.unread_login_before(self.pull.moment.order)
        return before if self.host == DOCKER_HUB else None

    @property
    def tool(self) -> Tool:
        """The program to log in with: what it leaves must serve all the pulls."""
        from cci_migrate.docker.shell import Tool

        tools = [pull.tool for _, pull in self.pulls]
        return Tool.DOCKER if Tool.DOCKER in tools else tools[0]

    @property
    def login_elsewhere(self) -> StepLogin | None:
        """A login before the first pull that it does not find: in another directory."""
        last = self.pull.moment.order
        before = (one for one in self.docker.logins if one.moment.order <= last)
        return next(
            (one for one in before if one.is_to(self.host) and not one.serves(self.pull)), None
        )

    def concerns(self, docker: JobDocker) -> bool:
        """Whether a workflow job that runs the job as ``docker`` says is to log in."""
        if docker.job is not self.docker.job:
            return False
        own = None if docker.job.steps is None else resolved(docker.job.steps.value)
        return any(
            way is docker or pull.moment.step.path[0].sequence is own for way, pull in self.pulls
        )

    @property
    def is_known(self) -> bool:
        """Whether an image of the registry is known that the job fetches."""
        return any(self.host in pull.hosts for _, pull in self.pulls)

    @property
    def images(self) -> tuple[str, ...]:
        """The images that come from the registry, or are to."""
        texts = tuple(text for text in self.pull.texts if pull_key(text) == self.host)
        return texts or self.pull.texts

    @property
    def place(self) -> Place:
        """The first step that pulls; one login a registry a job."""
        return Place(self.pull.moment.step.node, login_route(self.docker, self.host, self.config))

    @property
    def key(self) -> FindingKey:
        """The key of the finding about it."""
        return self.place.key(PULL_BEFORE_LOGIN)


def login_route(docker: JobDocker, host: str, config: str | None) -> str:
    """What the login of a job to ``host``, kept in ``config``, is called in a finding."""
    route = f"{docker.job.route}.steps"
    if config not in (None, docker.config):
        return f"{route}({host} in {config})"
    return route if host == DOCKER_HUB else f"{route}({host})"


class UndecidedPulls(Struct, frozen=True, eq=False):
    """The pulls of a job of which it cannot be told where they fetch from."""

    docker: JobDocker
    pulls: tuple[StepPull, ...]


class JobDockers:
    """What the steps of all jobs do with Docker, for each way in which workflows run them."""

    def __init__(self, config: Config, values: ParameterValues, read: ReadText | None) -> None:
        self._of_entry: dict[WorkflowJob, JobDocker] = {}
        self._all: list[JobDocker] = []
        self._of_orbs: list[JobDocker] = []
        self._without_docker: list[JobDocker] = []
        self._orb_jobs = {
            entry: job
            for entry in config.workflow_jobs
            if (job := orb_job(entry, config)) is not None
        }
        self._read_own(config, values, read)
        self._read_orbs(config, values, read)

    def _read_own(self, config: Config, values: ParameterValues, read: ReadText | None) -> None:
        texts = [document.source.text for document in config.documents]
        may_use = any(map(_may_use_docker, texts))
        if not may_use and not _imports_docker_commands(config):
            return
        logins_count = any(map(_may_log_in, texts))
        remote = may_set_up_remote(config)
        if not logins_count and all(
            daemons_of(job, home, config, values, has_remote=remote).main is Daemon.NONE
            for home, job in _jobs(config)
        ):
            return
        # Most configs have no Docker for their steps, and need nothing that reads scripts.
        from cci_migrate.circleci.step_reading import job_docker
        from cci_migrate.circleci.steps import step_allowance

        allowance = step_allowance()

        def steps_of(home: Namespace, job: Job, entry: WorkflowJob | None) -> JobDocker | None:
            return job_docker(
                config, home, job, entry, values, read, allowance, logins_count=logins_count
            )

        entries: dict[Job, list[WorkflowJob]] = {}
        for entry in config.workflow_jobs:
            found = config.body.job(entry.calls)
            if found is not None:
                entries.setdefault(found[1], []).append(entry)
        for home, job in _jobs(config):
            known: dict[tuple[Node | None, ...], JobDocker | None] = {}
            for entry in entries.get(job, []):
                way = _way(job, entry)
                if way not in known:
                    known[way] = steps_of(home, job, entry)
                found_docker = known[way]
                if found_docker is not None:
                    self._of_entry[entry] = found_docker
            if not known:
                known[()] = steps_of(home, job, None)
            for docker in known.values():
                if docker is not None:
                    (self._all if docker.has_docker else self._without_docker).append(docker)

    def _read_orbs(self, config: Config, values: ParameterValues, read: ReadText | None) -> None:
        jobs = [job for job in self._orb_jobs.values() if job.has_steps]
        if not jobs:
            return
        from cci_migrate.circleci.step_reading import orb_job_dockers
        from cci_migrate.circleci.steps import step_allowance

        allowance = step_allowance()
        for job in jobs:
            dockers = list(orb_job_dockers(config, job, values, read, allowance))
            if dockers:
                self._of_entry[job.entry] = dockers[0]
                self._of_orbs += dockers

    def all(self) -> tuple[JobDocker, ...]:
        """Every job of the config that has Docker, once for each way in which it is run."""
        return tuple(self._all)

    def of_orbs(self) -> tuple[JobDocker, ...]:
        """The jobs of published orbs that have Docker, once for each way in which they are run."""
        return tuple(self._of_orbs)

    def logging_in(self) -> tuple[JobDocker, ...]:
        """The jobs that may log in somewhere, those of orbs and those without Docker too."""
        return (*self._all, *self._of_orbs, *self._without_docker)

    def orb_job(self, entry: WorkflowJob) -> OrbJob | None:
        """The job of a published orb that ``entry`` runs; None where that is not known."""
        return self._orb_jobs.get(entry)

    def of(self, entry: WorkflowJob) -> JobDocker | None:
        """The steps that ``entry`` runs."""
        return self._of_entry.get(entry)


def _may_use_docker(text: str) -> bool:
    return mentions_docker(text) or ("machine" in text and mentions_script(text))


#: What a step names that gives a registry's credentials to some program.
_LOGS_IN = re.compile(r"login\b|--(?:\w+-)?creds\b|/check\b")


def _may_log_in(text: str) -> bool:
    return _LOGS_IN.search(text) is not None


def _imports_docker_commands(config: Config) -> bool:
    return any(
        has_docker_commands(orb.name)
        for home in config.body.walk()
        for orb in home.imported.values()
    )


def _jobs(config: Config) -> Iterator[tuple[Namespace, Job]]:
    for home in config.body.walk():
        for job in home.jobs.values():
            yield home, job


def _way(job: Job, entry: WorkflowJob) -> tuple[Node | None, ...]:
    """What of ``entry`` changes the steps of ``job``: equal ways have the same steps."""
    names = ["pre-steps", "post-steps"]
    names += [name for name, one in job.parameters.items() if one.type == "steps"]
    return tuple(value_of(entry.arguments, name) for name in names)


def missing_logins(
    dockers: Iterable[JobDocker], policy: Policy, mirrored: frozenset[StepPull] = frozenset()
) -> tuple[MissingLogin, ...]:
    """The logins that jobs lack, one for each registry that the policy has a password for.

    Where the policy has a mirror of Docker Hub, none is wanted to Docker Hub itself, and one to the
    mirror before the ``mirrored`` pulls: they are to come from there.
    """
    found: dict[tuple[str, str, str | None], list[tuple[JobDocker, StepPull]]] = {}
    for docker in dockers:
        for pull in docker.pulls:
            for host in sorted(_wanted_hosts(pull, policy, mirrored)):
                registry = policy_for(host, policy)
                if registry is None or not isinstance(registry.credential, PasswordAuth):
                    continue
                if docker.login_before(pull, host) is None:
                    config = docker.config if pull.config is None else pull.config
                    key = (docker.job.route, host, config)
                    found.setdefault(key, []).append((docker, pull))
    return tuple(
        MissingLogin(host, tuple(pulls), config) for (_, host, config), pulls in found.items()
    )


def hosts_to_log_in(pull: StepPull, policy: Policy) -> frozenset[str]:
    """The registries of ``pull``; Docker Hub too where that is not known and the policy says so."""
    if pull.undecided is None or policy.unknown_steps is not UnknownSteps.LOGIN:
        return pull.hosts
    return pull.hosts | {DOCKER_HUB}


def _wanted_hosts(pull: StepPull, policy: Policy, mirrored: frozenset[StepPull]) -> set[str]:
    hosts = _hosts(pull, policy)
    if policy.mirror is not None:
        hosts = {host for host in hosts if normalise_host(host) != DOCKER_HUB}
        if pull in mirrored:
            hosts.add(policy.mirror.host)
    return hosts


def _hosts(pull: StepPull, policy: Policy) -> set[str]:
    wanted = hosts_to_log_in(pull, policy)
    if not policy.exempt_images:
        return set(wanted)
    hosts = (pull_key(text) for text in pull.texts if not policy.exempts(text))
    return {host for host in hosts if isinstance(host, str)} & pull.hosts | (wanted - pull.hosts)


def undecided_pulls(
    dockers: Iterable[JobDocker], missing: Iterable[MissingLogin] = ()
) -> tuple[UndecidedPulls, ...]:
    """The pulls of which it cannot be told where they fetch from, said once a job.

    Where a login to Docker Hub stands before them they are taken to be well; so too where one is
    ``missing`` before an earlier pull that runs whenever they do.
    """
    found: dict[Job, UndecidedPulls] = {}
    lacking = [
        (docker, pull.moment)
        for login in missing
        if login.host == DOCKER_HUB
        for docker, pull in login.pulls
    ]
    for docker in dockers:
        earlier = [moment for way, moment in lacking if way is docker]
        pulls = tuple(
            pull
            for pull in docker.pulls
            if pull.undecided is not None
            and docker.login_before(pull, DOCKER_HUB) is None
            and not any(
                moment.order <= pull.moment.order and moment.step.guards <= pull.moment.step.guards
                for moment in earlier
            )
        )
        if pulls:
            found.setdefault(docker.job, UndecidedPulls(docker, pulls))
    return tuple(found.values())


def logins_of(docker: JobDocker) -> Mapping[str, tuple[str, ...]]:
    """The variables that the logins of a job read, by the pattern of their registry."""
    found: dict[str, dict[str, None]] = {}
    for login in docker.all_logins:
        for registry in login.registries:
            found.setdefault(registry, {}).update(dict.fromkeys(sorted(login.variables)))
    return {registry: tuple(names) for registry, names in found.items()}


def login_conventions(
    dockers: Iterable[JobDocker], counts: Callable[[StepLogin], bool] = lambda _: True
) -> Mapping[str, PasswordAuth]:
    """By registry, the names with which the steps log in most often.

    Only the logins that ``counts`` says do.
    """
    found: dict[str, Counter[PasswordAuth]] = {}
    for docker in dockers:
        for login in docker.logins:
            if login.username is not None and login.password is not None and counts(login):
                for registry in login.registries:
                    if "*" not in registry:
                        names = PasswordAuth(login.username, login.password)
                        found.setdefault(registry, Counter())[names] += 1
    return {registry: names.most_common(1)[0][0] for registry, names in found.items()}
