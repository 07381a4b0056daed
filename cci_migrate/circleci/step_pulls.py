"""What the steps of a job pull, and where they log in, as values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from cci_migrate.circleci.config import Job, Namespace, WorkflowJob
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.docker_daemon import Daemon, JobDaemons
from cci_migrate.circleci.step_moments import Moment, surely_before
from cci_migrate.circleci.steps import RunStep, Step, StepDefaults, sets_up_docker
from cci_migrate.circleci.value_origins import UNKNOWN_VALUE, CredentialValue, Origin
from cci_migrate.docker.container_tools import Purpose, Tool
from cci_migrate.docker.registries import DOCKER_HUB, is_like
from cci_migrate.docker.shell.facts import USER_CONFIG, Script
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.groups import grouped


class StepPull(Struct, frozen=True, eq=False):
    """One command that pulls images.

    ``texts`` are the images; ``hosts`` their known registries, as `pull_key` names them;
    ``undecided`` says what is unknown. ``command`` is its name for people: ``docker build -f x``.
    ``places`` has the places of images in other files: ``Dockerfile:3``. ``config`` is the
    directory where it looks for logins, None if unknown; ``by_other_user``: ``sudo`` runs it, and
    reads there what root has written too. ``perhaps``: it is a task or a script that can't be read,
    and may pull nothing. ``ignores_logins``: no login serves it.
    """

    moment: Moment
    tool: Tool
    command: str
    texts: tuple[str, ...]
    hosts: frozenset[str]
    undecided: str | None
    places: tuple[tuple[str, str], ...] = ()
    config: str | None = USER_CONFIG
    by_other_user: bool = False
    perhaps: bool = False
    ignores_logins: bool = False


class StepLogin(Struct, frozen=True, eq=False):
    """One login. ``registries`` are patterns for `host_matches`; ``any_registry``: it writes a
    credential file for unknown registries. The login is stored in the directory ``config`` under
    the ``keys`` of `login_key`: a pull only finds it there.

    ``username_value`` and ``password_value`` say where these come from. ``variables`` are those
    that it reads, without those that the config sets. ``written_out`` is a literal password.
    ``is_private``: another user has made the file, by ``sudo``, and the steps' own can't read it.
    """

    moment: Moment
    registries: tuple[str, ...]
    any_registry: bool
    username_value: CredentialValue = UNKNOWN_VALUE
    password_value: CredentialValue = UNKNOWN_VALUE
    variables: frozenset[str] = frozenset()
    written_out: str | None = None
    tool: Tool = Tool.DOCKER
    keys: tuple[str, ...] = ()
    config: str | None = USER_CONFIG
    is_private: bool = False

    __repr__ = repr_without("written_out")

    @property
    def username(self) -> str | None:
        """The user name for an image's ``auth``: ``$NAME`` or a literal; None if unknown."""
        value = self.username_value
        return value.text if value.origin in (Origin.VARIABLE, Origin.LITERAL) else None

    @property
    def password(self) -> str | None:
        """The password for an image's ``auth``: ``$NAME``; None for anything else."""
        value = self.password_value
        return value.text if value.origin is Origin.VARIABLE else None

    @property
    def names_password(self) -> bool:
        """Whether anything is known about its password."""
        return self.password_value.origin is not Origin.UNKNOWN

    @property
    def script(self) -> Script | None:
        """The script that contains it; None for an orb's command."""
        return self.moment.facts[-1][0] if self.moment.facts else None

    @property
    def is_guarded(self) -> bool:
        """Whether it is skipped, and the build goes on, if its variables are empty."""
        return any(
            alternative.when_empty
            for _, fact in self.moment.facts
            for turn in fact.place
            for alternative in turn.construct.alternatives
        )

    def is_to(self, host: str) -> bool:
        """Whether pulls from ``host``, a `pull_key`, find it."""
        return self.any_registry or any(is_like(host, key) for key in self.keys)

    def may_be_to(self, host: str) -> bool:
        """Whether it logs in to ``host``, or to an unknown registry."""
        return not self.registries or self.is_to(host)

    @property
    def is_misaddressed(self) -> bool:
        """Whether it is meant for Docker Hub, but stored where no pull from there looks."""
        return self.registries == (DOCKER_HUB,) and not self.is_to(DOCKER_HUB)

    def serves(self, pull: StepPull) -> bool:
        """Whether ``pull`` reads the file that this login writes."""
        if pull.ignores_logins:
            return False
        is_readable = pull.by_other_user or not self.is_private
        in_reach = is_readable and is_same_config(self.config, pull.config)
        return in_reach and serves(self.tool, pull.tool)


def serves(login: Tool, pull: Tool) -> bool:
    """Whether ``pull`` uses the credentials of ``login``.

    podman and buildah read Docker's file besides their own; Docker and nerdctl read no other:
    https://docs.podman.io/en/latest/markdown/podman-login.1.html.
    """
    return login.shares_logins or not pull.shares_logins


def is_same_config(first: str | None, second: str | None) -> bool:
    """Whether two ``config`` directories (see `StepPull`) are equal or may be."""
    return first is None or second is None or first == second


class StepLogout(Struct, frozen=True, eq=False):
    """A removal of the logins under ``key``, or under all keys (None), in ``config``."""

    moment: Moment
    key: str | None
    config: str | None

    def undoes(self, host: str, config: str | None) -> bool:
        """Whether it ends a login in ``config`` for pulls from ``host``."""
        return self.key in (None, host) and is_same_config(self.config, config)


