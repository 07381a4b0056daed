"""What the host of a registry says about it.

CircleCI's credential forms for images are described at
https://circleci.com/docs/guides/execution-managed/private-images/: ``auth`` is for any registry
that accepts a user name and a password, ``aws_auth`` for Amazon ECR, ``gcp_auth`` for Google
Artifact Registry.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache, partial
from itertools import pairwise

from msgspec import Struct

from cci_migrate.lazy_patterns import lazy_pattern

#: Docker Hub as this package names it.
DOCKER_HUB = "docker.io"
#: Docker Hub's hosts that Docker's client takes for registries of their own, with their own keys.
OTHER_HUB_HOSTS = frozenset({"registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"})
#: All hosts that are Docker Hub. The client's library normalises ``index.docker.io`` alone; the
#: others reach the same registry and are what people write in logins and image names.
DOCKER_HUB_HOSTS = OTHER_HUB_HOSTS | {DOCKER_HUB, "index.docker.io"}


class CredentialForm(Enum):
    """A key of an image with its credentials; the value is the key."""

    AUTH = "auth"
    AWS_AUTH = "aws_auth"
    GCP_AUTH = "gcp_auth"


class Registry(Struct, frozen=True):
    """The service that runs a registry, by its name, and how its images are authenticated.

    ``implicit_credentials``: CircleCI reads its credentials from project or context variables
    without any key on the image, so that no key means unknown, not unauthenticated.
    ``public_only``: it has only public images, and nobody logs in to pull.
    """

    name: str
    implicit_credentials: bool = False
    public_only: bool = False


AMAZON_ECR = Registry("Amazon ECR", implicit_credentials=True)
GOOGLE_ARTIFACT_REGISTRY = Registry("Google Artifact Registry", implicit_credentials=True)
_GOOGLE_CONTAINER_REGISTRY = Registry("Google Container Registry")
_AZURE_ACR = Registry("Azure ACR")
OTHER_REGISTRY = Registry("another registry")

# The host patterns of the clouds:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
# https://docs.aws.amazon.com/general/latest/gr/ecr.html (FIPS and China endpoints)
# https://cloud.google.com/artifact-registry/docs/docker/names
# https://learn.microsoft.com/azure/container-registry/container-registry-get-started-portal
_PUBLIC = partial(Registry, public_only=True)
_BY_HOST = tuple(
    (lazy_pattern(pattern), registry)
    for pattern, registry in (
        ("|".join(map(re.escape, sorted(DOCKER_HUB_HOSTS))), Registry("Docker Hub")),
        (r"ghcr\.io", Registry("GitHub Container Registry")),
        (r"quay\.io", Registry("Quay")),
        (r"(?:(?:us|eu|asia)\.)?gcr\.io", _GOOGLE_CONTAINER_REGISTRY),
        (r"[a-z0-9-]+-docker\.pkg\.dev", GOOGLE_ARTIFACT_REGISTRY),
        (r"[a-z0-9-]+\.azurecr\.(?:io|cn|us)", _AZURE_ACR),
        (
            r"[0-9]{12}\.dkr(?:\.ecr(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"
            r"|-ecr(?:-fips)?\.[a-z0-9-]+\.on\.(?:aws|amazonwebservices\.com\.cn))",
            AMAZON_ECR,
        ),
        (r"public\.ecr\.aws", _PUBLIC("Amazon ECR Public")),
        (r"mcr\.microsoft\.com", _PUBLIC("Microsoft Container Registry")),
        (r"registry\.k8s\.io|k8s\.gcr\.io", _PUBLIC("the Kubernetes registry")),
        (r"docker\.elastic\.co", _PUBLIC("Elastic's registry")),
        (r"mirror\.gcr\.io", _PUBLIC("Google's Docker Hub mirror")),
        (r"registry\.gitlab\.com", Registry("GitLab Container Registry")),
    )
)

_ECR_PATTERN = "*.dkr*ecr*"
_GCR_PATTERN = "*gcr.io"
_ARTIFACT_PATTERN = "*-docker.pkg.dev"
_ACR_PATTERN = "*.azurecr.io"
#: What people call the registries of these patterns.
NAMES_OF_PATTERNS = {
    _ECR_PATTERN: AMAZON_ECR.name,
    _GCR_PATTERN: _GOOGLE_CONTAINER_REGISTRY.name,
    _ARTIFACT_PATTERN: GOOGLE_ARTIFACT_REGISTRY.name,
    _ACR_PATTERN: _AZURE_ACR.name,
}
#: The registries for whose images CircleCI takes a form of credentials; any other form fits all.
_OF_FORM = {
    CredentialForm.AWS_AUTH: (_ECR_PATTERN, {AMAZON_ECR}),
    CredentialForm.GCP_AUTH: (
        _ARTIFACT_PATTERN,
        {GOOGLE_ARTIFACT_REGISTRY, _GOOGLE_CONTAINER_REGISTRY},
    ),
}

#: The registry that a word in a variable's name refers to.
_BY_WORD = {
    "QUAY": "quay.io",
    "QUAYIO": "quay.io",
    "GHCR": "ghcr.io",
    "GCR": _GCR_PATTERN,
    "GAR": _ARTIFACT_PATTERN,
    "ACR": _ACR_PATTERN,
    "AZURECR": _ACR_PATTERN,
    "AWS": _ECR_PATTERN,
    "ECR": _ECR_PATTERN,
    "DOCKERIO": DOCKER_HUB,
}
#: The same for two adjacent words.
_BY_TWO_WORDS = {
    ("DOCKER", "HUB"): DOCKER_HUB,
    ("DOCKER", "IO"): DOCKER_HUB,
    # The name GitHub's own manual uses for a ghcr.io token.
    ("CR", "PAT"): "ghcr.io",
}
_WORD = lazy_pattern(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])|[A-Z]")


def normalise_host(host: str) -> str:
    """``host`` in lower case, or ``docker.io`` for any name of Docker Hub.

    Accepts what people write in a login too: a scheme before the host and a path after it are
    dropped (``https://index.docker.io/v1/`` is Docker Hub's key in ``config.json``).
    """
    bare = host_in(host)
    return DOCKER_HUB if bare in DOCKER_HUB_HOSTS else bare


def host_in(address: str) -> str:
    """The host in ``address``, in lower case, without a scheme before and a path after it."""
    host = address.strip().lower().removeprefix("https://").removeprefix("http://")
    return host.partition("/")[0]


@lru_cache(maxsize=1024)
def registry_at(host: str) -> Registry:
    """The registry at ``host``, in any case and under any name; `OTHER_REGISTRY` if unknown."""
    normalised = normalise_host(host)
    return next(
        (registry for pattern, registry in _BY_HOST if pattern.fullmatch(normalised)),
        OTHER_REGISTRY,
    )


def registry_of_form(form: CredentialForm, host: str) -> str | None:
    """The registry that ``form`` is for, as a pattern, if it is not that at ``host``.

    None where ``host`` is unknown: it may be a name of that registry.
    """
    registry = registry_at(host)
    pattern, registries = _OF_FORM.get(form, ("", {registry}))
    return None if registry in registries or registry is OTHER_REGISTRY else pattern


@lru_cache(maxsize=1024)
def host_matches(pattern: str, host: str) -> bool:
    """Whether the registry ``host`` matches ``pattern``, where ``*`` matches any characters.

    Ignores case, and treats all names of Docker Hub as equal.
    """
    return is_like(normalise_host(host), normalise_host(pattern))


def is_like(host: str, pattern: str) -> bool:
    """Whether ``host`` matches ``pattern`` as written. Linear: a regex would backtrack."""
    first, *others = pattern.split("*")
    if not others:
        return host == pattern
    *middle, last = others
    if len(host) < len(first) + len(last) or not (host.startswith(first) and host.endswith(last)):
        return False
    at, end = len(first), len(host) - len(last)
    for part in middle:
        at = host.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


@lru_cache(maxsize=4096)
def registry_named_by_variable(name: str) -> str | None:
    """The registry that a variable's name refers to, as a pattern for `host_matches`.

    ``name`` is the bare name, without ``$``. None if it refers to no registry
    (``DOCKER_PASSWORD``) or to several.
    """
    words = [word.upper() for word in _WORD.findall(name)]
    named = {_BY_WORD[word] for word in words if word in _BY_WORD}
    named |= {_BY_TWO_WORDS[pair] for pair in pairwise(words) if pair in _BY_TWO_WORDS}
    named |= {DOCKER_HUB for word in words if word.startswith("DOCKERHUB")}
    return named.pop() if len(named) == 1 else None
