"""What a host tells of its registry."""

from __future__ import annotations

import pytest
from hypothesis import given

from cci_migrate.docker.registries import (
    OTHER_REGISTRY,
    Registry,
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
    assert registry_at(host) is OTHER_REGISTRY


@pytest.mark.parametrize(
    ("host", "name", "implicit", "public_only"),
    [
        ("docker.io", "Docker Hub", False, False),
        ("Index.Docker.io", "Docker Hub", False, False),
        ("registry.hub.docker.com", "Docker Hub", False, False),
        ("ghcr.io", "GitHub Container Registry", False, False),
        ("quay.io", "Quay", False, False),
        ("gcr.io", "Google Container Registry", False, False),
        ("eu.gcr.io", "Google Container Registry", False, False),
        ("us.gcr.io", "Google Container Registry", False, False),
        ("asia.gcr.io", "Google Container Registry", False, False),
        ("europe-west4-docker.pkg.dev", "Google Artifact Registry", True, False),
        ("us-docker.pkg.dev", "Google Artifact Registry", True, False),
        ("mine.azurecr.io", "Azure ACR", False, False),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "Amazon ECR", True, False),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "Amazon ECR", True, False),
        ("123456789012.dkr.ecr-fips.us-gov-1.amazonaws.com", "Amazon ECR", True, False),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "Amazon ECR", True, False),
        ("public.ecr.aws", "Amazon ECR Public", False, True),
        ("mcr.microsoft.com", "Microsoft Container Registry", False, True),
        ("registry.k8s.io", "the Kubernetes registry", False, True),
        ("k8s.gcr.io", "the Kubernetes registry", False, True),
        ("mirror.gcr.io", "Google's Docker Hub mirror", False, True),
        ("docker.elastic.co", "Elastic's registry", False, True),
        ("registry.gitlab.com", "GitLab Container Registry", False, False),
    ],
)
def test_registry_by_host(host: str, name: str, implicit: bool, public_only: bool) -> None:
    registry = registry_at(host)
    assert registry == Registry(name, implicit, public_only)


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
