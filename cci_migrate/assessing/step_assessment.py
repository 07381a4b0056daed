"""Which pulls in steps have no login before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct

from cci_migrate.assessing.conventions import credential_of_login
from cci_migrate.assessing.image_states import Anonymous
from cci_migrate.circleci.config import Config, Job, WorkflowJob
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.docker_daemon import Daemon, daemons_of, may_set_up_remote
from cci_migrate.circleci.orb_jobs import OrbJob, orb_job
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.published_orbs import has_docker_commands
from cci_migrate.circleci.step_lists import StepLists, way_of
from cci_migrate.circleci.steps import step_allowance
from cci_migrate.docker.container_tools import Tool, tool_serving
from cci_migrate.docker.login_keys import pull_key
from cci_migrate.docker.mentions import mentions_docker, mentions_script
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.findings import FindingKey, Place
from cci_migrate.groups import grouped
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.nodes import Node, resolved
from cci_migrate.policy.settings import PasswordAuth
from cci_migrate.rule_ids import PULL_BEFORE_LOGIN

if TYPE_CHECKING:
    from cci_migrate.assessing.step_states import StepState
    from cci_migrate.circleci.checked_out_files import ReadText
    from cci_migrate.circleci.step_moments import Moment
    from cci_migrate.circleci.step_pulls import JobDocker, StepLogin, StepPull, UnreadLogin


class MissingLogin(Struct, frozen=True, eq=False):
    """A login to ``host`` that a job lacks before some of its pulls.

    ``pulls`` are those pulls, each with the way of running the job that has it, in order. All look
    for the login in the directory ``config``. ``host`` is their `pull_key`.
    """

    host: str
    pulls: tuple[tuple[JobDocker, StepPull], ...]
    config: str | None

    @property
    def docker(self) -> JobDocker:
        """The first way of running the job that lacks the login."""
        return self.pulls[0][0]

    @property
    def pull(self) -> StepPull:
        """The first pull without a login."""
        return self.pulls[0][1]

    @property
    def unread_login(self) -> UnreadLogin | None:
        """An unreadable step before the first pull that, by its name, may log in."""
        before = self.docker.unread_login_before(self.pull.moment.order)
        return before if self.host == DOCKER_HUB else None

    @property
    def tool(self) -> Tool:
        """The program to log in with: its login must serve all the pulls."""
        tools = [pull.tool for _, pull in self.pulls]
        return tool_serving(tools, tools[0])

    @property
    def login_elsewhere(self) -> StepLogin | None:
        """A login before the first pull that it does not find, as it is in another directory."""
        elsewhere = (
            login
            for login in self.docker.logins
            if login.moment.order <= self.pull.moment.order
            and login.is_to(self.host)
            and not login.serves(self.pull)
        )
        return next(elsewhere, None)

    def concerns(self, docker: JobDocker) -> bool:
        """Whether a workflow job that runs the job as ``docker`` gets the login too."""
        if docker.job is not self.docker.job:
            return False
        own_steps = None if docker.job.steps is None else resolved(docker.job.steps)
        return any(
            way is docker or pull.moment.step.path[0].sequence is own_steps
            for way, pull in self.pulls
        )

    @property
    def is_known(self) -> bool:
        """Whether one of the pulls is known to be from the registry."""
        return any(self.host in pull.hosts for _, pull in self.pulls)

    def images_of(self, pull: StepPull) -> tuple[str, ...]:
        """The images of ``pull`` that come from the registry, or will come from it."""
        return tuple(text for text in pull.texts if pull_key(text) == self.host) or pull.texts

    @property
    def all_images(self) -> tuple[str, ...]:
        """The images of all pulls, or the commands of those whose images are unknown."""
        names = [self.images_of(pull) or (pull.command,) for _, pull in self.pulls]
        return tuple(dict.fromkeys(chain.from_iterable(names)))

    @property
    def place(self) -> Place:
        """The first step that pulls."""
        return Place(self.pull.moment.step.node, login_route(self.docker, self.host, self.config))

    @property
    def key(self) -> FindingKey:
        """The key of the finding about it."""
        return self.place.key(PULL_BEFORE_LOGIN)


def login_route(docker: JobDocker, host: str, config: str | None) -> str:
    """The route, in a finding, of a job's login to ``host`` in the directory ``config``."""
    route = f"{docker.job.route}.steps"
    if config not in (None, docker.config):
        return f"{route}({host} in {config})"
    return route if host == DOCKER_HUB else f"{route}({host})"


class UndecidedPulls(Struct, frozen=True, eq=False):
    """The pulls of a job whose images are unknown."""

    docker: JobDocker
    pulls: tuple[StepPull, ...]


