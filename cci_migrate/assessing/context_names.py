"""What the name of a context, or of a variable, suggests about what it holds."""

from __future__ import annotations

import re
from functools import lru_cache

from cci_migrate.docker.registries import host_matches, registry_named_by_variable
from cci_migrate.lazy_patterns import lazy_pattern

_WORD = lazy_pattern(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
#: Words in names of variables and contexts whose credentials may do more than pull.
_RELEASE_WORDS = frozenset(
    {"RELEASE", "RELEASES", "WRITE", "WRITER", "RW", "PROD", "PRODUCTION"}
    | {"DEPLOY", "DEPLOYMENT", "PUBLISH", "PUSH"}
)
#: Words that show that a context is about a registry. ``github`` is not.
_REGISTRY_WORDS = lazy_pattern(
    r"docker|(?<!git)hub|registry|(?<![a-z])pull(?![-_ ]?req)", re.IGNORECASE
)
#: Registries of packages, which no image comes from, and code hosts with the images they have.
_OTHER_REGISTRIES = {
    **dict.fromkeys(("NPM", "YARN", "PYPI", "PIP", "CONDA", "MAVEN", "NUGET", "GEM", "GEMS")),
    **dict.fromkeys(("RUBYGEMS", "CARGO", "CRATES", "COMPOSER", "PACKAGIST", "HEX")),
    **dict.fromkeys(("TERRAFORM", "HELM", "CHART", "CHARTS", "SCHEMA", "PACKAGES")),
    "GITHUB": "ghcr.io",
    "GITLAB": "*gitlab*",
}


def _words(name: str) -> frozenset[str]:
    return frozenset(word.upper() for word in _WORD.findall(name))


@lru_cache(maxsize=512)
def is_about_a_registry(context: str) -> bool:
    """Whether ``context`` is named as if it provided credentials of a registry."""
    return _REGISTRY_WORDS.search(context) is not None


@lru_cache(maxsize=512)
def is_named_like_a_release(name: str) -> bool:
    """Whether a variable or context ``name`` suggests that its credentials do more than pull."""
    return not _RELEASE_WORDS.isdisjoint(_words(name))


def names_registry(context: str, host: str) -> bool:
    """Whether ``context`` is named after the registry ``host``: ``dockerhub-pull``, ``quay``."""
    named = registry_named_by_variable(context)
    return named is not None and host_matches(named, host)


def is_for_registry(context: str, host: str) -> bool:
    """Whether ``context`` is named as if it provided credentials of the registry ``host``.

    After that registry, or after a registry of images without saying which.
    """
    if not is_about_a_registry(context):
        return False
    if registry_named_by_variable(context) is not None:
        return names_registry(context, host)
    others = [_OTHER_REGISTRIES[word] for word in _words(context) & _OTHER_REGISTRIES.keys()]
    return all(other is not None and host_matches(other, host) for other in others)
