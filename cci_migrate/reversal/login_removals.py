"""Removes logins in steps that the policy would write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from itertools import chain

from msgspec import Struct

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.impact import registry_name
from cci_migrate.assessing.step_assessment import login_conventions, login_route
from cci_migrate.assessing.step_states import hosts_to_log_in
from cci_migrate.circleci.config import Job, WorkflowJob
from cci_migrate.circleci.docker_orb import login_switch
from cci_migrate.circleci.pushes import may_push_to
from cci_migrate.circleci.step_pulls import JobDocker, StepLogin
from cci_migrate.circleci.steps import Step, StepPlace
from cci_migrate.docker.registries import normalise_host
from cci_migrate.findings import Effect, Finding, FindingKey, Fix, NoFix, Place, Remedy
from cci_migrate.lossless.merging import entries_of
from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar, resolved
from cci_migrate.lossless.operations import (
    Content,
    Entries,
    Operation,
    RemoveEntry,
    RemoveItems,
    Text,
)
from cci_migrate.policy.settings import PasswordAuth, Policy
from cci_migrate.remedies.login_steps import login_steps
from cci_migrate.remedies.step_users import step_users
from cci_migrate.reversal.orb_removal import orb_finding
from cci_migrate.rule_ids import PULL_BEFORE_LOGIN


class _LoginRemoval(Struct, frozen=True, eq=False):
    """A login step that can be removed. ``jobs`` run it.

    ``operations`` remove it; there are none if it is the only step of its list.
    """

    host: str
    login: StepLogin
    docker: JobDocker
    jobs: tuple[Job, ...]
    operations: tuple[Operation, ...]

    @property
    def step(self) -> Step:
        return self.login.moment.step

    @property
    def place(self) -> Place:
        return Place(self.step.node, login_route(self.docker, self.host, self.login.config))

    @property
    def finding_key(self) -> FindingKey:
        """The key of the finding that takes it out."""
        return self.place.key(PULL_BEFORE_LOGIN)


_Place = tuple[Node, int]


def _place_of(step: Step) -> _Place:
    """The list and index of ``step``; for a step of an orb's job, its node."""
    if step.home.is_published:
        return step.node, 0
    return step.path[-1].sequence, step.path[-1].index