class JobDockers:
    """The pulls and logins in the steps of all jobs, for each way that workflows run them."""

    def __init__(self, config: Config, values: ParameterValues, read: ReadText | None) -> None:
        self.step_lists = StepLists(config)
        self._of_entry: dict[WorkflowJob, JobDocker] = {}
        self._only_some_pull: dict[MissingLogin, bool] = {}
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
        if not any(map(_may_use_docker, config.texts)) and not _imports_docker_commands(config):
            return
        logins_count = any(map(_may_log_in, config.texts))
        remote = may_set_up_remote(config)
        jobs = [DeclaredJob(home, job, values) for home, job in config.all_jobs()]
        if not logins_count and all(
            daemons_of(job, has_remote=remote).main is Daemon.NONE for job in jobs
        ):
            return
        # Most configs have no Docker for their steps, and need nothing that reads scripts.
        from cci_migrate.circleci.job_docker import job_docker

        for declared in jobs:
            calls = values.job_calls.get(declared.job, ())
            by_way = grouped((way_of(declared.job, call.entry), call.entry) for call in calls)
            for alike in by_way.values() or ([],):
                docker = job_docker(
                    declared,
                    next(iter(alike), None),
                    read,
                    self.step_lists,
                    logins_count=logins_count,
                )
                if docker is not None:
                    self._of_entry.update(dict.fromkeys(alike, docker))
                    (self._all if docker.has_docker else self._without_docker).append(docker)

    def _read_orbs(self, config: Config, values: ParameterValues, read: ReadText | None) -> None:
        jobs = [job for job in self._orb_jobs.values() if job.has_steps]
        if not jobs:
            return
        from cci_migrate.circleci.job_docker import orb_job_dockers

        allowance = step_allowance()
        for job in jobs:
            dockers = list(orb_job_dockers(config, job, values, read, allowance))
            if dockers:
                self._of_entry[job.entry] = dockers[0]
                self._of_orbs += dockers

    def all(self) -> tuple[JobDocker, ...]:
        """Every job of the config that has a Docker, once for each way in which it is run."""
        return tuple(self._all)

    def of_orbs(self) -> tuple[JobDocker, ...]:
        """The jobs of published orbs with a Docker, once for each way in which they are run."""
        return tuple(self._of_orbs)

    def logging_in(self) -> tuple[JobDocker, ...]:
        """All jobs that may log in, including those of orbs and those without a Docker."""
        return (*self._all, *self._of_orbs, *self._without_docker)

    def orb_job(self, entry: WorkflowJob) -> OrbJob | None:
        """The job of a published orb that ``entry`` runs; None if it runs no known one."""
        return self._orb_jobs.get(entry)

    def entries_of(self, docker: JobDocker) -> Sequence[WorkflowJob]:
        """The workflow jobs that run the steps of ``docker``."""
        own = () if docker.entry is None else (docker.entry,)
        return self._entries_by_docker.get(docker, own)

    @cached_property
    def _entries_by_docker(self) -> Mapping[JobDocker, Sequence[WorkflowJob]]:
        return grouped((docker, entry) for entry, docker in self._of_entry.items())

    def of(self, entry: WorkflowJob) -> JobDocker | None:
        """The pulls and logins in the steps that ``entry`` runs; None if they are not read."""
        return self._of_entry.get(entry)

    def logins_by(self, entry: WorkflowJob) -> Iterator[StepLogin]:
        """The logins that ``entry`` may make, and the credentials that it gives other programs.

        Those under conditions that its arguments rule out are left out.
        """
        docker = self._of_entry.get(entry)
        if docker is None:
            return
        for login in docker.all_logins:
            if self.step_lists.may_run(docker.home, docker.job, entry, login.moment.step):
                yield login

    def gets(self, entry: WorkflowJob, missing: MissingLogin) -> bool:
        """Whether ``entry`` logs in too once ``missing`` is made.

        A login under the conditions of its pulls is not made where the arguments of ``entry`` rule
        them out.
        """
        docker = self._of_entry.get(entry)
        if docker is None or not missing.concerns(docker):
            return False
        is_conditional = docker.daemons.is_mixed or self.only_some_pull(missing)
        return not is_conditional or self._may_pull(entry, docker, missing)

    def only_some_pull(self, missing: MissingLogin) -> bool:
        """Whether ``missing`` is to be made under the conditions of its pulls.

        The arguments of some workflow jobs rule the pulls out, those of others do not: only these
        need the credentials. The conditions must be the job's own: a list of steps that other jobs
        share may have no room for a login.
        """
        is_conditional = self._only_some_pull.get(missing)
        if is_conditional is None:
            pulling = {
                self._may_pull(entry, docker, missing)
                for docker in dict.fromkeys(docker for docker, _ in missing.pulls)
                for entry in self.entries_of(docker)
            }
            is_conditional = len(pulling) > 1 and all(
                _is_in_own_steps(docker.job, pull) for docker, pull in missing.pulls
            )
            self._only_some_pull[missing] = is_conditional
        return is_conditional

    def _may_pull(self, entry: WorkflowJob, docker: JobDocker, missing: MissingLogin) -> bool:
        """Whether ``entry`` may run one of the steps of ``missing``."""
        return any(
            self.step_lists.may_run(docker.home, docker.job, entry, pull.moment.step)
            for _, pull in missing.pulls
        )

    def entries_with(self, docker: JobDocker, login: StepLogin) -> tuple[WorkflowJob, ...]:
        """The workflow jobs that may make ``login`` of ``docker``, in whichever way they run it."""
        return tuple(self._entries_by_login.get((docker.job, login.moment.step.node), ()))

    @cached_property
    def _entries_by_login(self) -> Mapping[tuple[Job, Node], Iterable[WorkflowJob]]:
        entries: dict[tuple[Job, Node], dict[WorkflowJob, None]] = {}
        for entry, docker in self._of_entry.items():
            for login in self.logins_by(entry):
                entries.setdefault((docker.job, login.moment.step.node), {})[entry] = None
        return entries


