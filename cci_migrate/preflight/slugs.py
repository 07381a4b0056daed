"""How CircleCI names organisations and projects: ``gh/acme``, ``gh/acme/api``.

Projects of the GitHub App, of GitLab and of Bitbucket Data Center have opaque names, which their
remotes do not show: ``circleci/ORGANISATION/PROJECT``
(https://circleci.com/docs/guides/toolkit/api-developers-guide/#getting-started-with-the-api).
"""

from __future__ import annotations

import re

from msgspec import Struct

from cci_migrate.lazy_patterns import lazy_pattern

_ALIASES = {"github": "gh", "bitbucket": "bb"}
_PART = r"[\w.\-~]+"
_SLUG = lazy_pattern(rf"(gh|github|bb|bitbucket|circleci)/({_PART})(?:/({_PART}))?")
_UUID = lazy_pattern(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class Organisation(Struct, frozen=True, order=True):
    """An organisation: ``gh``, ``bb`` or ``circleci``, and its name or opaque id there."""

    provider: str
    name: str

    @property
    def slug(self) -> str:
        """``gh/acme``."""
        return f"{self.provider}/{self.name}"

    @property
    def is_id(self) -> bool:
        """Whether the name is the organisation's id."""
        return _UUID.fullmatch(self.name) is not None


class Project(Struct, frozen=True, order=True):
    """A project of an organisation: its repository's name or opaque id."""

    organisation: Organisation
    name: str

    @property
    def slug(self) -> str:
        """``gh/acme/api``."""
        return f"{self.organisation.slug}/{self.name}"


def parse_organisation(text: str) -> Organisation | None:
    """The organisation with the slug ``text``; None if it is no organisation's slug."""
    organisation, project = _parts(text)
    return organisation if project is None else None


def parse_project(text: str) -> Project | None:
    """The project with the slug ``text``; None if it is no project's slug."""
    organisation, project = _parts(text)
    return None if organisation is None or project is None else Project(organisation, project)


def _parts(text: str) -> tuple[Organisation | None, str | None]:
    match = _SLUG.fullmatch(text.strip().strip("/"))
    if match is None:
        return None, None
    return Organisation(_ALIASES.get(match[1], match[1]), match[2]), match[3]
