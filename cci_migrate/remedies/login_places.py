"""The places in a job's steps for a login, and which pulls one there serves."""

from __future__ import annotations

from collections.abc import Iterator

from cci_migrate.circleci.docker_client import client_installed_at
from cci_migrate.circleci.docker_daemon import Daemon
from cci_migrate.circleci.step_moments import Moment
from cci_migrate.circleci.step_pulls import JobDocker, StepPull
from cci_migrate.circleci.steps import StepPlace, sets_up_docker


def login_places(
    docker: JobDocker, moment: Moment, pull: Moment, *, only_where_it_pulls: bool
) -> Iterator[StepPlace]:
    """The places for a login for ``pull`` before ``moment``, the best first.

    The best is directly before the job's own step of that moment, or inside the list of steps
    (of a command, of a condition) in which remote Docker is set up. Next are places nearer to the
    job (a login needs no daemon), then places nearer to the pull. ``only_where_it_pulls``: only
    those under the conditions of the pull.
    """
    path = moment.step.path
    best = 0
    if docker.daemon is Daemon.REMOTE:
        setup = _setup_before(docker, moment.order)
        while (
            best + 1 < min(len(path), len(setup))
            and path[best].sequence is setup[best].sequence
            and path[best].index == setup[best].index
        ):
            best += 1
    for depth in (best, *range(best - 1, -1, -1), *range(best + 1, len(path))):
        if not only_where_it_pulls or path[depth].guards == pull.step.guards:
            yield path[depth]


def has_client(docker: JobDocker, place: StepPlace) -> bool:
    """Whether Docker's client is there for a login at ``place``."""
    installed = client_installed_at(docker)
    return installed is None or order_of(docker, place) > installed


def order_of(docker: JobDocker, place: StepPlace) -> int:
    """The index of the first step of the job that runs after a login at ``place``."""
    return next(
        order
        for order, step in enumerate(docker.steps)
        for other in step.path
        if other.sequence is place.sequence and other.index >= place.index
    )


def _setup_before(docker: JobDocker, order: int) -> tuple[StepPlace, ...]:
    places = [step.path for step in docker.steps[: order + 1] if sets_up_docker(step)]
    return places[-1] if places else ()


def covers(login: StepPlace, docker: JobDocker, pull: StepPull, host: str) -> bool:
    """Whether a login to ``host`` inserted at ``login`` serves ``pull``: it always runs before it.

    And no step between them logs out.
    """
    logged_out_at = docker.logged_out_at(pull, host)
    if logged_out_at is not None and order_of(docker, login) <= logged_out_at:
        return False
    return any(
        place.sequence is login.sequence
        and place.index >= login.index
        and place.guards <= pull.moment.step.guards
        for step in docker.steps[: pull.moment.order + 1]
        for place in step.path
    )
