"""How CircleCI names organisations and projects: ``gh/acme``, ``gh/acme/api``.

Projects of the GitHub App, of GitLab and of Bitbucket Data Center have opaque names, which no
remote tells: ``circleci/ORGANISATION/PROJECT``
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

#: The hosts whose repositories CircleCI names as the hosts do. An organisation of the GitHub App
#: has an opaque name all the same.
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


def read_organisation(text: str) -> Organisation | None:
    """The organisation that ``text`` names, None if it names none."""
    found = _SLUG.fullmatch(text.strip().strip("/"))
    if found is None or found[3] is not None:
        return None
    return Organisation(_ALIASES.get(found[1], found[1]), found[2])


def read_project(text: str) -> Project | None:
    """The project that ``text`` names, None if it names none."""
    found = _SLUG.fullmatch(text.strip().strip("/"))
    if found is None or found[3] is None:
        return None
    return Project(Organisation(_ALIASES.get(found[1], found[1]), found[2]), found[3])


def project_in(folder: Path, *, on_server: bool) -> Project | None:
    """The project of the repository in ``folder``, told by its remote ``origin``.

    ``on_server``: CircleCI is a server of one's own, and any host that is not known is its GitHub.
    """
    try:
        with opened_checkout(root_of(folder), with_refs=False) as checkout:
            url = checkout.origin()
    except GitError:
        return None
    return project_at(url, on_server=on_server)


def project_at(url: str, *, on_server: bool) -> Project | None:
    """The project of the repository behind a git URL."""
    try:
        ref = ref_at(url)
    except ValueError:
        return None
    host = ref.host.partition(":")[0].lower()
    guess = "gh" if on_server and host and host not in _OPAQUE else None
    provider = _PROVIDERS.get(host, guess)
    return None if provider is None else _project(provider, ref.name)


def project_of(ref: RepositoryRef, *, on_server: bool) -> Project | None:
    """The project of a campaign's repository; None where its name does not tell."""
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
    return read_project(f"{provider}/{name}")
