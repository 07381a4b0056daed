"""Patterns of image names, which take all names of an image that mean the same to Docker.

https://github.com/distribution/reference (``normalize.go``) has the short names of Docker Hub.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from cci_migrate.docker.image_reference import (
    OFFICIAL,
    InvalidReference,
    masked_placeholders,
    parse_image_reference,
)
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host

_DEFAULT_TAG = ":latest"


def image_matches(image: str, pattern: str) -> bool:
    """Whether ``image`` matches ``pattern``, in which ``*`` matches any characters.

    A pattern without a tag matches every tag; ``node``, ``library/node`` and ``docker.io/node`` are
    the same. ``image`` may have placeholders, see `registry_of`.
    """
    known = normalised_pattern(pattern)
    return any(fnmatchcase(name, known) for name in _names(image))


def normalised_pattern(pattern: str) -> str:
    """``pattern`` with its host, if it has one, as `parse_image_reference` has it."""
    host, slash, path = pattern.partition("/")
    # Without a dot it is a part of a name, as in acme/p.
    return f"{normalise_host(host)}/{path}" if slash and "." in host else pattern


def without_tag(image: str) -> str:
    """``image`` without its tag and digest."""
    return _split_suffix(image)[0]


def familiar_name(image: str) -> str:
    """``image`` without its tag and digest, and as short as Docker Hub's images can be written."""
    bare = without_tag(image)
    reference = parse_image_reference(bare)
    if isinstance(reference, InvalidReference) or reference.host != DOCKER_HUB:
        return bare
    return reference.path.removeprefix(OFFICIAL)


@lru_cache(maxsize=4096)
def _names(image: str) -> frozenset[str]:
    """The names that mean ``image``, each with its tag and digest and without."""
    bare, suffix = _split_suffix(image)
    reference = parse_image_reference(bare)
    if isinstance(reference, InvalidReference):
        return frozenset({image})
    names = {f"{reference.host}/{reference.path}"}
    if reference.host == DOCKER_HUB:
        short = reference.path.removeprefix(OFFICIAL)
        paths = {reference.path} if "/" in short else {reference.path, short}
        names = paths | {f"{DOCKER_HUB}/{path}" for path in paths}
    tag = suffix.partition("@")[0]
    endings = {"", suffix, tag or suffix or _DEFAULT_TAG}
    return frozenset({image, *(name + ending for name in names for ending in endings)})


def _split_suffix(image: str) -> tuple[str, str]:
    """``image`` before its tag or digest, and from there on."""
    masked = masked_placeholders(image)
    name = masked.partition("@")[0]
    colon = name.find(":", name.rfind("/") + 1)
    end = len(name) if colon < 0 else colon
    return image[:end], image[end:]
