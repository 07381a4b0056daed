"""Image references: which registry an image comes from.

The grammar is that of https://github.com/distribution/reference (``reference.go``, ``regexp.go``
and ``normalize.go``): the first segment of a name is a registry only if a ``/`` follows it and it
is ``localhost``, holds a ``.`` or a ``:``, or has an upper-case letter; every other name is a
Docker Hub name, with ``library/`` in front if it has one segment.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from cci_migrate.docker.registries import DOCKER_HUB, normalise_host
from cci_migrate.lazy_patterns import lazy_pattern

#: Where the official images of Docker Hub are: ``redis`` is ``library/redis`` there.
OFFICIAL = "library/"
_MAX_PATH = 255

_DOMAIN_COMPONENT = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN_TEXT = (
    rf"(?:{_DOMAIN_COMPONENT}(?:\.{_DOMAIN_COMPONENT})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
)
_PATH_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = lazy_pattern(_DOMAIN_TEXT)
_PATH = lazy_pattern(rf"{_PATH_COMPONENT}(?:/{_PATH_COMPONENT})*")
_TAG = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = lazy_pattern(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_IDENTIFIER = lazy_pattern(r"[a-f0-9]{64}")

#: A placeholder for text that is unknown here: CircleCI's ``<< parameters.x >>``, the shell's
#: ``$X``, ``${X:-y}``, ``$(command)`` and backticks, ``{{ x }}`` of templates. If one is never
#: closed, everything after it is unknown.
_PLACEHOLDER = lazy_pattern(
    r"""
      (?<!\\)<<.*?(?:>>|\Z)
    | \$\{(?:[^{}]|\$\{[^{}]*\})*\}
    | \$\([^()]*\)
    | \$[A-Za-z_][A-Za-z0-9_]*
    | \$[0-9@*#?!$-]
    | `[^`]*(?:`|\Z)
    | \{\{.*?(?:\}\}|\Z)
    """,
    re.DOTALL | re.VERBOSE,
)
_UNKNOWN = "\0"


class ImageReference(Struct, frozen=True):
    """A parsed image reference.

    ``domain`` is the registry as written, None if the text names none; ``host`` is the registry
    in lower case, with every name of Docker Hub as ``docker.io``; ``path`` is the repository in
    that registry, ``library/`` included. ``text`` is what was parsed.
    """

    domain: str | None
    host: str
    path: str
    tag: str | None
    digest: str | None
    text: str

    @property
    def is_scratch(self) -> bool:
        """Whether this is the empty base image, which is in no registry.

        https://docs.docker.com/build/building/base-images/#create-a-minimal-base-image-using-scratch
        """
        return self.domain is None and self.path == "library/scratch"


class InvalidReference(Struct, frozen=True):
    """A text that Docker rejects as an image; ``reason`` says why, for people."""

    reason: str


class Undecidable(Struct, frozen=True):
    """The text alone doesn't determine the answer; ``reason`` says why, for people."""

    reason: str


@lru_cache(maxsize=4096)
def parse_image_reference(text: str) -> ImageReference | InvalidReference:
    """Parse an image reference without placeholders; InvalidReference if Docker would reject it."""
    if not text:
        return InvalidReference("the image has no name")
    if _IDENTIFIER.fullmatch(text):
        return InvalidReference("64 hexadecimal digits are an image's id, not its name")

    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return InvalidReference(f"{digest!r} is not a digest")
    domain, remainder = _split_domain(rest)
    path, colon, tag = remainder.partition(":")
    if colon and not _TAG.fullmatch(tag):
        return InvalidReference(f"{tag!r} is not a tag")
    if domain is not None and not _DOMAIN.fullmatch(domain):
        return InvalidReference(f"{domain!r} is not a registry's host")
    if not _PATH.fullmatch(path):
        if _PATH.fullmatch(path.lower()):
            return InvalidReference(f"the repository name {path!r} must be lower case")
        return InvalidReference(f"{path!r} is not a repository name")

    host = DOCKER_HUB if domain is None else normalise_host(domain)
    if host == DOCKER_HUB and "/" not in path:
        path = OFFICIAL + path
    if len(path) > _MAX_PATH:
        return InvalidReference(f"the repository name is longer than {_MAX_PATH} characters")
    return ImageReference(domain, host, path, tag if colon else None, digest if at else None, text)


@lru_cache(maxsize=4096)
def registry_of(text: str) -> str | Undecidable:
    """The normalised host of the registry that the image ``text`` comes from.

    ``text`` may contain placeholders (``<< parameters.x >>``, ``$X``, ``${X}``). The result is
    Undecidable if one is, or could become, part of the first segment, and for an invalid image.
    """
    image = _PLACEHOLDER.sub(_UNKNOWN, text)
    if _UNKNOWN not in image:
        reference = parse_image_reference(text)
        return (
            Undecidable(reference.reason)
            if isinstance(reference, InvalidReference)
            else reference.host
        )

    first, slash, _ = image.partition("/")
    if not slash:
        name = re.split("[:@]", first, maxsplit=1)[0]
        if _UNKNOWN in name:
            return Undecidable("its name depends on an unknown value")
        if not _PATH.fullmatch(name):
            return Undecidable(f"{name!r} is not a repository name")
        return DOCKER_HUB
    if _UNKNOWN in first:
        # An unknown port counts too: another port is another registry.
        return Undecidable("its name depends on an unknown value")
    domain, _ = _split_domain(image)
    if domain is None:
        if not _PATH.fullmatch(first):
            return Undecidable(f"{first!r} is not part of a repository name")
        return DOCKER_HUB
    if not _DOMAIN.fullmatch(domain):
        return Undecidable(f"{domain!r} is not a registry's host")
    return normalise_host(domain)


def has_placeholder(text: str) -> bool:
    """Whether ``text`` contains a placeholder that CircleCI or a shell will replace."""
    return _PLACEHOLDER.search(text) is not None


def placeholders_in(text: str) -> list[str]:
    """The placeholders in ``text``."""
    return _PLACEHOLDER.findall(text)


def masked_placeholders(text: str) -> str:
    """``text`` with each character of its placeholders replaced by a NUL."""
    return _PLACEHOLDER.sub(lambda match: _UNKNOWN * len(match[0]), text)


def _split_domain(name: str) -> tuple[str | None, str]:
    """Split ``name`` into the registry as written, None for a Docker Hub name, and the rest."""
    first, slash, rest = name.partition("/")
    is_domain = slash and (
        first == "localhost" or "." in first or ":" in first or first.lower() != first
    )
    return (first, rest) if is_domain else (None, name)
