"""Where logins are inserted into a config, and as which step each."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import credential_of_login
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.step_assessment import MissingLogin
from cci_migrate.circleci.config import Job, WorkflowJob
from cci_migrate.circleci.declared_logins import DeclaredLogin
from cci_migrate.circleci.docker_client import client_installed_at
from cci_migrate.circleci.docker_daemon import Daemon
from cci_migrate.circleci.docker_orb import LoginSwitch, login_switch
from cci_migrate.circleci.fork_jobs import jobs_also_for_forks
from cci_migrate.circleci.images import variable_in
from cci_migrate.circleci.primary_images import primary_images
from cci_migrate.circleci.step_pulls import JobDocker, StepLogin, StepPull, is_same_config, serves
from cci_migrate.circleci.steps import StepPlace, run_step
from cci_migrate.docker.container_tools import Tool, tool_serving
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host
from cci_migrate.docker.shell.facts import USER_CONFIG
from cci_migrate.findings import NoFix
from cci_migrate.lossless.merging import entries_of, text_of
from cci_migrate.lossless.nodes import Alias, Sequence, alias_means, resolved
from cci_migrate.lossless.operations import AddItem, AliasTo, Content, Items, Operation, Text
from cci_migrate.policy.settings import LoginMethod, PasswordAuth
from cci_migrate.remedies.job_arguments import with_arguments
from cci_migrate.remedies.login_places import covers, has_client, login_places, order_of
from cci_migrate.remedies.login_steps import client_command, orb_login, run_login
from cci_migrate.remedies.step_users import StepUser, has_nounset, shell_for, step_users

#: The key of a login, and the directory in which it is kept.
_LoginKey: TypeAlias = "tuple[str, str | None]"


def _login_key(missing: MissingLogin) -> _LoginKey:
    return missing.host, missing.config


class LoginPlacement:
    """Finds the places for the logins that the jobs of a config lack."""

    def __init__(self, assessment: Assessment) -> None:
        config, missing = assessment.config, assessment.logins.missing
        self._config = config
        #: The jobs that also run in builds of forks alone.
        self._for_forks = jobs_also_for_forks(assessment.logins.entries_for_forks, config)
        self._dockers = assessment.dockers
        self._policy = assessment.policy
        #: The jobs that need each login, with the program that each needs it of.
        self._tools: dict[_LoginKey, dict[Job, Tool]] = {}
        for login in missing:
            self._tools.setdefault(_login_key(login), {})[login.docker.job] = login.tool
        jobs_docker = tuple(assessment.dockers.all()) if missing else ()
        lists = assessment.dockers.step_lists
        self._users = step_users(config, jobs_docker, lists) if missing else {}
        #: The registries of logins that are skipped in builds without their variables.
        self._guarded = frozenset(
            registry
            for docker in jobs_docker
            for login in docker.logins
            if login.is_guarded
            for registry in login.registries
        )
        self._declared = assessment.declared_logins if missing else ()

    def operations(
        self, missing: MissingLogin, credential: PasswordAuth, *, is_alone: bool = False
    ) -> tuple[Operation, ...] | NoFix:
        """The operations that log the job in with ``credential`` before each of ``missing.pulls``.

        `NoFix` if there is no place for one of them. A list of steps is not changed if a job
        that does not need this login shares it; with ``is_alone``, if any other job does.
        """
        is_own = missing.config == missing.docker.config
        if client_command(missing.tool, missing.config, is_own=is_own) is None:
            return NoFix(
                f"its command reads logins from {missing.config}, which an earlier step can't "
                "locate",
                "log in in the script itself, in the same way",
            )
        if missing.docker.home.is_published:
            return self._before_orb_job(missing, credential)
        if any(docker.is_locked_before(pull) for docker, pull in missing.pulls):
            return NoFix(
                "a step before it logs in by sudo, so the file of logins is root's and another "
                "login would fail",
                "log in without sudo in that step",
            )
        places: dict[StepPlace, bool] = {}
        for docker, pull in missing.pulls:
            place = next(
                (place for place in places if covers(place, docker, pull, missing.host)), None
            )
            if place is None:
                run = run_step(pull.moment.step, docker.defaults)
                if run is not None and run.only_on_failure:
                    return NoFix(
                        "its step runs only after a failure; a login before it would run in every "
                        "build",
                        "log in in the step itself",
                    )
                new = self._new_place(docker, pull, missing, credential, is_alone=is_alone)
                if isinstance(new, NoFix):
                    return new
                place = new
                places[place] = run is not None and run.also_on_failure
            obstacle = self._obstacle(docker, place, missing, credential)
            if obstacle is not None:
                return obstacle
        operations: dict[Operation, None] = {}
        for place, is_after_failures in places.items():
            users = self._users[place.sequence]
            content, imports = self._login(
                missing, place, users, credential, always=is_after_failures
            )
            operations.update(dict.fromkeys(imports))
            operations[AddItem(place.sequence, place.index, content)] = None
        return tuple(operations)

    def _new_place(
        self,
        docker: JobDocker,
        pull: StepPull,
        missing: MissingLogin,
        credential: PasswordAuth,
        *,
        is_alone: bool,
    ) -> StepPlace | NoFix:
        """A place for a login before the step of ``pull``, or why there is none."""
        if docker.logged_out_at(pull, missing.host) == pull.moment.order:
            return NoFix(
                "its script logs out before it, or removes the file of logins",
                "log in in that script, behind that",
            )
        installation = client_installed_at(docker)
        if installation == pull.moment.order:
            return NoFix(
                "its script installs Docker's client, so an earlier login step has no client",
                "log in in the script, after the installation",
            )
        needing = {missing.docker.job} if is_alone else self._tools[_login_key(missing)].keys()
        place = self._place(docker, pull, missing, credential, needing)
        if place is not None:
            return place
        if installation is not None:
            return NoFix(
                "only shared steps are between the installation of Docker's client and the pull",
                "log in after the installation",
            )
        return NoFix(
            f"jobs that need {'another' if is_alone else 'no'} login share its steps",
            "give this job its own steps, or log in inside a reusable command",
        )

    def _place(
        self,
        docker: JobDocker,
        pull: StepPull,
        missing: MissingLogin,
        credential: PasswordAuth,
        needing: AbstractSet[Job],
    ) -> StepPlace | None:
        """The best place before ``pull`` in a list of steps that only the jobs ``needing`` it run.

        If the job may have logged in with another account by then, the place is before that login:
        the later of two logins counts.
        """
        other = _other_login(docker, pull.moment.order, missing, credential)
        # A job that also runs without that Docker, or without the pull, logs in only with it.
        is_conditional = docker.daemons.is_mixed or self._dockers.only_some_pull(missing)
        for before in (pull.moment,) if other is None else (other.moment, pull.moment):
            for place in login_places(
                docker, before, pull.moment, only_where_it_pulls=is_conditional
            ):
                users = self._users[place.sequence]
                is_shared = not all(user.job in needing for user in users)
                serves_it = covers(place, docker, pull, missing.host) and has_client(docker, place)
                if not is_shared and serves_it:
                    return place
        return None

    def _obstacle(
        self, docker: JobDocker, place: StepPlace, missing: MissingLogin, credential: PasswordAuth
    ) -> NoFix | None:
        """Why a login with ``credential`` at ``place`` would do harm, if it would."""
        order = order_of(docker, place)
        unread = docker.unread_login_before(order) if missing.host == DOCKER_HUB else None
        if unread is not None:
            return NoFix(
                f"{unread.command} can't be read and may log in; a second login would replace its "
                "account",
                "log in before it; if it logs in, ignore this with a comment",
            )
        if _other_login(docker, order, missing, credential) is not None:
            return NoFix(
                "a second login would replace another account that the job may have logged in with",
                "log in before that login, or make that login unconditional",
            )
        assigned = docker.assigned_before(order) & set(variables_of(credential))
        if assigned:
            return NoFix(
                f"the job itself sets ${min(assigned)}, which the login would read",
                "use other variables, or log in before the job sets it",
            )
        return None

    def _login(
        self,
        missing: MissingLogin,
        place: StepPlace,
        users: Collection[StepUser],
        credential: PasswordAuth,
        *,
        always: bool = False,
    ) -> tuple[Content, tuple[Operation, ...]]:
        """The step that logs in for ``users`` at ``place``, and what it needs besides."""
        tools = self._tools[_login_key(missing)]
        tool = tool_serving({tools[user.job] for user in users}, missing.tool)
        is_own = all(
            user.docker is None or is_same_config(user.docker.config, missing.config)
            for user in users
        )
        for declaration in self._declared:
            config = declaration.login.config
            is_kept_there = config is not None and config == missing.config
            if (
                _makes(declaration, missing.host, credential)
                and _is_at(declaration, place)
                and serves(declaration.login.tool, tool)
                and (is_own if config == USER_CONFIG else is_kept_there)
            ):
                return _use_of(declaration), ()
        is_old = any(map(_has_old_client, users))
        if (
            tool is Tool.DOCKER
            and is_own
            and not always
            and not is_old
            and not self._is_guarded(missing.host)
            and all(map(_has_bash, users))
            # The orb's step fails in builds without the variables, which are all of these.
            and not any(user.job in self._for_forks for user in users)
        ):
            by_orb = orb_login(missing.host, place, credential, self._config, self._policy)
            if by_orb is not None:
                return by_orb
        shell, nounset = shell_for(users), any(map(has_nounset, users))
        client = client_command(tool, missing.config, is_own=is_own) or tool.value
        return (
            run_login(
                missing.host,
                client,
                credential,
                shell,
                is_old=is_old,
                nounset=nounset,
                always=always,
            ),
            (),
        )

    def _before_orb_job(
        self, missing: MissingLogin, credential: PasswordAuth
    ) -> tuple[Operation, ...] | NoFix:
        """Log in by a parameter of the orb's job if it has one, otherwise in ``pre-steps``."""
        docker = missing.docker
        entry = docker.entry
        if entry is None or not self._has_own_arguments(entry):
            return NoFix("other jobs share the job's arguments", "log in in the job's pre-steps")
        switch = login_switch(docker.job.parameters)
        passed = entries_of(entry.arguments)
        if switch is not None and (switch.enable in passed or switch.steps in passed):
            switch = None
        takes_names = switch is not None and switch.steps is None
        goes_on = self._policy.login is not LoginMethod.ORB or self._is_guarded(missing.host)
        if switch is not None and takes_names and missing.host == DOCKER_HUB and not goes_on:
            names = _variable_names(credential)
            if (
                names is not None
                and switch.username not in passed
                and switch.password not in passed
            ):
                enable: list[tuple[str, Content]] = [(switch.enable, Text("true", is_number=True))]
                if names != _defaults_of(docker.job, switch):
                    enable += zip((switch.username, switch.password), map(Text, names), strict=True)
                return with_arguments(entry, *enable)
        # It is the workflow's step, not the orb's.
        place = replace(missing.pull.moment.step.path[0], home=self._config.body)
        user = StepUser(docker.job, docker)
        content, imports = self._login(missing, place, (user,), credential)
        if switch is not None and switch.steps is not None:
            return (
                *imports,
                *with_arguments(
                    entry,
                    (switch.enable, Text("true", is_number=True)),
                    (switch.steps, Items((content,))),
                ),
            )
        before = passed.get("pre-steps")
        if before is None:
            return (*imports, *with_arguments(entry, ("pre-steps", Items((content,)))))
        steps = before.value if before.holder is entry.arguments else None
        if not isinstance(steps, Sequence) or steps.anchor is not None:
            return NoFix("other jobs share its pre-steps", "log in in its pre-steps")
        return (*imports, AddItem(steps, 0, content))

    def _has_own_arguments(self, entry: WorkflowJob) -> bool:
        """Whether arguments can be added to ``entry`` alone."""
        arguments = entry.node if entry.arguments is None else entry.arguments
        if isinstance(arguments, Alias | Sequence) or arguments.anchor is not None:
            return False
        return all(
            other.route == entry.route
            for other in self._config.workflow_jobs
            if resolved(other.node) is resolved(entry.node)
            or (other.arguments is not None and resolved(other.arguments) is arguments)
        )

    def _is_guarded(self, host: str) -> bool:
        """Whether a login of the config to ``host`` is skipped in builds without its variables.

        The Docker orb's ``check`` fails in such builds.
        """
        return normalise_host(host) in self._guarded


