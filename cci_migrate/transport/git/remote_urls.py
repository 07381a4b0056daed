"""Splits the URLs of git's remotes into address and credentials."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field

from cci_migrate.escaping.hidden_fields import repr_without

#: The protocols that git implements itself, by URL scheme
#: (https://git-scm.com/docs/git-fetch#_git_urls). Any other scheme, and ``NAME::``, runs a program
#: (https://git-scm.com/docs/gitremote-helpers).
_PROTOCOLS = {
    "https": "https",
    "http": "http",
    "ssh": "ssh",
    "git+ssh": "ssh",
    "ssh+git": "ssh",
    "git": "git",
    "file": "file",
}
_SCP_LIKE = re.compile(r"^(?![A-Za-z]:[\\/])[^/:]+:")
_HELPER = re.compile(r"^[A-Za-z0-9+.\-]*::")


class RemoteUrl(Struct, frozen=True):
    """A URL without credentials; ``protocol`` is git's name of its transport.

    ``login`` are the git settings with the credentials that the URL contained.
    """

    url: str
    protocol: str
    login: Mapping[str, str] = field(default_factory=dict)

    __repr__ = repr_without("login")


def read_remote_url(text: str) -> RemoteUrl:
    """The URL of a remote, as git reads it.

    Raises ValueError for a URL that would make git run a program or that looks like an option.
    """
    if not text or _HELPER.match(text) or text.startswith("-") or not text.isprintable():
        raise ValueError("not a URL that git is allowed to open")
    if "://" not in text:
        return RemoteUrl(text, "ssh" if _SCP_LIKE.match(text) else "file")
    parts = urlsplit(text)
    protocol = _PROTOCOLS.get(parts.scheme)
    if protocol is None:
        raise ValueError(f"git is not allowed to open {parts.scheme} URLs")
    user_info, at, host = parts.netloc.rpartition("@")
    if not at:
        return RemoteUrl(text, protocol)
    if protocol == "ssh":
        host = f"{user_info.partition(':')[0]}@{host}"
    url = parts._replace(netloc=host).geturl()
    if protocol not in {"http", "https"}:
        return RemoteUrl(url, protocol)
    root = f"{parts.scheme}://{host}"
    user = unquote(parts.username or "")
    if parts.password is None:
        # It may still be a token. A credential helper can supply the rest.
        return RemoteUrl(url, protocol, {f"credential.{root}.username": user})
    return RemoteUrl(url, protocol, basic_login(root, user, unquote(parts.password)))


def basic_login(root: str, user: str, password: str) -> dict[str, str]:
    """The git setting with a login at ``root``, ``https://HOST[:PORT]``.

    https://git-scm.com/docs/git-config, ``http.<url>.extraHeader``.
    """
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {f"http.{root}/.extraHeader": f"Authorization: Basic {login}"}
