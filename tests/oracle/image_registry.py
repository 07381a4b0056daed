"""Which registry an image comes from, in one function written from Docker's grammar.

A second, deliberately small, opinion beside the project's own.
"""

from __future__ import annotations

DOCKER_HUB = "docker.io"
HUB_HOSTS = frozenset(
    {
        DOCKER_HUB,
        "index.docker.io",
        "registry-1.docker.io",
        "registry.hub.docker.com",
        "hub.docker.com",
    }
)
#: Stands for a part of an image's name that is not known.
UNKNOWN = "\0"


def registry_of(image: str) -> str | None:
    """The host that ``image`` is pulled from, None where its first part cannot be told."""
    first, slash, _ = image.strip().partition("/")
    if not slash:
        name = first.split("@")[0].split(":")[0]
        # An unknown that begins the name may hold a host and a path of its own.
        return None if not name or UNKNOWN in name or "$" in name else DOCKER_HUB
    if UNKNOWN in first or "$" in first or not first:
        return None
    is_host = first == "localhost" or any(c in ".:" or c.isupper() for c in first)
    if not is_host:
        return DOCKER_HUB
    return DOCKER_HUB if first.lower() in HUB_HOSTS else first.lower()
