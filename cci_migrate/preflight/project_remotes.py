"""Which project of CircleCI a repository is, by its git remote."""

from __future__ import annotations

from pathlib import Path

from cci_migrate.files.discovery import root_of
from cci_migrate.forges.git_remotes import ref_at
from cci_migrate.forges.repository import Kind, RepositoryRef
from cci_migrate.preflight.slugs import Project, parse_project
from cci_migrate.transport.git.process import GitError
from cci_migrate.transport.git.repositories import opened_checkout

#: The hosts whose repositories CircleCI names as the hosts do, except for the GitHub App.
_PROVIDERS = {"github.com": "gh", "ssh.github.com": "gh", "bitbucket.org": "bb"}
#: Hosts whose projects have opaque names.
_OPAQUE = frozenset({"gitlab.com"})


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
        case Kind.GITLAB | Kind.GITEA:
            return None


def _project(provider: str, name: str) -> Project | None:
    return parse_project(f"{provider}/{name}")
