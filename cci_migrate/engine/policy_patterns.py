"""Which patterns of a policy match something: one that never does may be misspelt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.docker.image_patterns import image_matches
from cci_migrate.docker.registries import normalise_host
from cci_migrate.policy.settings import DEFAULT_DOCKER_HUB, Policy, RegistryPolicy


def patterns_of(policy: Policy) -> Iterator[str]:
    """The patterns of ``policy`` for images, registries and jobs, as a policy file has them."""
    yield from map(_exemption, policy.exempt_images)
    for registry in policy.registries:
        if registry.without_contexts() != DEFAULT_DOCKER_HUB.without_contexts():
            yield _table(registry)
        for job in registry.jobs:
            yield from (_match(registry, glob) for glob in job.match)


def matched_patterns(assessment: Assessment) -> frozenset[str]:
    """Those of `patterns_of` the assessment's policy that match something in its config."""
    return frozenset(_matched(assessment))


def unmatched(policy: Policy, matched: Iterable[frozenset[str]]) -> tuple[str, ...]:
    """The patterns of ``policy`` in none of ``matched``, which are from all configs of a run."""
    known = frozenset[str]().union(*matched)
    return tuple(pattern for pattern in patterns_of(policy) if pattern not in known)


def _matched(assessment: Assessment) -> Iterator[str]:
    policy, config = assessment.policy, assessment.config
    pulls = [pull for docker in assessment.dockers.all() for pull in docker.pulls]
    images = {text for pulled in assessment.images for text in pulled.image.texts}
    images.update(text for pull in pulls for text in pull.texts)
    for pattern in policy.exempt_images:
        if any(image_matches(image, pattern) for image in images):
            yield _exemption(pattern)
    hosts = {pulled.registry for pulled in assessment.images if pulled.registry is not None}
    hosts.update(normalise_host(host) for pull in pulls for host in pull.hosts)
    jobs = {*config.body.jobs, *(entry.name for entry in config.workflow_jobs)}
    for registry in {policy.registry_for(host) for host in hosts}:
        if registry is None:
            continue
        yield _table(registry)
        for job in registry.jobs:
            yield from (
                _match(registry, glob)
                for glob in job.match
                if any(fnmatchcase(name, glob) for name in jobs)
            )


def _exemption(pattern: str) -> str:
    return f'"{pattern}" in exempt-images'


def _table(registry: RegistryPolicy) -> str:
    return f'[registries."{registry.host}"]'


def _match(registry: RegistryPolicy, glob: str) -> str:
    return f'"{glob}" in match of [[registries."{registry.host}".jobs]]'
