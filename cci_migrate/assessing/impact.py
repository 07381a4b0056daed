"""How much a pull without credentials matters on the platform where it runs.

Docker Hub's limits: https://docs.docker.com/docker-hub/usage/. Who is exempt on CircleCI:
https://support.circleci.com/hc/en-us/articles/360050623311 (Docker Hub rate limiting FAQ) and
https://circleci.com/docs/guides/execution-managed/private-images/.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.circleci.images import PulledImage
from cci_migrate.docker.registries import DOCKER_HUB, NAMES_OF_PATTERNS, normalise_host, registry_at
from cci_migrate.findings import Effect
from cci_migrate.policy.settings import Platform

#: Prefixes of the images that CircleCI publishes. Its FAQ of 2020 exempts them in steps: "Remote
#: Docker and Machine Executors will be impacted by the rate limiting unless pulling
#: CircleCI-published images". Its post of 2025 names no exception for remote Docker:
#: https://discuss.circleci.com/t/docker-hub-rate-limiting-customer-impact-and-solutions/53017.
_OF_CIRCLECI = ("cimg/", "circleci/")


class Impact(Struct, frozen=True):
    """How much a finding matters, and why, in one or two sentences."""

    effect: Effect
    because: str


def registry_name(host: str) -> str:
    """The usual name of the registry at ``host``: ``Docker Hub``, otherwise the host itself.

    ``host`` may be a pattern of `registry_named_by_variable`.
    """
    return "Docker Hub" if host == DOCKER_HUB else NAMES_OF_PATTERNS.get(host, host)


def runs_on_own_machines(image: PulledImage) -> bool:
    """Whether a job or executor with this image runs on a self-hosted runner.

    A resource class with a slash is one: https://circleci.com/docs/guides/execution-runner/.
    """
    return any("/" in (owner.executor.resource_class or "") for owner in image.owners)


def of_anonymous_image(image: PulledImage, host: str, platform: Platform) -> Impact:
    """The impact of an image that a Docker executor pulls from ``host`` without credentials."""
    if host != DOCKER_HUB:
        return Impact(
            Effect.WARNING,
            f"The policy has credentials for {registry_at(host).name} that the image doesn't use.",
        )
    if runs_on_own_machines(image):
        platform = Platform.RUNNER
    match platform:
        case Platform.CLOUD:
            return Impact(
                Effect.PRECAUTION,
                "CircleCI Cloud pulls with its own account, which isn't limited today. Use yours "
                "for private images, on Server, or before that ends; its own limits apply (paid: "
                "none; else 200 pulls in 6 hours).",
            )
        case Platform.SERVER:
            return Impact(
                Effect.LIMITED,
                "On CircleCI Server the pull is anonymous: Docker Hub allows 100 per address in "
                "6 hours.",
            )
        case Platform.RUNNER:
            return Impact(
                Effect.LIMITED,
                "A self-hosted runner pulls anonymously from your own address: Docker Hub allows "
                "100 pulls in 6 hours. A container runner also needs imagePullSecrets.",
            )
        case _:
            assert_never(platform)


def of_anonymous_step(
    images: Iterable[str], host: str, platform: Platform, *, own_machine: bool
) -> Impact:
    """The impact of ``images`` that a step pulls from ``host`` without a login.

    ``own_machine``: the job runs on a self-hosted runner.
    """
    if normalise_host(host) != DOCKER_HUB:
        return Impact(
            Effect.WARNING,
            f"The policy has credentials for {registry_at(host).name} that the step doesn't use.",
        )
    if own_machine:
        platform = Platform.RUNNER
    names = tuple(images)
    match platform:
        case Platform.CLOUD if names and all(map(_is_of_circleci, names)):
            return Impact(
                Effect.PRECAUTION,
                "On CircleCI Cloud, CircleCI's own images are exempt from Docker Hub's limits (its "
                "FAQ of 2020); with a login, the limits of your account apply.",
            )
        case Platform.CLOUD:
            return Impact(
                Effect.LIMITED,
                "Machine executors and remote Docker pull from addresses that many builds share: "
                "Docker Hub allows each address 100 anonymous pulls in 6 hours.",
            )
        case Platform.SERVER | Platform.RUNNER:
            return Impact(
                Effect.LIMITED,
                "The pull is anonymous: Docker Hub allows 100 per address in 6 hours.",
            )
        case _:
            assert_never(platform)


def _is_of_circleci(image: str) -> bool:
    """Whether ``image``, of Docker Hub, is one that CircleCI publishes."""
    first, _, rest = image.partition("/")
    path = rest if "." in first else image
    return path.startswith(_OF_CIRCLECI)
