"""What is known of the Docker orb and its like."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.docker_orb import docker_orb, spelling_of
from tests.circleci.configs import config_of


@pytest.mark.parametrize(
    ("version", "username", "password"),
    [
        ("0.5.20", "docker-username", "docker-password"),
        ("1.4.0", "docker-username", "docker-password"),
        ("2", "docker-username", "docker-password"),
        ("2.8", "docker-username", "docker-password"),
        ("2.8.2", "docker-username", "docker-password"),
        ("3", "docker_username", "docker_password"),
        ("3.0.0", "docker_username", "docker_password"),
        ("4.0.1", "docker_username", "docker_password"),
        ("12.1", "docker_username", "docker_password"),
        ("volatile", "docker_username", "docker_password"),
    ],
)
def test_the_spelling_of_parameters(version: str, username: str, password: str) -> None:
    spelling = spelling_of(version)
    assert spelling is not None
    assert (spelling.username, spelling.password) == (username, password)


@pytest.mark.parametrize(
    "version", ["", "dev:first", "dev:3.0", "<< pipeline.parameters.v >>", "x", "v2.1", "2x"]
)
def test_versions_that_tell_nothing(version: str) -> None:
    assert spelling_of(version) is None


@pytest.mark.parametrize(
    ("orbs", "alias"),
    [
        ("{docker: circleci/docker@2}", "docker"),
        ("{node: circleci/node@5, d: circleci/docker@2}", "d"),
        ("{docker: acme/docker@2}", None),
        ("{docker: {commands: {check: {steps: []}}}}", None),
        ("{x: circleci/docker-publish@0.1}", None),
        ("", None),
    ],
)
def test_the_alias_of_the_orb(orbs: str, alias: str | None) -> None:
    found = docker_orb(config_of(f"version: 2.1\norbs: {orbs}").body.imported)
    assert (None if found is None else found.alias) == alias
