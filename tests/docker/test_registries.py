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


IMPLICIT = {"Amazon ECR", "Google Artifact Registry"}
PUBLIC = {
    "Amazon ECR Public",
    "Microsoft Container Registry",
    "the Kubernetes registry",
    "Google's Docker Hub mirror",
    "Elastic's registry",
}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("docker.io", "Docker Hub"),
        ("Index.Docker.io", "Docker Hub"),
        ("registry.hub.docker.com", "Docker Hub"),
        ("ghcr.io", "GitHub Container Registry"),
        ("quay.io", "Quay"),
        ("gcr.io", "Google Container Registry"),
        ("eu.gcr.io", "Google Container Registry"),
        ("us.gcr.io", "Google Container Registry"),
        ("asia.gcr.io", "Google Container Registry"),
        ("europe-west4-docker.pkg.dev", "Google Artifact Registry"),
        ("us-docker.pkg.dev", "Google Artifact Registry"),
        ("mine.azurecr.io", "Azure ACR"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "Amazon ECR"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "Amazon ECR"),
        ("123456789012.dkr.ecr-fips.us-gov-1.amazonaws.com", "Amazon ECR"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "Amazon ECR"),
        ("public.ecr.aws", "Amazon ECR Public"),
        ("mcr.microsoft.com", "Microsoft Container Registry"),
        ("registry.k8s.io", "the Kubernetes registry"),
        ("k8s.gcr.io", "the Kubernetes registry"),
        ("mirror.gcr.io", "Google's Docker Hub mirror"),
        ("docker.elastic.co", "Elastic's registry"),
        ("registry.gitlab.com", "GitLab Container Registry"),
    ],
)
def test_registry_by_host(host: str, name: str) -> None:
    assert registry_at(host) == Registry(name, name in IMPLICIT, name in PUBLIC)


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
