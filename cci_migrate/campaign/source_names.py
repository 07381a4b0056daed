"""Which repository or owner, on which host, the name of a source means."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from cci_migrate.error_kinds import UserError
from cci_migrate.forges.repository import Kind, RepositoryRef
from cci_migrate.forges.tokens import host_of

_FORMS = (
    "a folder, a git URL, github:OWNER[/NAME], gitlab:GROUP[/NAME], bitbucket:WORKSPACE[/NAME], "
    "@FILE or -"
)
_LISTED_HOSTS = "GitHub, GitLab and Bitbucket Cloud"
_BY_GIT_URL = (
    f"batch lists owners on {_LISTED_HOSTS}; write a git URL for each repository elsewhere "
    "(it gets a branch, not a pull request)"
)

_NAME = r"(?P<name>[\w.\-]+(?:/[\w.\-]+)*)/?"
_SHORT = re.compile(rf"(?P<kind>github|gitlab|bitbucket):{_NAME}")
_ADDRESS = re.compile(rf"(?:(?P<kind>github|gitlab)\+)?https://(?P<host>[\w.\-]+(?::\d+)?)/{_NAME}")
_API = {
    Kind.GITHUB: ("GITHUB_API_URL", "https://api.github.com"),
    Kind.GITLAB: ("CI_API_V4_URL", "https://gitlab.com/api/v4"),
    Kind.BITBUCKET: ("BITBUCKET_API_URL", "https://api.bitbucket.org/2.0"),
}
_WELL_KNOWN = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}
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
    github.com; ``gitlab:`` and CI_API_V4_URL, ``bitbucket:`` and BITBUCKET_API_URL alike.
    ``github+https://HOST/...`` and ``gitlab+https://HOST/...`` mean a self-hosted server. Raises
    SourceError if the variable names a server of another kind.
    """
    match = _SHORT.fullmatch(text)
    if match is not None:
        kind = Kind(match["kind"])
        variable, default = _API[kind]
        root = os.environ.get(variable) or default
        _check_kind(kind, variable, root)
        return _hosted_ref(kind, root, match["name"])
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    host = match["host"]
    kind_name = match["kind"] or _WELL_KNOWN.get(host)
    if kind_name is None:
        return None
    kind = Kind(kind_name)
    return _hosted_ref(kind, _api_root(kind, host), match["name"])


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
        if kind in {known.value for known in _API}:
            raise SourceError(
                f"{text}: write {kind}:OWNER, {kind}:OWNER/NAME or {kind}+https://..."
            )
        raise SourceError(f"{text}: {kind} is not a supported kind of host; {_BY_GIT_URL}")
    if not is_url:
        raise SourceError(f"{text!r} is not a source; write {_FORMS}")
    if text.startswith(("https://", "http://")) and not _may_be_repository(text):
        raise SourceError(
            f"{text}: not the URL of a repository; {_BY_GIT_URL}. On a server of your own, say of "
            "which kind it is: github+https://HOST/OWNER or gitlab+https://HOST/GROUP; "
            "git+https://HOST/PATH is a repository in any case"
        )
    return text


def _may_be_repository(url: str) -> bool:
    parts = urlsplit(url)
    path = parts.path.strip("/")
    if path.endswith(".git"):
        return True
    return _IN_REPOSITORY_PATHS.get(parts.hostname or "", "/") in path


def _check_kind(kind: Kind, variable: str, root: str) -> None:
    path = urlsplit(root).path
    if kind is Kind.BITBUCKET and "/rest/" in path:
        raise SourceError(
            f"{variable} names a Bitbucket Data Center, whose API is another than that of "
            f"Bitbucket Cloud; {_BY_GIT_URL}"
        )
    if kind is Kind.GITHUB and path.rstrip("/").endswith("/api/v1"):
        # Gitea's and Forgejo's Actions set GitHub's variables to their own API.
        raise SourceError(f"{variable} names a Gitea or Forgejo; {_BY_GIT_URL}")


def _api_root(kind: Kind, host: str) -> str:
    if kind is Kind.GITLAB:
        return f"https://{host}/api/v4"
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
