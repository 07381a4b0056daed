"""What the steps of a job pull, and where they log in, as values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from cci_migrate.circleci.config import Job, Namespace, WorkflowJob
from cci_migrate.circleci.docker_daemon import Daemon, JobDaemons
from cci_migrate.circleci.step_moments import Moment, surely_before
from cci_migrate.circleci.steps import (
    Step,
    StepDefaults,
)
from cci_migrate.circleci.value_origins import UNKNOWN_VALUE, CredentialValue, Origin
from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.docker.login_keys import is_key
from cci_migrate.docker.shell import (
    USER_CONFIG,
    Purpose,
    Script,
    Tool,
)
from cci_migrate.escaping.hidden_fields import repr_without


class StepPull(Struct, frozen=True, eq=False):
    """One command that fetches images.

    ``texts`` are the images; ``hosts`` the registries that are known of them, as `pull_key` names
    them, ``undecided`` says what is not known. ``command`` names it for people: ``docker build -f
    x``. ``places`` tell of images that another file names where that is: ``Dockerfile:3``.
    ``config`` is the directory where it looks for logins, None where that is not known.
    ``perhaps``: it may pull nothing at all, as it is a task or a script that can't be read.
    """

    moment: Moment
    tool: Tool
    command: str
    texts: tuple[str, ...]
    hosts: frozenset[str]
    undecided: str | None
    places: tuple[tuple[str, str], ...] = ()
    config: str | None = USER_CONFIG
    perhaps: bool = False


class StepLogin(Struct, frozen=True, eq=False):
    """One login. ``registries`` are patterns for `host_matches`; ``any_registry``: a credential
    file is written, and to which registries it belongs cannot be told. The login is kept in the
    directory ``config`` under the ``keys`` of `login_key`: a pull finds it there alone.

    ``username_value`` and ``password_value`` are what is known of its halves. ``variables`` are
    those that it reads, without what the config sets itself. ``written_out`` is a password that
    stands there itself.
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

    __repr__ = repr_without("written_out")

    @property
    def username(self) -> str | None:
        """The user name as an image's ``auth`` would have it: ``$NAME`` or a literal."""
        value = self.username_value
        return value.text if value.origin in (Origin.VARIABLE, Origin.LITERAL) else None

    @property
    def password(self) -> str | None:
        """The password as an image's ``auth`` would have it: ``$NAME``."""
        value = self.password_value
        return value.text if value.origin is Origin.VARIABLE else None

    @property
    def names_password(self) -> bool:
        """Whether anything is known of the password that it is given."""
        return self.password_value.origin is not Origin.UNKNOWN

    @property
    def script(self) -> Script | None:
        """The script that it is a command of; None for an orb's command."""
        return self.moment.facts[-1][0] if self.moment.facts else None

    @property
    def is_guarded(self) -> bool:
        """Whether it is left out, and the build goes on, where its variables are empty."""
        return any(
            alternative.when_empty
            for _, fact in self.moment.facts
            for turn in fact.place
            for alternative in turn.construct.alternatives
        )

    def is_to(self, host: str) -> bool:
        """Whether pulls from ``host``, a `pull_key`, find it."""
        return self.any_registry or any(is_key(key, host) for key in self.keys)

    def may_be_to(self, host: str) -> bool:
        """Whether it logs in to ``host``, or to a registry that is only known when it runs."""
        return not self.registries or self.is_to(host)

    @property
    def is_misaddressed(self) -> bool:
        """Whether it is meant for Docker Hub and kept where no pull from there looks."""
        return self.registries == (DOCKER_HUB,) and not self.is_to(DOCKER_HUB)

    def serves(self, pull: StepPull) -> bool:
        """Whether ``pull`` looks into what this login leaves."""
        return serves(self.tool, pull.tool) and is_same_config(self.config, pull.config)


def serves(login: Tool, pull: Tool) -> bool:
    """Whether ``pull`` uses the credentials with which ``login`` has logged in.

    podman and buildah look into Docker's file besides their own; Docker looks into no other:
    https://docs.podman.io/en/latest/markdown/podman-login.1.html.
    """
    return login is Tool.DOCKER or pull is not Tool.DOCKER


