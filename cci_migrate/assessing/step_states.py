"""What a pull in steps has of logins, and what it ought to have: registry by registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from cci_migrate.assessing.image_states import (
    Anonymous,
    Exempt,
    Mirrored,
    NotCovered,
    OnlyForForks,
    Undecided,
    without_credentials,
)
from cci_migrate.docker.login_keys import pull_key
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host
from cci_migrate.policy.settings import PasswordAuth, Policy, UnknownSteps

if TYPE_CHECKING:
    from cci_migrate.circleci.step_pulls import JobDocker, StepLogin, StepPull


#: Why a pull in `NoPassword` gets no login.
WHY_NO_LOGIN = "the policy's credentials for it only work for images under docker"


class HasLogin(Struct, frozen=True):
    """A login to the registry has always happened before it."""

    login: StepLogin


class ToBeMirrored(Struct, frozen=True):
    """It pulls from Docker Hub without a login, and should pull from the mirror of it."""

    mirror: str


class NoPassword(Struct, frozen=True):
    """It has no login, and the policy's credentials for its registry are none to log in with."""


StepState = (
    HasLogin
    | Anonymous
    | NoPassword
    | ToBeMirrored
    | Mirrored
    | Undecided
    | NotCovered
    | Exempt
    | OnlyForForks
)


def step_states(
    docker: JobDocker,
    pull: StepPull,
    policy: Policy,
    mirrored: frozenset[StepPull],
    *,
    only_for_forks: bool,
) -> Iterator[tuple[str | None, StepState]]:
    """The state of ``pull`` for each registry, by `pull_key`; None: images that are unknown.

    The pulls in ``mirrored`` are to come from the policy's mirror of Docker Hub: they have a state
    for that too. ``only_for_forks``: only builds of forks run it.
    """
    hosts = set(hosts_to_log_in(pull, policy))
    if policy.mirror is not None and pull in mirrored:
        hosts.add(policy.mirror.host)
    for host in sorted(hosts):
        login = docker.login_before(pull, host)
        if login is not None:
            yield host, HasLogin(login)
        elif only_for_forks:
            yield host, OnlyForForks()
        else:
            yield host, _without_login(pull, host, policy)
    if pull.undecided is not None:
        yield None, OnlyForForks() if only_for_forks else Undecided(pull.undecided)


def hosts_to_log_in(pull: StepPull, policy: Policy) -> frozenset[str]:
    """The registries of ``pull``; if they are unknown, Docker Hub too if the policy says so."""
    is_known = pull.undecided is None or pull.ignores_logins
    if is_known or policy.unknown_steps is not UnknownSteps.LOGIN:
        return pull.hosts
    return pull.hosts | {DOCKER_HUB}


def _without_login(pull: StepPull, host: str, policy: Policy) -> StepState:
    texts = [text for text in pull.texts if pull_key(text) == host]
    if texts and all(map(policy.exempts, texts)):
        return Exempt()
    if policy.mirror is not None and normalise_host(host) == DOCKER_HUB:
        return ToBeMirrored(policy.mirror.host)
    registry = policy.registry_for(host)
    if registry is None:
        return without_credentials(host, policy, in_steps=True)
    return Anonymous(host) if isinstance(registry.credential, PasswordAuth) else NoPassword()
