"""How much a pull in steps matters, by what it pulls and where it runs."""

from __future__ import annotations

import pytest

from cci_migrate.assessing.impact import of_anonymous_step
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.findings import Effect
from cci_migrate.policy.settings import Platform


@pytest.mark.parametrize(
    ("images", "effect"),
    [
        (["cimg/node:20"], Effect.PRECAUTION),
        (["docker.io/cimg/node:$TAG", "circleci/ruby"], Effect.PRECAUTION),
        (["registry-1.docker.io/cimg/node"], Effect.PRECAUTION),
        (["cimg/node:20", "redis"], Effect.LIMITED),
        (["acme/cimg/node"], Effect.LIMITED),
        (["cimgs/node"], Effect.LIMITED),
        # Nothing is known of what an unread script pulls.
        ([], Effect.LIMITED),
    ],
)
def test_images_of_circleci_in_steps(images: list[str], effect: Effect) -> None:
    on_cloud = of_anonymous_step(images, DOCKER_HUB, Platform.CLOUD, own_machine=False)
    assert on_cloud.effect is effect
    on_server = of_anonymous_step(images, DOCKER_HUB, Platform.SERVER, own_machine=False)
    assert on_server.effect is Effect.LIMITED
