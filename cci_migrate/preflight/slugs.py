"""How CircleCI names organisations and projects: ``gh/acme``, ``gh/acme/api``.

Projects of the GitHub App, of GitLab and of Bitbucket Data Center have opaque names, which their
remotes do not show: ``circleci/ORGANISATION/PROJECT``
(https://circleci.com/docs/guides/toolkit/api-developers-guide/#getting-started-with-the-api).
"""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from cci_migrate.files.discovery import root_of
from cci_migrate.forges.git_remotes import ref_at
from cci_migrate.forges.repository import Kind, RepositoryRef
from cci_migrate.transport.git.process import GitError
from cci_migrate.transport.git.repositories import opened_checkout

#: The hosts whose repositories CircleCI names as the hosts do, except for the GitHub App.
_PROVIDERS = {"github.com": "gh", "ssh.github.com": "gh", "bitbucket.org": "bb"}
#: Hosts whose projects have opaque names.
_OPAQUE = frozenset({"gitlab.com"})
_ALIASES = {"github": "gh", "bitbucket": "bb"}
_PART = r"[\w.\-~]+"
_SLUG = re.compile(rf"(gh|github|bb|bitbucket|circleci)/({_PART})(?:/({_PART}))?")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


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
    match = _SLUG.fullmatch(text.strip().strip("/"))
    if match is None or match[3] is not None:
        return None
    return Organisation(_ALIASES.get(match[1], match[1]), match[2])


def parse_project(text: str) -> Project | None:
    """The project with the slug ``text``; None if it is no project's slug."""
    match = _SLUG.fullmatch(text.strip().strip("/"))
    if match is None or match[3] is None:
        return None
    return Project(Organisation(_ALIASES.get(match[1], match[1]), match[2]), match[3])


def project_in(folder: Path, *, on_server: bool) -> Project | None:
    """The project of the repository in ``folder``, by its remote ``origin``; None if unknown.

    ``on_server``: CircleCI is self-hosted, and an unknown host is its GitHub.
    """
    try:
        with opened_checkout(root_of(folder), with_refs=False) as checkout:
            url = checkout.origin()
    except GitError:
        return None
    return project_at(url, on_server=on_server)


def project_at(url: str, *, on_server: bool) -> Project | None:
    """The project of the repository at a git URL; None if its host does not determine it."""
    try:
        ref = ref_at(url)
    except ValueError:
        return None
    host = ref.host.partition(":")[0].lower()
    guess = "gh" if on_server and host and host not in _OPAQUE else None
    provider = _PROVIDERS.get(host, guess)
    return None if provider is None else _project(provider, ref.name)


def project_of(ref: RepositoryRef, *, on_server: bool) -> Project | None:
    """The project of a campaign's repository; None if its name does not determine it."""
    match ref.kind:
        case Kind.LOCAL:
            return project_in(Path(ref.name), on_server=on_server)
        case Kind.GIT:
            return project_at(ref.address, on_server=on_server)
        case Kind.GITHUB:
            return _project("gh", ref.name)
        case Kind.BITBUCKET:
            return _project("bb", ref.name)
        case Kind.GITLAB:
            return None


def _project(provider: str, name: str) -> Project | None:
    return parse_project(f"{provider}/{name}")