class LoginRemovals:
    """The logins of a config's jobs that can be removed, and those that something else needs."""

    def __init__(self, assessment: Assessment) -> None:
        self._assessment = assessment
        self._written: dict[_Place, StepLogin] = {}
        self._removals: dict[_Place, _LoginRemoval] = {}
        self._pushing: list[tuple[_LoginRemoval, Job]] = []
        #: The credentials, by registry, of logins that are not as the policy would write them.
        self.other_credentials: MappingOf[str, PasswordAuth] = {}
        dockers = (*assessment.dockers.all(), *assessment.dockers.of_orbs())
        if not any(docker.logins for docker in dockers):
            return
        self._find_written(dockers)
        self.other_credentials = login_conventions(
            login
            for docker in assessment.dockers.all()
            for login in docker.logins
            if not self.is_written(login.moment.step)
        )
        self._find_removals(dockers)

    def _find_written(self, dockers: tuple[JobDocker, ...]) -> None:
        for docker in dockers:
            for login in docker.logins:
                step = login.moment.step
                if len(login.keys) != 1 or not step.path:
                    continue
                if docker.home.is_published and not _is_argument_for_logins(step.path[-1], docker):
                    continue
                credentials = self._credentials(login.keys[0], docker)
                if any(self._is_as_written(login, docker, each) for each in credentials):
                    self._written[_place_of(step)] = login

    def _is_as_written(self, login: StepLogin, docker: JobDocker, credential: PasswordAuth) -> bool:
        """Whether a fix would write ``login`` for ``credential``."""
        step = login.moment.step
        if step.home.is_published:
            names = PasswordAuth(login.username or "", login.password or "")
            return credential == names and any(True for _ in _switched_on(docker))
        config, policy = self._assessment.config, self._assessment.policy
        return any(
            _means(step.node, content)
            for content in login_steps(
                login.keys[0], step.path[-1], credential, config, policy, login.config
            )
        )

    def _credentials(self, host: str, docker: JobDocker) -> set[PasswordAuth]:
        """The credentials that a fix may have written a login to ``host`` with.

        Those that only the orb's job itself uses are excluded, as no fix follows them.
        """
        registry = self._assessment.policy.registry_for(host)
        if registry is None or not isinstance(registry.credential, PasswordAuth):
            return set()
        convention = self._assessment.conventions.get(normalise_host(host))
        orb_routes = {docker.job.route} if docker.home.is_published else set()
        used = (
            item.credential
            for item in (() if convention is None else convention.evidence)
            if not item.jobs or not item.jobs <= orb_routes
        )
        candidates = {*registry.credentials, *used}
        return {item for item in candidates if isinstance(item, PasswordAuth)}

    def _find_removals(self, dockers: tuple[JobDocker, ...]) -> None:
        lists = self._assessment.dockers.step_lists
        users_by_list = step_users(self._assessment.config, dockers, lists)
        for key, login in self._written.items():
            host, step = login.keys[0], login.moment.step
            place = step.path[-1]
            users = users_by_list[place.sequence]
            if step.home.is_published:
                # Only this workflow job runs the steps that it passes to the orb's job.
                users = [user for user in users if user.docker and step in user.docker.steps]
            # A fix adds a login only if every job that runs the list pulls after it.
            if not all(
                any(
                    _serves(docker, key, host, self._assessment.policy)
                    for docker in dockers
                    if docker.job is user.job
                )
                for user in users
            ):
                continue
            docker = next(user.docker for user in users if user.docker)
            operations = tuple(_removal_of(place, docker, step))
            jobs = tuple(user.job for user in users)
            removal = _LoginRemoval(host, login, docker, jobs, operations)
            pushing = [
                user.job for user in users if user.docker and self._pushes(user.docker, host)
            ]
            if pushing:
                self._pushing.append((removal, pushing[0]))
            else:
                self._removals[key] = removal

    def _pushes(self, docker: JobDocker, host: str) -> bool:
        """Whether ``docker`` pushes images to ``host`` and has no other login to do so with."""
        return any(may_push_to(step, host) for step in docker.steps) and not any(
            login.may_be_to(host) and _place_of(login.moment.step) not in self._written
            for login in docker.logins
        )

    def is_written(self, step: Step) -> bool:
        """Whether ``step`` is a login as the policy would write it."""
        return bool(step.path) and _place_of(step) in self._written

    def key_of(self, step: Step) -> FindingKey | None:
        """The key of the finding that removes ``step``; None if it stays."""
        removal = self._removals.get(_place_of(step)) if step.path else None
        return None if removal is None else removal.finding_key

    def arguments_of(self, entry: WorkflowJob) -> tuple[str, ...]:
        """The arguments of ``entry`` that only make its job log in, and are removed."""
        return tuple(
            operation.key
            for removal in self._removals.values()
            for operation in removal.operations
            if isinstance(operation, RemoveEntry)
            and any(entry.route == job.route for job in removal.jobs)
        )

    def hosts_of(self, docker: JobDocker) -> frozenset[str]:
        """The registries that ``docker`` logs in to by logins that are as the policy's."""
        return frozenset(
            login.registries[0] for login in docker.logins if self.is_written(login.moment.step)
        )

    def findings(self) -> Iterator[Finding]:
        """One finding for each registry and job (the first that runs the steps); the orb's last."""
        by_key: dict[FindingKey, list[_LoginRemoval]] = defaultdict(list)
        for removal in self._removals.values():
            by_key[removal.finding_key].append(removal)
        for removals in by_key.values():
            yield _finding(removals)
        for removal, job in self._pushing:
            yield _finding([removal], NoFix(f"the job {job.name} pushes, and has no other login"))
        steps = [removal.step for removal in self._removals.values()]
        unused_orb = orb_finding(self._assessment, steps, tuple(sorted(by_key)))
        if unused_orb is not None:
            yield unused_orb