def _has_old_client(user: StepUser) -> bool:
    docker = user.docker
    return docker is not None and primary_images(docker.declared).may_have_old_client


def _has_bash(user: StepUser) -> bool:
    docker = user.docker
    if docker is None or Daemon.WINDOWS in docker.daemons.kinds:
        return False
    if docker.defaults.shell is not None and "bash" not in docker.defaults.shell:
        return False
    return not primary_images(docker.declared).may_lack_bash


def _variable_names(credential: PasswordAuth) -> tuple[str, str] | None:
    username, password = variable_in(credential.username), variable_in(credential.password)
    return None if username is None or password is None else (username, password)


def _defaults_of(job: Job, switch: LoginSwitch) -> tuple[str | None, str | None]:
    """The variables that the orb's login reads by default: user name and password."""
    username, password = job.parameters[switch.username], job.parameters[switch.password]
    return text_of(username.default), text_of(password.default)


def _is_at(declaration: DeclaredLogin, place: StepPlace) -> bool:
    """Whether ``declaration`` can be called, or aliased, at ``place``."""
    if declaration.home is not None:
        return declaration.home is place.home
    return alias_means(declaration.node, declaration.name, place.sequence)


def _use_of(declaration: DeclaredLogin) -> Content:
    if declaration.home is not None:
        return Text(declaration.name)
    assert not isinstance(declaration.node, Alias)  # noqa: S101 - an alias has no anchor
    return AliasTo(declaration.node, declaration.name)


def _makes(declaration: DeclaredLogin, host: str, credential: PasswordAuth) -> bool:
    """Whether ``declaration`` logs in to ``host``, and only there, with ``credential``."""
    login = declaration.login
    return login.keys == (host,) and credential_of_login(login) == credential


def _other_login(
    docker: JobDocker, order: int, missing: MissingLogin, credential: PasswordAuth
) -> StepLogin | None:
    """The first login before the step at ``order`` that ``credential`` would replace."""
    own = (credential.username, credential.password)
    # The fix of `login-server` may make a login one to Docker Hub.
    is_to_hub = missing.host == DOCKER_HUB
    return next(
        (
            login
            for login in docker.logins
            if login.moment.order < order
            and (login.may_be_to(missing.host) or (is_to_hub and login.is_misaddressed))
            and is_same_config(login.config, missing.config)
            and (login.username, login.password) != own
        ),
        None,
    )
