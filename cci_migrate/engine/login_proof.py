"""LOGINS: a login that was added serves its pulls, and replaces no other account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cci_migrate.assessing.step_assessment import login_route
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.engine.planning import Plan
from cci_migrate.engine.proof_side import ProofSide
from cci_migrate.rules.catalogue import rules_providing
from cci_migrate.rules.rule import Provision

if TYPE_CHECKING:
    from cci_migrate.circleci.step_pulls import JobDocker, StepLogin


def login_too_late(done: Plan, after: Iterable[JobDocker]) -> str | None:
    """Which job pulls before the login that ``done`` says it adds, or does not find it."""
    from cci_migrate.circleci.docker_client import client_installed_at

    rules = rules_providing(Provision.LOGIN)
    promised = {finding.place.route for finding in done.fixed_findings if finding.rule in rules}
    for docker in after:
        for pull in docker.pulls:
            for host in pull.hosts:
                route = login_route(docker, host, pull.config)
                if route not in promised:
                    continue
                login = docker.login_before(pull, host)
                if login is None:
                    return f"{docker.job.route} still runs {pull.command} before a login to {host}"
                installed = client_installed_at(docker)
                if installed is not None and login.moment.order < installed <= pull.moment.order:
                    return f"{docker.job.route} logs in to {host} before it has Docker's client"
    return None


def account_replaced(before: ProofSide, after: ProofSide) -> str | None:
    """Which job would log in with another account than today where it does so already.

    Of two logins to a registry the later counts: what is added must not come after one that may be
    to the same registry with other credentials, for the pushes behind it need those.
    """
    old = _by_route(before)
    for route, docker in _by_route(after).items():
        known = old.get(route)
        earlier: list[StepLogin] = []
        waiting = [] if known is None else list(known.logins)
        for login in docker.logins:
            is_old = bool(waiting) and _account(login) == _account(waiting[0])
            if not is_old or login.keys != waiting[0].keys:
                host = _replaced(login, earlier, docker)
                if host is not None:
                    return f"{route} would no longer use the account of its login to {host}"
            if is_old:
                del waiting[0]
                earlier.append(login)
    return None


def _replaced(login: StepLogin, earlier: list[StepLogin], docker: JobDocker) -> str | None:
    """The registry whose account ``login``, new or with another key, replaces."""
    from cci_migrate.circleci.step_pulls import is_same_config

    unread = docker.unread_login_before(login.moment.order)
    for host in login.keys:
        if unread is not None and host == DOCKER_HUB:
            return host
        for other in earlier:
            is_in_place = other.may_be_to(host) and is_same_config(other.config, login.config)
            if is_in_place and _account(other)[1:] != _account(login)[1:]:
                return host
    return None


def _by_route(side: ProofSide) -> Mapping[str, JobDocker]:
    """What each workflow job does with Docker; a job's own route where no workflow runs it."""
    idle = (docker for docker in side.dockers if docker.entry is None)
    return {**{docker.job.route: docker for docker in idle}, **side.docker_of}


def _account(login: StepLogin) -> tuple[tuple[str, ...], str | None, str | None]:
    return login.registries, login.username, login.password
