"""Which repository or owner, on which host, the name of a source means."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from msgspec import Struct

from cci_migrate.error_kinds import UserError
from cci_migrate.forges.repository import Kind, RepositoryRef
from cci_migrate.forges.tokens import host_of

_FORMS = (
    "a folder, a git URL, github:OWNER[/NAME], gitlab:GROUP[/NAME], bitbucket:WORKSPACE[/NAME], "
    "gitea:OWNER[/NAME], forgejo:OWNER[/NAME], @FILE or -"
)
_LISTED_HOSTS = "GitHub, GitLab, Bitbucket Cloud, Gitea and Forgejo"
_BY_GIT_URL = (
    f"batch lists owners on {_LISTED_HOSTS}; write a git URL for each repository elsewhere "
    "(it gets a branch, not a pull request)"
)

_NAME = r"(?P<name>[\w.\-]+(?:/[\w.\-]+)*)/?"
_SHORT = re.compile(rf"(?P<kind>github|gitlab|bitbucket|gitea|forgejo):{_NAME}")
_ADDRESS = re.compile(
    rf"(?:(?P<kind>github|gitlab|gitea|forgejo)\+)?https://(?P<host>[\w.\-]+(?::\d+)?)/{_NAME}"
)


class _Service(Struct, frozen=True):
    """What a word before a name means: a kind of host, and its public service.

    ``variables`` may name another server: the root of its API, or its web address.
    """

    kind: Kind
    host: str
    variables: tuple[str, ...]


_SERVICES = {
    "github": _Service(Kind.GITHUB, "github.com", ("GITHUB_API_URL",)),
    "gitlab": _Service(Kind.GITLAB, "gitlab.com", ("CI_API_V4_URL",)),
    "bitbucket": _Service(Kind.BITBUCKET, "bitbucket.org", ("BITBUCKET_API_URL",)),
    "gitea": _Service(Kind.GITEA, "gitea.com", ("GITEA_API_URL", "GITEA_SERVER_URL")),
    "forgejo": _Service(Kind.GITEA, "codeberg.org", ("GITEA_API_URL", "GITEA_SERVER_URL")),
}
_WELL_KNOWN = {service.host: service.kind for service in _SERVICES.values()}
_SCP_LIKE = re.compile(r"[\w.\-]+@[\w.\-]+:")
_OTHER_KIND = re.compile(r"(?P<kind>[a-z][a-z0-9\-]+)(?::[^:/]|\+https?://)")
#: What the path of a repository has on hosts whose owners have pages of several parts
#: (https://learn.microsoft.com/en-us/azure/devops/repos/git/clone). Elsewhere those have one.
_IN_REPOSITORY_PATHS = {"dev.azure.com": "/_git/"}


class SourceError(UserError):
    """A source cannot be identified or reached; the text says why and what to do."""


def read_hosted(text: str) -> RepositoryRef | None:
    """The repository or owner on a host with an API that ``text`` names; None if it names none.

    ``github:OWNER`` means the GitHub that GITHUB_API_URL names (GitHub's own Actions set it), else
    github.com; the other words and their variables alike. ``github+https://HOST/...`` and so on
    mean a self-hosted server. Raises SourceError if the variable names a server of another kind.
    """
    match = _SHORT.fullmatch(text)
    if match is not None:
        service = _SERVICES[match["kind"]]
        return _hosted_ref(service.kind, _configured_root(service), match["name"])
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    word, host = match["kind"], match["host"]
    kind = _WELL_KNOWN.get(host) if word is None else _SERVICES[word].kind
    return None if kind is None else _hosted_ref(kind, _api_root(kind, host), match["name"])


def read_git_url(text: str) -> str:
    """The URL of a repository that ``text`` is. Raises SourceError if it is none.

    An address that names an owner, or a kind of host that is not supported, is not tried.
    """
    if text.startswith("git+"):
        return text.removeprefix("git+")
    is_url = "://" in text or _SCP_LIKE.match(text) is not None
    other = _OTHER_KIND.match(text)
    if other is not None and other["kind"] == "bitbucket":
        raise SourceError(f"{text}: only Bitbucket Cloud is supported; {_BY_GIT_URL}")
    if other is not None and ("+" in text.partition(":")[0] or not is_url):
        kind = other["kind"]
        if kind in _SERVICES:
            raise SourceError(
                f"{text}: write {kind}:OWNER, {kind}:OWNER/NAME or {kind}+https://..."
            )
        raise SourceError(f"{text}: {kind} is not a supported kind of host; {_BY_GIT_URL}")
    if not is_url:
        raise SourceError(f"{text!r} is not a source; write {_FORMS}")
    if text.startswith(("https://", "http://")) and not _may_be_repository(text):
        raise SourceError(
            f"{text}: not the URL of a repository; {_BY_GIT_URL}. On a server of your own, say of "
            "which kind it is, such as gitlab+https://HOST/GROUP; git+https://HOST/PATH is a "
            "repository in any case"
        )
    return text


def _may_be_repository(url: str) -> bool:
    parts = urlsplit(url)
    path = parts.path.strip("/")
    if path.endswith(".git"):
        return True
    return _IN_REPOSITORY_PATHS.get(parts.hostname or "", "/") in path


def _configured_root(service: _Service) -> str:
    """The root of the API of the server that the environment names, else of the public service."""
    for variable in service.variables:
        root = os.environ.get(variable, "").rstrip("/")
        if root:
            _check_kind(service.kind, variable, root)
            return f"{root}/api/v1" if variable == "GITEA_SERVER_URL" else root
    return _api_root(service.kind, service.host)


def _check_kind(kind: Kind, variable: str, root: str) -> None:
    path = urlsplit(root).path
    if kind is Kind.BITBUCKET and "/rest/" in path:
        raise SourceError(
            f"{variable} names a Bitbucket Data Center, whose API is another than that of "
            f"Bitbucket Cloud; {_BY_GIT_URL}"
        )
    if kind is Kind.GITHUB and path.rstrip("/").endswith("/api/v1"):
        # Gitea's and Forgejo's Actions set GitHub's variables to their own API.
        raise SourceError(f"{variable} names a Gitea or Forgejo; write gitea:OWNER")


def _api_root(kind: Kind, host: str) -> str:
    if kind is Kind.GITLAB:
        return f"https://{host}/api/v4"
    if kind is Kind.GITEA:
        return f"https://{host}/api/v1"
    if kind is Kind.BITBUCKET:
        return f"https://api.{host}/2.0"
    is_hosted = host == "github.com" or host.endswith(".ghe.com")
    return f"https://api.{host}" if is_hosted else f"https://{host}/api/v3"


def _hosted_ref(kind: Kind, root: str, name: str) -> RepositoryRef:
    root, name = root.rstrip("/"), name.removesuffix(".git")
    if kind is Kind.BITBUCKET:
        # Its names are in lower case, however they are written.
        name = name.lower()
    return RepositoryRef(kind, host_of(root), name, root)
