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

#: Docker Hub as this package names it.
DOCKER_HUB = "docker.io"

#: Hosts that are Docker Hub. The library normalises ``index.docker.io`` alone; the others reach
#: the same registry and are what people write in logins and image names.
DOCKER_HUB_HOSTS = frozenset(
    {
        DOCKER_HUB,
        "index.docker.io",
        "registry-1.docker.io",
        "registry.hub.docker.com",
        "hub.docker.com",
    }
)

_OFFICIAL = "library/"
_MAX_PATH = 255

_DOMAIN_COMPONENT = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN_TEXT = (
    rf"(?:{_DOMAIN_COMPONENT}(?:\.{_DOMAIN_COMPONENT})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
)
_PATH_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = re.compile(_DOMAIN_TEXT)
_PATH = re.compile(rf"{_PATH_COMPONENT}(?:/{_PATH_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(
    r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}",
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")

#: What stands for text that is not known yet: ``<< parameters.x >>`` of CircleCI, ``$X``,
#: ``${X:-y}``, ``$(command)`` and a command in backticks of the shell, ``{{ x }}`` of templates.
#: Where one is never closed, all the rest is unknown.
_PLACEHOLDER = re.compile(
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
    """An image that is named in full.

    ``domain`` is the registry as written, None where the text names none; ``host`` is the registry
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
        """Whether this is the empty base image, which no registry holds.

        https://docs.docker.com/build/building/base-images/#create-a-minimal-base-image-using-scratch
        """
        return self.domain is None and self.path == "library/scratch"


class InvalidReference(Struct, frozen=True):
    """A text that Docker takes for no image; ``reason`` says why, for people."""

    reason: str


class Undecidable(Struct, frozen=True):
    """Something that the text alone does not tell; ``reason`` says why, for people."""

    reason: str


def normalise_host(host: str) -> str:
    """Give ``host`` in lower case, and ``docker.io`` for every name of Docker Hub.

    Takes what people write in a login too: a scheme before the host and a path after it are
    dropped (``https://index.docker.io/v1/`` is Docker Hub's key in ``config.json``).
    """
    bare = host.strip().lower()
    for scheme in ("https://", "http://"):
        bare = bare.removeprefix(scheme)
    bare = bare.partition("/")[0]
    return DOCKER_HUB if bare in DOCKER_HUB_HOSTS else bare


@lru_cache(maxsize=4096)
def parse_image_reference(text: str) -> ImageReference | InvalidReference:
    """Parse an image reference that holds no placeholder."""
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
        path = _OFFICIAL + path
    if len(path) > _MAX_PATH:
        return InvalidReference(f"the repository name is longer than {_MAX_PATH} characters")
    return ImageReference(domain, host, path, tag if colon else None, digest if at else None, text)


@lru_cache(maxsize=4096)
def registry_of(text: str) -> str | Undecidable:
    """Tell the normalised host of the registry that the image ``text`` comes from.

    ``text`` may hold placeholders (``<< parameters.x >>``, ``$X``, ``${X}``): they leave the
    registry undecidable where they are, or could become, part of the first segment. A text that
    names no image is undecidable too.
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
        # A port that is not known counts too: another port is another registry.
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
    """Tell whether part of ``text`` is only known when CircleCI or the shell has filled it in."""
    return _PLACEHOLDER.search(text) is not None


def masked_placeholders(text: str) -> str:
    """``text``, as long as it is, with a NUL for each character of its placeholders."""
    return _PLACEHOLDER.sub(lambda match: _UNKNOWN * len(match[0]), text)


def _split_domain(name: str) -> tuple[str | None, str]:
    """Split off the registry as written; None where the name is one of Docker Hub."""
    first, slash, rest = name.partition("/")
    is_domain = slash and (
        first == "localhost" or "." in first or ":" in first or first.lower() != first
    )
    return (first, rest) if is_domain else (None, name)
