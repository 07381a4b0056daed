"""The oracle's reading of image references, from Docker's grammar."""

from __future__ import annotations

import pytest

from tests.oracle.image_registry import UNKNOWN, registry_of


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("ubuntu:22.04", "docker.io"),
        ("cimg/go:1.22", "docker.io"),
        ("localhost:5000", "docker.io"),
        ("localhost/app", "localhost"),
        ("localhost:5000/app", "localhost:5000"),
        ("docker.io/library/redis", "docker.io"),
        ("index.docker.io/acme/app", "docker.io"),
        ("registry-1.docker.io/acme/app@sha256:0", "docker.io"),
        ("quay.io/acme/app", "quay.io"),
        ("Acme/app", "acme"),
        ("1.dkr.ecr.us-east-1.amazonaws.com/app:1", "1.dkr.ecr.us-east-1.amazonaws.com"),
        (f"cimg/{UNKNOWN}", "docker.io"),
        (f"cimg/go:{UNKNOWN}", "docker.io"),
        (f"{UNKNOWN}/go:1", None),
        (UNKNOWN, None),
        ("$REGISTRY/app", None),
        ("", None),
    ],
)
def test_registry(image: str, registry: str | None) -> None:
    assert registry_of(image) == registry
