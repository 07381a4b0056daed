"""Patterns of images know the names that mean the same to Docker."""

from __future__ import annotations

import pytest

from cci_migrate.docker.image_patterns import image_matches

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("image", "patterns"),
    [
        ("acme/p:1", "acme/p acme/p:1 acme/* docker.io/acme/* index.docker.io/acme/p *"),
        ("docker.io/acme/p:1", "acme/p acme/p:1 acme/* registry-1.docker.io/acme/p:1"),
        (
            "node:22",
            "node node:22 node:* library/node library/* docker.io/library/*",
        ),
        ("node", "node node:latest docker.io/library/node:latest"),
        (f"node:22@{DIGEST}", f"node node:22 node:22@{DIGEST} docker.io/node:22"),
        (f"node@{DIGEST}", f"node node@{DIGEST}"),
        ("quay.io/acme/p:1", "quay.io/acme/p quay.io/* QUAY.io/acme/p:1 quay.io/acme/p:*"),
        ("localhost:5000/p:1", "localhost:5000/p localhost:5000/*"),
        ("acme/p:<< parameters.tag >>", "acme/p docker.io/acme/p acme/p:*"),
        ("acme/<< parameters.name >>", "acme/*"),
    ],
)
def test_an_image_matches(image: str, patterns: str) -> None:
    missed = [pattern for pattern in patterns.split() if not image_matches(image, pattern)]
    assert not missed


@pytest.mark.parametrize(
    ("image", "patterns"),
    [
        ("acme/p:1", "p acme acme/p:2 acme/p:1.0 quay.io/acme/p library/* library/p"),
        ("quay.io/acme/p:1", "acme/p acme/* docker.io/*"),
        ("node:22", "node:latest node:2 nodes */node:21"),
        ("acme/node", "node library/node"),
        ("acme/<< parameters.name >>", "acme/p docker.io/acme/p"),
        (f"node@{DIGEST}", "node:latest"),
    ],
)
def test_an_image_does_not_match(image: str, patterns: str) -> None:
    matched = [pattern for pattern in patterns.split() if image_matches(image, pattern)]
    assert not matched
