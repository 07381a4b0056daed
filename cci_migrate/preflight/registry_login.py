"""Whether a registry lets a user in, and how much it lets pull.

The protocol: https://distribution.github.io/distribution/spec/auth/token/ and HTTP Basic. What
Docker Hub allows: https://docs.docker.com/docker-hub/usage/pulls/.

Where a password goes. Only to the registry itself, and to the realm of its token service if that
is safe: over https (or within this machine, if the registry is there too); at the registry's own
host, at one that is known to belong to it, or at one that the user named. Redirects are not
followed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from msgspec import Struct

from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.preflight.docker_credentials import DockerCredential
from cci_migrate.transport.host_errors import HostError
from cci_migrate.transport.http import (
    TIMEOUT,
    check_is_private,
    connection_fault,
    is_loopback,
    new_session,
)
from cci_migrate.transport.known_secrets import Secret, redact, remember

#: The token services that stand at another host than their registry
#: (https://docs.docker.com/docker-hub/usage/pulls/, https://docs.gitlab.com/user/packages/container_registry/).
_REALMS: Mapping[str, frozenset[str]] = {
    DOCKER_HUB: frozenset({"auth.docker.io"}),
    "registry.gitlab.com": frozenset({"gitlab.com"}),
}
_HUB_ROOT = "https://registry-1.docker.io"
#: The repository at which Docker Hub shows the limit without counting a pull.
_PREVIEW = "ratelimitpreview/test"
_SCHEME = re.compile(r"(?:^|,)\s*(bearer|basic)\b", re.IGNORECASE)
_PARAMETER = re.compile(r'(?<!\w)(\w+)="([^"]*)"')
_LIMIT = re.compile(r"(\d+)(?:;w=(\d+))?")


class PullLimit(Struct, frozen=True):
    """``limit`` pulls in ``seconds``, of which ``remaining`` are left (None: not told)."""

    limit: int
    seconds: int
    remaining: int | None


class LoggedIn(Struct, frozen=True):
    """The registry takes the credential. ``pulls`` None: it states no limit."""

    pulls: PullLimit | None = None


class AsksForNone(Struct, frozen=True):
    """The registry lets everybody in: whether the credential is right cannot be told."""


class TurnedAway(Struct, frozen=True):
    """The registry refuses the credential."""


class LimitReached(Struct, frozen=True):
    """The registry takes the credential, and lets it pull no more for now."""


class NotTried(Struct, frozen=True):
    """There was no try, or no clear answer to it."""

    why: str


LoginOutcome = LoggedIn | AsksForNone | TurnedAway | LimitReached | NotTried


class _StopError(Exception):
    """An answer that leads no further; ``outcome`` says what it means."""

    def __init__(self, outcome: LoginOutcome) -> None:
        super().__init__()
        self.outcome = outcome


def registry_root(host: str, roots: Mapping[str, str]) -> str:
    """Where the registry ``host`` answers; ``roots`` names some otherwise."""
    if host in roots:
        return roots[host].rstrip("/")
    if host == DOCKER_HUB:
        return _HUB_ROOT
    # Docker, too, takes http for a registry on the machine itself.
    return f"http://{host}" if is_loopback(f"http://{host}") else f"https://{host}"


def log_in(
    host: str, root: str, credential: DockerCredential, trusted: Collection[str] = ()
) -> LoginOutcome:
    """Try ``credential`` at the registry ``host``, which answers at ``root``.

    ``trusted`` are hosts at which its token service may be, besides those known.
    """
    try:
        check_is_private(root)
        with new_session() as session:
            return _Registry(host, root, session).outcome(credential, frozenset(trusted))
    except HostError as error:
        return NotTried(str(error))
    except _StopError as error:
        return error.outcome
    except requests.RequestException as error:
        return NotTried(f"no answer ({connection_fault(error, urlsplit(root).netloc)})")


class _Registry:
    def __init__(self, host: str, root: str, session: requests.Session) -> None:
        self._host = host
        self._root = root
        self._session = session

    def outcome(self, credential: DockerCredential, trusted: frozenset[str]) -> LoginOutcome:
        hello = self._ask("GET", f"{self._root}/v2/")
        if hello.status_code == 200:
            return AsksForNone()
        if hello.status_code != 401:
            return NotTried(f"it does not answer as a registry does (HTTP {hello.status_code})")
        challenges = _challenges(hello.headers.get("WWW-Authenticate", ""))
        if "bearer" in challenges:
            return self._with_token(challenges["bearer"], credential, trusted)
        if "basic" in challenges:
            self._let_in(self._ask("GET", f"{self._root}/v2/", authorization=_basic(credential)))
            return LoggedIn()
        return NotTried("it asks for another kind of login than tokens and passwords")

    def _with_token(
        self,
        challenge: Mapping[str, str],
        credential: DockerCredential,
        trusted: frozenset[str],
    ) -> LoginOutcome:
        realm = challenge.get("realm", "")
        problem = why_unsafe(realm, self._host, self._root, trusted)
        if problem:
            return NotTried(problem)
        wanted = {"service": challenge.get("service", ""), "account": credential.username}
        token = self._token(realm, wanted, credential)
        self._let_in(self._ask("GET", f"{self._root}/v2/", authorization=token))
        if self._host != DOCKER_HUB:
            return LoggedIn()
        wanted["scope"] = f"repository:{_PREVIEW}:pull"
        return self._limit(self._token(realm, wanted, credential))

    def _token(self, realm: str, wanted: Mapping[str, str], credential: DockerCredential) -> Secret:
        answer = self._ask("GET", realm, params=dict(wanted), authorization=_basic(credential))
        self._let_in(answer)
        try:
            body: Any = answer.json()
        except ValueError:
            body = None
        found = (body.get("token") or body.get("access_token")) if isinstance(body, dict) else None
        if not isinstance(found, str) or not found.isascii() or not found.isprintable():
            raise _StopError(NotTried("its token service gives no token"))
        remember(found)
        return Secret(f"Bearer {found}")

    def _limit(self, token: Secret) -> LoginOutcome:
        answer = self._ask(
            "HEAD", f"{self._root}/v2/{_PREVIEW}/manifests/latest", authorization=token
        )
        if answer.status_code == 429:
            return LimitReached()
        limit = _LIMIT.match(answer.headers.get("ratelimit-limit", ""))
        left = _LIMIT.match(answer.headers.get("ratelimit-remaining", ""))
        if limit is None:
            return LoggedIn()
        return LoggedIn(
            PullLimit(int(limit[1]), int(limit[2] or 0), None if left is None else int(left[1]))
        )

    def _let_in(self, answer: requests.Response) -> None:
        if answer.status_code in (401, 403):
            raise _StopError(TurnedAway())
        if answer.status_code == 429:
            raise _StopError(NotTried("too many logins just now; try again later"))
        if answer.status_code != 200:
            raise _StopError(NotTried(f"no clear answer (HTTP {answer.status_code})"))

    def _ask(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        authorization: str = "",
    ) -> requests.Response:
        answer = self._session.request(
            method,
            url,
            params=params,
            headers={"Authorization": authorization} if authorization else {},
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        if answer.is_redirect:
            host = urlsplit(url).netloc
            raise _StopError(NotTried(f"{host} leads elsewhere, where no password is sent"))
        return answer


def why_unsafe(realm: str, host: str, root: str, trusted: Collection[str]) -> str:
    """Why the password must not be sent to the token service ``realm``; empty if it may.

    The registry ``host`` answers at ``root``; ``trusted`` are hosts that the user named.
    """
    parts = urlsplit(realm)
    shown = redact(realm)
    if parts.username or parts.password or not parts.hostname:
        return f"its token service has no proper address ({shown})"
    is_here = is_loopback(realm) and is_loopback(root)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
        return f"its token service {shown} is not https: the password could be read on its way"
    known = {urlsplit(root).hostname, *_REALMS.get(host, ()), *trusted}
    if is_here or parts.hostname in known:
        return ""
    return (
        f"its token service is at another host, {parts.hostname}; if that belongs to it, say "
        f"--token-host {parts.hostname}"
    )


def _basic(credential: DockerCredential) -> Secret:
    """HTTP Basic, of UTF-8 (https://www.rfc-editor.org/rfc/rfc7617#section-2.1)."""
    pair = f"{credential.username}:{credential.password}".encode("utf-8", "surrogateescape")
    return remember(f"Basic {base64.b64encode(pair).decode()}")


def _challenges(header: str) -> Mapping[str, Mapping[str, str]]:
    """The kinds of login that a ``WWW-Authenticate`` header offers, with their parameters."""
    found = list(_SCHEME.finditer(header))
    ends = [one.start() for one in found[1:]] + [len(header)]
    return {
        one[1].lower(): {
            name.lower(): value for name, value in _PARAMETER.findall(header[one.end() : end])
        }
        for one, end in zip(found, ends, strict=True)
    }