def is_same_config(one: str | None, other: str | None) -> bool:
    """Whether two commands keep their logins in the same directory, or may: see `StepPull`."""
    return one is None or other is None or one == other


class StepLogout(Struct, frozen=True, eq=False):
    """The logins under ``key`` in ``config`` are gone; under all keys where that is None."""

    moment: Moment
    key: str | None
    config: str | None

    def undoes(self, host: str, login: StepLogin) -> bool:
        """Whether it ends ``login`` for pulls from ``host``."""
        return self.key in (None, host) and is_same_config(self.config, login.config)


class UnreadLogin(Struct, frozen=True, eq=False):
    """``command``, which is called like a login to Docker Hub and cannot be read."""

    moment: Moment
    command: str


class ClientUse(Struct, frozen=True, eq=False):
    """What another program than Docker does at a registry, with the credentials of ``login``.

    It has none where those halves are unknown. It serves no pull but its own.
    """

    purpose: Purpose
    login: StepLogin


class JobDocker(Struct, frozen=True, eq=False, dict=True):
    """What the steps of a job do with Docker when ``entry`` runs it (None: any).

    ``set_before`` are, for each step, the variables that the job has set itself until then.
    ``client_uses`` are what they do at registries with other programs. ``config`` is the directory
    for logins of commands that name none.
    """

    home: Namespace
    job: Job
    entry: WorkflowJob | None
    daemons: JobDaemons
    defaults: StepDefaults
    steps: tuple[Step, ...]
    pulls: tuple[StepPull, ...]
    logins: tuple[StepLogin, ...]
    logouts: tuple[StepLogout, ...]
    unread_logins: tuple[UnreadLogin, ...] = ()
    set_before: tuple[frozenset[str], ...] = ()
    client_uses: tuple[ClientUse, ...] = ()
    config: str | None = USER_CONFIG

    @property
    def has_docker(self) -> bool:
        """Whether there is a Docker to talk to; else only who logs in is known of its steps."""
        return self.daemons.main is not Daemon.NONE

    @property
    def all_logins(self) -> Iterator[StepLogin]:
        """The logins, and what is given to other programs for one command or for all."""
        yield from self.logins
        yield from (
            client_use.login for client_use in self.client_uses if client_use.login.names_password
        )

    @cached_property
    def _by_host(self) -> dict[str, tuple[StepLogin, ...]]:
        return {}

    @property
    def daemon(self) -> Daemon:
        """The Docker by which the job is judged."""
        return self.daemons.main

    def login_before(self, pull: StepPull, host: str) -> StepLogin | None:
        """The login to ``host`` that has surely been made whenever ``pull`` runs."""
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
        scripts: dict[int, list[StepLogin]] = {}
        for login in fitting:
            if len(login.moment.facts) == 1:
                scripts.setdefault(login.moment.order, []).append(login)
        for logins in scripts.values():
            together = len(logins) > 1 and surely_before(
                [login.moment for login in logins], pull.moment
            )
            if together and not any(self._undone(login, pull, host) for login in logins):
                return logins[0]
        return None

    def unread_login_before(self, order: int) -> UnreadLogin | None:
        """What may log in to Docker Hub in a step before the one at ``order``."""
        return next(
            (
                unread_login
                for unread_login in self.unread_logins
                if unread_login.moment.order < order
            ),
            None,
        )

    def _logins_to(self, host: str) -> tuple[StepLogin, ...]:
        logins = self._by_host.get(host)
        if logins is None:
            logins = tuple(login for login in self.logins if login.is_to(host))
            self._by_host[host] = logins
        return logins

    def _undone(self, login: StepLogin, pull: StepPull, host: str) -> bool:
        return any(
            logout.undoes(host, login)
            and login.moment.order <= logout.moment.order <= pull.moment.order
            and surely_before([login.moment], logout.moment)
            and surely_before([logout.moment], pull.moment)
            for logout in self.logouts
        )
