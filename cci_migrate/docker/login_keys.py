"""The keys under which Docker's client stores a login, and which of them a pull reads.

The client has one key for Docker Hub, here ``docker.io``. A login without a server, or to
``docker.io`` or ``https://index.docker.io/v1/``, writes it; images without a host, and of
``docker.io`` and ``index.docker.io``, read it. To the client, any other address of Docker Hub is a
registry of its own (https://github.com/docker/cli, tried with 28.2.2).
"""

from __future__ import annotations

from cci_migrate.docker.image_reference import Undecidable, registry_of
from cci_migrate.docker.registries import DOCKER_HUB, OTHER_HUB_HOSTS, host_in

#: The address under which Docker keeps the login to Docker Hub.
HUB_SERVER = "https://index.docker.io/v1/"
_HUB_SERVERS = frozenset({"", DOCKER_HUB, HUB_SERVER})


def login_key(server: str | None) -> str:
    """The key of a login to ``server``, as passed to ``docker login``; None means no server."""
    server = (server or "").strip()
    if server in _HUB_SERVERS:
        return DOCKER_HUB
    host = host_in(server)
    # `docker.io/acme` and `https://docker.io` are stored under a key that no pull reads.
    return server if host == DOCKER_HUB else host


def written_key(key: str) -> str:
    """The `login_key` for ``key``, a key of ``auths`` in a ``config.json``.

    There, Docker Hub's only key is its full address.
    """
    return f"{key}/" if key in _HUB_SERVERS and "://" not in key else login_key(key)


def pull_key(image: str) -> str | Undecidable:
    """The key that a pull of ``image``, which may contain placeholders, reads."""
    host = registry_of(image)
    if host != DOCKER_HUB:
        return host
    written = image.partition("/")[0].lower()
    return written if written in OTHER_HUB_HOSTS else DOCKER_HUB
