"""What a host tells of its registry."""

from __future__ import annotations

import pytest
from hypothesis import given

from cci_migrate.docker.registries import (
    RegistryKind,
    host_matches,
    registry_at,
    registry_named_by_variable,
)
from tests.any_text import TEXTS


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.com",
        "docker.io.example.com",
        "notdocker.io",
        "xgcr.io",
        "fr.gcr.io",
        "docker.pkg.dev",
        "azurecr.io",
        "dkr.ecr.eu-west-1.amazonaws.com",
        "123.dkr.ecr.eu-west-1.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "localhost:5000",
        "ghcr.io:5000",
    ],
)
def test_is_no_registry_we_know(host: str) -> None:
    assert registry_at(host).kind is RegistryKind.OTHER


@pytest.mark.parametrize(
    ("host", "kind", "implicit", "public_only"),
    [
        ("docker.io", "docker-hub", False, False),
        ("Index.Docker.io", "docker-hub", False, False),
        ("registry.hub.docker.com", "docker-hub", False, False),
        ("ghcr.io", "ghcr", False, False),
        ("quay.io", "quay", False, False),
        ("gcr.io", "gcr", False, False),
        ("eu.gcr.io", "gcr", False, False),
        ("us.gcr.io", "gcr", False, False),
        ("asia.gcr.io", "gcr", False, False),
        ("europe-west4-docker.pkg.dev", "artifact-registry", True, False),
        ("us-docker.pkg.dev", "artifact-registry", True, False),
        ("mine.azurecr.io", "acr", False, False),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr", True, False),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "ecr", True, False),
        ("123456789012.dkr.ecr-fips.us-gov-1.amazonaws.com", "ecr", True, False),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "ecr", True, False),
        ("public.ecr.aws", "ecr-public", False, True),
        ("mcr.microsoft.com", "mcr", False, True),
        ("registry.k8s.io", "registry-k8s", False, True),
        ("k8s.gcr.io", "registry-k8s", False, True),
        ("mirror.gcr.io", "mirror-gcr", False, True),
        ("docker.elastic.co", "elastic", False, True),
        ("registry.gitlab.com", "gitlab", False, False),
    ],
)
def test_registry_by_host(host: str, kind: str, implicit: bool, public_only: bool) -> None:
    registry = registry_at(host)
    assert registry.kind.value == kind
    assert registry.implicit_credentials is implicit
    assert registry.public_only is public_only
    assert registry.name


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("docker.io", "ghcr.io", False),
        ("*.azurecr.io", "azurecr.io", False),
        ("quay.io", "xquay.io", False),
        ("quay.io", "quay.io.example.com", False),
        ("quay?io", "quay.io", False),
        ("[q]uay.io", "quay.io", False),
        ("docker.io", "docker.io", True),
        ("docker.io", "index.docker.io", True),
        ("registry-1.docker.io", "docker.io", True),
        ("*.azurecr.io", "Mine.AzureCR.io", True),
        ("*.dkr.ecr.*.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", True),
        ("*", "anything:5000", True),
        ("registry.example.com:*", "registry.example.com:5000", True),
    ],
)
def test_host_patterns(pattern: str, host: str, matches: bool) -> None:
    assert host_matches(pattern, host) is matches


@pytest.mark.parametrize(
    "name",
    [
        "",
        "DOCKER_USER",
        "DOCKER_PASS",
        "DOCKER_PASSWORD",
        "DOCKER_LOGIN",
        "DH_PASSWORD",
        "PASSWORD",
        "GITHUB_TOKEN",
        "REGISTRY_PASSWORD",
        "GCP_KEY",
        "ACRONYM",
        "AWSOME",
        "DOCKER_HUBOT_TOKEN",
        "GHCR_OR_QUAY_TOKEN",
        "HUB_TOKEN",
    ],
)
def test_variable_names_no_registry(name: str) -> None:
    assert registry_named_by_variable(name) is None


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("DOCKERHUB_PASSWORD", "docker.io"),
        ("DOCKER_HUB_TOKEN", "docker.io"),
        ("dockerHubPassword", "docker.io"),
        ("MY_DOCKERHUB_USER", "docker.io"),
        ("DOCKERHUBPASS", "docker.io"),
        ("DOCKER_IO_USER", "docker.io"),
        ("QUAY_PASSWORD", "quay.io"),
        ("QUAY_IO_PASSWORD", "quay.io"),
        ("GHCR_TOKEN", "ghcr.io"),
        ("CR_PAT", "ghcr.io"),
        ("GCR_KEY", "eu.gcr.io"),
        ("GAR_KEY", "europe-docker.pkg.dev"),
        ("ACR_PASSWORD", "mine.azurecr.io"),
        ("AWS_SECRET_ACCESS_KEY", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
        ("ECR_PASSWORD", "123456789012.dkr.ecr-fips.us-gov-1.amazonaws.com"),
    ],
)
def test_variable_names_a_registry(name: str, host: str) -> None:
    pattern = registry_named_by_variable(name)
    assert pattern is not None
    assert host_matches(pattern, host)
    assert not host_matches(pattern, "registry.example.com")


@given(TEXTS, TEXTS)
def test_takes_any_text(pattern: str, host: str) -> None:
    registry_at(host)
    host_matches(pattern, host)
    registry_named_by_variable(host)
