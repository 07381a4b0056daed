"""Which scripts install Docker's client."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.docker_client import installs_client


@pytest.mark.parametrize(
    "script",
    [
        "apk add docker",
        "apk --no-cache add curl docker-cli=25.0.5-r1 jq",
        "sudo apt-get -qq update && sudo apt-get install -y docker.io",
        "apt-get install -y \\\n  git \\\n  docker-ce-cli",
        "yum -y install docker",
        "curl -fsSL https://get.docker.com | sh",
        "curl -L https://download.docker.com/linux/static/stable/x86_64/docker-25.0.3.tgz | tar xz",
    ],
)
def test_it_does(script: str) -> None:
    assert installs_client(script)


@pytest.mark.parametrize(
    "script",
    [
        "docker pull redis",
        "apk add docker-compose",
        "pip install docker",
        "apt-get install -y curl; docker pull redis",
        "apk add git\ndocker run alpine add docker",
        "echo docker | apt-get remove docker",
        "curl https://docs.docker.com/install",
    ],
)
def test_it_does_not(script: str) -> None:
    assert not installs_client(script)