class UnreadLogin(Struct, frozen=True, eq=False):
    """``command``, whose name suggests a login to Docker Hub, but which can't be read."""

    moment: Moment
    command: str


class ClientUse(Struct, frozen=True, eq=False):
    """What another program than Docker does at a registry, with the credentials of ``login``.

    It has none if they are unknown. No other pull uses them.
    """

    purpose: Purpose
    login: StepLogin


class JobDocker(Struct, frozen=True, eq=False, dict=True, kw_only=True):
    """What the steps of a job do with Docker when ``entry`` runs it (None: any).

    ``own_runs`` are the ``run`` steps that the config has itself: nothing can be changed in those
    of orbs. ``set_before`` has, for each step, the variables that the image and earlier steps set.
    ``client_uses`` are uses of registries by other programs. ``config`` is the directory for logins
    of commands that name none. ``has_client``: Docker's client is there before any step.
    """

    declared: DeclaredJob
    entry: WorkflowJob | None
    daemons: JobDaemons
    defaults: StepDefaults
    steps: tuple[Step, ...]
    own_runs: tuple[RunStep, ...]
    pulls: tuple[StepPull, ...]
    logins: tuple[StepLogin, ...]
    logouts: tuple[StepLogout, ...]
    unread_logins: tuple[UnreadLogin, ...] = ()
    set_before: tuple[frozenset[str], ...] = ()
    client_uses: tuple[ClientUse, ...] = ()
    config: str | None = USER_CONFIG
    has_client: bool = True

    @property
    def home(self) -> Namespace:
        """The namespace of the job."""
        return self.declared.home

    @property
    def job(self) -> Job:
        """The job, without what workflows pass to it."""
        return self.declared.job

    @property
    def has_docker(self) -> bool:
        """Whether the job has a Docker daemon; without one, only its logins are read."""
        return self.daemons.main is not Daemon.NONE

    def assigned_before(self, order: int) -> frozenset[str]:
        """The variables that the job itself has set before the step at ``order``."""
        return self.set_before[order] | self.defaults.environment.keys()

    @property
    def all_logins(self) -> Iterator[StepLogin]:
        """The logins, and the credentials that other programs get."""
        yield from self.logins
        yield from (use.login for use in self.client_uses if use.login.names_password)

    @cached_property
    def _logins_by_host(self) -> dict[str, tuple[StepLogin, ...]]:
        return {}

    @property
    def daemon(self) -> Daemon:
        """The daemon that the job is judged by."""
        return self.daemons.main

    def daemon_of(self, pull: StepPull) -> Daemon:
        """The Docker that ``pull`` talks to: remote Docker if it is set up for the pull alone.

        A job that also runs on machines sets it up, and pulls, under one condition.
        """
        before = self.steps[: pull.moment.order]
        is_remote = Daemon.REMOTE in self.daemons.kinds and any(
            sets_up_docker(step) and step.guards and step.guards <= pull.moment.step.guards
            for step in before
        )
        return Daemon.REMOTE if is_remote else self.daemon

    def login_before(self, pull: StepPull, host: str) -> StepLogin | None:
        """A login to ``host`` that has always happened before ``pull``; None if there is none."""
        last = pull.moment.order
        fitting = [
            login
            for login in self._logins_to(host)
            if login.moment.order <= last and login.serves(pull)
        ]
        for login in fitting:
            if surely_before([login.moment], pull.moment) and not self._undone(login, pull, host):
                return login
        # One in each branch of a script.
        scripts = grouped(
            (login.moment.order, login) for login in fitting if len(login.moment.facts) == 1
        )
        for logins in scripts.values():
            together = len(logins) > 1 and surely_before(
                [login.moment for login in logins], pull.moment
            )
            if together and not any(self._undone(login, pull, host) for login in logins):
                return logins[0]
        return None

    def is_locked_before(self, pull: StepPull) -> bool:
        """Whether a step before that of ``pull`` makes a file of logins that no login can change.

        That is one by ``sudo`` in the user's own directory: `StepLogin.is_private`.
        """
        return any(
            login.is_private
            and login.config == pull.config
            and login.moment.order < pull.moment.order
            for login in self.logins
        )

    def logged_out_at(self, pull: StepPull, host: str) -> int | None:
        """The last step that has surely removed logins to ``host`` before ``pull``; None if none.

        It may be the step of ``pull`` itself.
        """
        orders = [
            logout.moment.order
            for logout in self.logouts
            if logout.undoes(host, pull.config) and surely_before([logout.moment], pull.moment)
        ]
        return max(orders, default=None)

    def unread_login_before(self, order: int) -> UnreadLogin | None:
        """The first `UnreadLogin` in a step before the one at ``order``; None if there is none."""
        earlier = (login for login in self.unread_logins if login.moment.order < order)
        return next(earlier, None)

    def _logins_to(self, host: str) -> tuple[StepLogin, ...]:
        logins = self._logins_by_host.get(host)
        if logins is None:
            logins = tuple(login for login in self.logins if login.is_to(host))
            self._logins_by_host[host] = logins
        return logins

    def _undone(self, login: StepLogin, pull: StepPull, host: str) -> bool:
        return any(
            logout.undoes(host, login.config)
            and login.moment.order <= logout.moment.order <= pull.moment.order
            and surely_before([login.moment], logout.moment)
            and surely_before([logout.moment], pull.moment)
            for logout in self.logouts
        )