def _removal_of(place: StepPlace, docker: JobDocker, step: Step) -> Iterator[Operation]:
    """The operations that remove the login ``step`` from ``place``; none if nothing would be left.

    Arguments of an orb's job that are only there for the login are removed too.
    """
    if step.home.is_published:
        yield from _switched_on(docker)
    elif len(place.sequence.items) > 1:
        yield RemoveItems(place.sequence, (place.index,))
    elif docker.home.is_published and docker.entry is not None:
        switch = login_switch(docker.job.parameters)
        for name, entry in entries_of(docker.entry.arguments).items():
            if resolved(entry.value) is place.sequence and not isinstance(entry.value, Alias):
                yield RemoveEntry(entry.holder, name)
                if switch is not None and name == switch.steps:
                    yield RemoveEntry(entry.holder, switch.enable)


def _is_argument_for_logins(place: StepPlace, docker: JobDocker) -> bool:
    """Whether a fix may add a login at ``place``, for a job of a published orb."""
    if place.home.is_published:
        return True
    switch = login_switch(docker.job.parameters)
    names = ("pre-steps", *(() if switch is None or switch.steps is None else (switch.steps,)))
    arguments = () if docker.entry is None else entries_of(docker.entry.arguments).items()
    return any(
        name in names and resolved(entry.value) is place.sequence for name, entry in arguments
    )


def _switched_on(docker: JobDocker) -> Iterator[Operation]:
    """The operations that remove the arguments that make an orb's job log in to Docker Hub."""
    switch = login_switch(docker.job.parameters) if docker.home.is_published else None
    if switch is None or switch.steps is not None or docker.entry is None:
        return
    arguments = entries_of(docker.entry.arguments)
    for name in (switch.enable, switch.username, switch.password):
        if name in arguments:
            yield RemoveEntry(arguments[name].holder, name)


def _finding(removals: list[_LoginRemoval], obstacle: NoFix | None = None) -> Finding:
    first = removals[0]
    registry = registry_name(first.host)
    remedy: Remedy
    if obstacle is not None:
        remedy = obstacle
    elif all(removal.operations for removal in removals):
        operations = dict.fromkeys(chain.from_iterable(each.operations for each in removals))
        remedy = Fix("remove the login", tuple(operations))
    else:
        remedy = NoFix("the list has no other step", "remove the list too")
    return Finding(
        rule=PULL_BEFORE_LOGIN,
        place=first.place,
        message=f"the steps log in to {registry} with the policy's credentials",
        plural=f"jobs log in to {registry} with the policy's credentials",
        subject=first.step.name,
        owner=f"job {first.jobs[0].name}",
        effect=Effect.WARNING if obstacle is None else Effect.NOTE,
        because="",
        remedy=remedy,
        registry=normalise_host(first.host),
    )


def _serves(docker: JobDocker, place: _Place, host: str, policy: Policy) -> bool:
    """Whether a pull of ``docker`` from ``host`` uses the login of the step at ``place``."""
    return any(
        _place_of(login.moment.step) == place
        for pull in docker.pulls
        if host in hosts_to_log_in(pull, policy)
        and (login := docker.login_before(pull, host)) is not None
    )


def _means(node: Node, content: Content) -> bool:
    """Whether ``node`` is what ``content`` would be written as, apart from its style."""
    if isinstance(content, Text):
        return isinstance(node, Scalar) and node.value == content.value
    if not isinstance(content, Entries) or not isinstance(node, Mapping):
        return False
    names = [key.value if isinstance(key, Scalar) else None for key, _ in node.entries]
    return names == [name for name, _ in content.entries] and all(
        _means(value, expected)
        for (_, value), (_, expected) in zip(node.entries, content.entries, strict=True)
    )
