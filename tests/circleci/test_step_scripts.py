"""Scripts of steps, each read once for all steps in which it means the same."""

from __future__ import annotations

import pytest

from cci_migrate.circleci.step_scripts import facts
from cci_migrate.docker.shell.dialects import Dialect
from cci_migrate.docker.shell.script_reading import facts_of
from tests.docker.shell_descriptions import without_places

ENVIRONMENT = {
    "UNUSED": "x",
    "IMAGE": "alpine:3",
    "NAME": "IMAGE",
    "COMPOSE_FILE": "a.yml",
    "COMPOSE_PROFILES": "dev",
    "DOCKER_CONFIG": "/cfg",
    "HOME": "/elsewhere",
}


@pytest.mark.parametrize(
    "text",
    [
        "docker pull $IMAGE",
        "for i in ${IMAGE} b; do docker pull $i; done",
        "printenv $NAME | docker login -u me --password-stdin",
        "docker-compose up",
        "docker login -u me -p $IMAGE",
        "docker --config ~/x pull a/b",
        "./x.sh && docker pull a/b",
        "bash -c 'docker pull $IMAGE'",
    ],
)
def test_a_script_is_read_with_all_variables_that_matter_to_it(text: str) -> None:
    script = facts(text, Dialect.POSIX, ENVIRONMENT)
    assert without_places(script) == without_places(facts_of(text, Dialect.POSIX, ENVIRONMENT))
    assert script.facts


def test_a_variable_that_a_script_does_not_read_changes_nothing() -> None:
    text = "docker pull $IMAGE"
    assert facts(text, Dialect.POSIX, ENVIRONMENT) is facts(
        text, Dialect.POSIX, {"OTHER": "y", **ENVIRONMENT}
    )
    assert facts(text, Dialect.POSIX, ENVIRONMENT) is not facts(
        text, Dialect.POSIX, {**ENVIRONMENT, "IMAGE": "alpine:4"}
    )
