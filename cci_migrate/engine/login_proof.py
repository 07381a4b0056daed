"""Clause 7 of the proof: a login that was added serves its pulls, and replaces no other account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cci_migrate.assessing.step_assessment import login_route
from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.findings import FindingState
from cci_migrate.rule_ids import PULL_BEFORE_LOGIN

if TYPE_CHECKING:
    from cci_migrate.circleci.step_pulls import JobDocker, StepLogin
    from cci_migrate.engine.planning import Plan
    from cci_migrate.engine.proof import Reading


def login_too_late(done: Plan, after: Iterable[JobDocker]) -> str | None:
    """Which job pulls before the login that ``done`` says it adds."""
    promised = {
        (resolution.finding.place.route, resolution.finding.registry)
        for resolution in done.resolutions
        if resolution.state is FindingState.FIXED and resolution.finding.rule == PULL_BEFORE_LOGIN
    }
    for docker in after:
        for pull in docker.pulls:
            for host in pull.hosts:
                is_promised = (login_route(docker.job, host), host) in promised
                if is_promised and docker.login_before(pull, host) is None:
                    return f"{docker.job.route} still runs {pull.command} before a login to {host}"
    return None


def account_replaced(before: Reading, after: Reading) -> str | None:
    """Which job would log in with another account than today where it does so already.

    Of two logins to a registry the later counts: what is added must not come after one that may be
    to the same registry with other credentials, for the pushes behind it need those.
    """
    old = _by_route(before)
    for route, docker in _by_route(after).items():
        known = old.get(route)
        earlier: list[StepLogin] = []
        waiting = [] if known is None else [_account(login) for login in known.logins]
        for login in docker.logins:
            if waiting and _account(login) == waiting[0]:
                del waiting[0]
                earlier.append(login)
                continue
            for host in login.registries:
                others = [other for other in earlier if other.may_be_to(host)]
                unread = docker.unread_login_before(login.moment.order)
                if (unread is not None and host == DOCKER_HUB) or any(
                    _account(other)[1:] != _account(login)[1:] for other in others
                ):
                    return f"{route} would no longer use the account of its login to {host}"
    return None


def _by_route(reading: Reading) -> Mapping[str, JobDocker]:
    """What each workflow job does with Docker; a job's own route where no workflow runs it."""
    idle = (docker for docker in reading.dockers if docker.entry is None)
    return {**{docker.job.route: docker for docker in idle}, **reading.docker_of}


def _account(login: StepLogin) -> tuple[tuple[str, ...], str | None, str | None]:
    return login.registries, login.username, login.password