def _is_in_own_steps(job: Job, pull: StepPull) -> bool:
    """Whether the list of steps with ``pull`` is written in ``job`` itself."""
    steps, own = pull.moment.step.path[-1].sequence, job.mapping
    return steps.source is own.source and own.start <= steps.start and steps.end <= own.end


def _may_use_docker(text: str) -> bool:
    return mentions_docker(text) or ("machine" in text and mentions_script(text))


#: What passes a registry's credentials to a program, by a word in it: that is found sooner.
_LOGS_IN = {
    "login": lazy_pattern(r"login\b"),
    "/check": lazy_pattern(r"/check\b"),
    "creds": lazy_pattern(r"--(?:\w+-)?creds\b"),
}


def _may_log_in(text: str) -> bool:
    return any(
        word in text and pattern.search(text) is not None for word, pattern in _LOGS_IN.items()
    )


def _imports_docker_commands(config: Config) -> bool:
    return any(
        has_docker_commands(orb.name)
        for home in config.body.walk()
        for orb in home.imported.values()
    )


def missing_logins(
    pulls: Iterable[tuple[JobDocker, StepPull, Iterable[tuple[str | None, StepState]]]],
) -> tuple[MissingLogin, ...]:
    """The logins that jobs lack before ``pulls``, given with their `step_states`."""
    pulls_by_login = grouped(
        ((docker.job.route, state.host, pull.config or docker.config), (docker, pull))
        for docker, pull, states in pulls
        for _, state in states
        if isinstance(state, Anonymous)
    )
    return tuple(
        MissingLogin(host, tuple(without_login), config)
        for (_, host, config), without_login in pulls_by_login.items()
    )


def undecided_pulls(
    dockers: Iterable[JobDocker], missing: Iterable[MissingLogin] = ()
) -> tuple[UndecidedPulls, ...]:
    """The pulls whose images are unknown, at most one item for each job.

    Pulls after a login to Docker Hub are left out, and those after a ``missing`` login that is
    added before an earlier pull.
    """
    by_job: dict[Job, UndecidedPulls] = {}
    without_login = grouped(
        (docker, pull.moment)
        for login in missing
        if login.host == DOCKER_HUB
        for docker, pull in login.pulls
    )
    for docker in dockers:
        earlier = without_login.get(docker, ())
        pulls = tuple(
            pull
            for pull in docker.pulls
            if pull.undecided is not None
            and docker.login_before(pull, DOCKER_HUB) is None
            and (pull.ignores_logins or not any(_covers(moment, pull) for moment in earlier))
        )
        if pulls:
            by_job.setdefault(docker.job, UndecidedPulls(docker, pulls))
    return tuple(by_job.values())


def _covers(added: Moment, pull: StepPull) -> bool:
    """Whether a login that is added at ``added`` is made before ``pull``."""
    at = pull.moment
    return added.order <= at.order and added.step.guards <= at.step.guards


def variables_by_registry(logins: Iterable[StepLogin]) -> Mapping[str, tuple[str, ...]]:
    """The variables that ``logins`` read, by registry or pattern of registries."""
    by_registry: dict[str, dict[str, None]] = {}
    for login in logins:
        for registry in login.registries:
            by_registry.setdefault(registry, {}).update(dict.fromkeys(sorted(login.variables)))
    return {registry: tuple(names) for registry, names in by_registry.items()}


def login_conventions(logins: Iterable[StepLogin]) -> Mapping[str, PasswordAuth]:
    """The credential that most of ``logins`` are made with, by registry."""
    credentials = grouped(
        (registry, credential)
        for login in logins
        if (credential := credential_of_login(login)) is not None
        for registry in login.registries
        if "*" not in registry
    )
    return {registry: Counter(made).most_common(1)[0][0] for registry, made in credentials.items()}
