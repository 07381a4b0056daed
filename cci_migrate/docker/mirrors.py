"""Mirrors and pull-through caches of Docker Hub: what its images are called there.

A cache serves ``cimg/node`` of Docker Hub as ``HOST/PREFIX/cimg/node``, and an official image such
as ``redis`` as ``HOST/PREFIX/library/redis``:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working-pulling.html,
https://cloud.google.com/artifact-registry/docs/pull-cached-dockerhub-images,
https://goharbor.io/docs/2.12.0/administration/configure-proxy-cache/. Tags and digests are the
same there.
"""

from __future__ import annotations

import re

from msgspec import Struct

from cci_migrate.docker.image_reference import (
    OFFICIAL,
    ImageReference,
    Undecidable,
    masked_placeholders,
    parse_image_reference,
    placeholders_in,
    registry_of,
)
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host


class Mirror(Struct, frozen=True, forbid_unknown_fields=True):
    """A mirror of Docker Hub at ``host``; ``path`` is the prefix of its repositories there."""

    host: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.path else self.host


class InvalidMirrorError(ValueError):
    """A text doesn't name a mirror; the message says why and what to write."""


class NewHead(Struct, frozen=True):
    """Replace the first ``length`` characters of an image reference by ``text``."""

    length: int
    text: str


def parse_mirror(text: str) -> Mirror:
    """The mirror that ``HOST`` or ``HOST/PREFIX`` names.

    Raises InvalidMirrorError.
    """
    bare = text.strip().rstrip("/")
    expected = "it must be HOST or HOST/PREFIX, such as mirror.example.com/hub"
    if "://" in bare:
        raise InvalidMirrorError(f"an image's name has no https:// before it; {expected}")
    host, _, path = bare.partition("/")
    sample = parse_image_reference(f"{bare}/library/x")
    if not isinstance(sample, ImageReference) or sample.tag or sample.digest:
        raise InvalidMirrorError(f"{bare!r} cannot begin the name of an image; {expected}")
    if sample.domain is None:
        raise InvalidMirrorError(
            f"Docker would look for {bare!r} on Docker Hub: a host has a dot or a port; {expected}"
        )
    if sample.host == DOCKER_HUB:
        raise InvalidMirrorError(f"{host} is Docker Hub itself; {expected}")
    return Mirror(normalise_host(host), path)


def mirrored(text: str, mirror: Mirror) -> NewHead | Undecidable:
    """The new beginning that makes ``text``, an image of Docker Hub, refer to ``mirror``.

    ``text`` may contain placeholders (``<< parameters.tag >>``, ``$TAG``) after its first segment,
    and may lack its end if what is there ends with a colon or a slash. Undecidable if its
    registry, or whether it is an official image, is unknown, and if it isn't on Docker Hub.
    """
    host = registry_of(text)
    if isinstance(host, Undecidable):
        return host
    if host != DOCKER_HUB:
        return Undecidable(f"{text!r} doesn't come from Docker Hub")
    masked = masked_placeholders(text)
    length = 0
    first, slash, _ = masked.partition("/")
    if slash and normalise_host(first) == DOCKER_HUB:
        length = len(first) + 1
    name = re.split("[:@]", masked[length:], maxsplit=1)[0]
    if "/" in name:
        return NewHead(length, f"{mirror}/")
    if "\0" in name:
        return Undecidable(f"can't determine whether {text!r} is an official image")
    return NewHead(length, f"{mirror}/{OFFICIAL}")


def is_mirrored(before: str, after: str, mirror: Mirror) -> bool:
    """Whether ``after`` names at ``mirror`` the repository, tag and digest of ``before``.

    Compares parsed references, with a stand-in for placeholders; shares no code with `mirrored`.
    """
    old, new = (
        parse_image_reference(re.sub("\0+", "0", masked_placeholders(text)))
        for text in (before, after)
    )
    if not isinstance(old, ImageReference) or not isinstance(new, ImageReference):
        return False
    path = f"{mirror.path}/{old.path}" if mirror.path else old.path
    return (
        (old.host, new.host) == (DOCKER_HUB, normalise_host(mirror.host))
        and new.path == path
        and (old.tag, old.digest) == (new.tag, new.digest)
        and placeholders_in(before) == placeholders_in(after)
    )
