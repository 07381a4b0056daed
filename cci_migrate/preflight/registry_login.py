"""Logging in to registries, and their pull limits.

The protocol: https://distribution.github.io/distribution/spec/auth/token/ and HTTP Basic. The
limits of Docker Hub: https://docs.docker.com/docker-hub/usage/pulls/.

A password is sent only to the registry itself, and to its token service if that is safe: over
https (or on this machine, if the registry is there too), and at the registry's own host, at one
that is known to belong to it, or at one that the user named. Redirects are not followed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from msgspec import Struct

from cci_migrate.docker.registries import DOCKER_HUB
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

#: Token services at other hosts than their registries
#: (https://docs.docker.com/docker-hub/usage/pulls/, https://docs.gitlab.com/user/packages/container_registry/).
_REALMS: Mapping[str, frozenset[str]] = {
    DOCKER_HUB: frozenset({"auth.docker.io"}),
    "registry.gitlab.com": frozenset({"gitlab.com"}),
}
_HUB_ROOT = "https://registry-1.docker.io"
#: The repository for which Docker Hub returns the limit without counting a pull.
_PREVIEW = "ratelimitpreview/test"
_SCHEME = re.compile(r"(?:^|,)\s*(bearer|basic)\b", re.IGNORECASE)
_PARAMETER = re.compile(r'(?<!\w)(\w+)="([^"]*)"')
_LIMIT = re.compile(r"(\d+)(?:;w=(\d+))?")


class PullLimit(Struct, frozen=True):
    """``limit`` pulls in ``seconds``, of which ``remaining`` are left (None: not stated)."""

    limit: int
    seconds: int
    remaining: int | None


class LoggedIn(Struct, frozen=True):
    """The registry accepts the credential. ``pulls`` None: it states no limit."""

    pulls: PullLimit | None = None


class AnonymousRegistry(Struct, frozen=True):
    """The registry needs no login: whether the credential is valid is unknown."""


class CredentialRejected(Struct, frozen=True):
    """The registry rejects the credential."""


class LimitReached(Struct, frozen=True):
    """The registry accepts the credential, whose pull limit is reached."""


class Inconclusive(Struct, frozen=True):
    """The login was not tried, or had no clear answer; ``why`` says so."""

    why: str


LoginOutcome = LoggedIn | AnonymousRegistry | CredentialRejected | LimitReached | Inconclusive


class _FinalAnswer(Exception):
    """Ends the login with ``outcome``."""

    def __init__(self, outcome: LoginOutcome) -> None:
        super().__init__()
        self.outcome = outcome


def registry_root(host: str, roots: Mapping[str, str]) -> str:
    """The address of the registry ``host``: that in ``roots``, or its usual one."""
    if host in roots:
        return roots[host].rstrip("/")
    if host == DOCKER_HUB:
        return _HUB_ROOT
    # Docker, too, uses http for a registry on the machine itself.
    return f"http://{host}" if is_loopback(f"http://{host}") else f"https://{host}"


def log_in(
    host: str, root: str, credential: DockerCredential, trusted: Collection[str] = ()
) -> LoginOutcome:
    """Log in with ``credential`` to the registry ``host`` at the address ``root``.

    ``trusted`` are further hosts that its token service may have. Raises nothing: an error is
    `Inconclusive`.
    """
    try:
        check_is_private(root)
        with new_session() as session:
            return _Registry(host, root, session).outcome(credential, frozenset(trusted))
    except HostError as error:
        return Inconclusive(str(error))
    except _FinalAnswer as error:
        return error.outcome
    except requests.RequestException as error:
        return Inconclusive(f"no answer ({connection_fault(error, urlsplit(root).netloc)})")


class _Registry:
    def __init__(self, host: str, root: str, session: requests.Session) -> None:
        self._host = host
        self._root = root
        self._session = session

    def outcome(self, credential: DockerCredential, trusted: frozenset[str]) -> LoginOutcome:
        response = self._ask("GET", f"{self._root}/v2/")
        if response.status_code == 200:
            return AnonymousRegistry()
        if response.status_code != 401:
            return Inconclusive(f"it does not answer like a registry (HTTP {response.status_code})")
        challenges = _challenges(response.headers.get("WWW-Authenticate", ""))
        if "bearer" in challenges:
            return self._with_token(challenges["bearer"], credential, trusted)
        if "basic" in challenges:
            self._check_accepted(
                self._ask("GET", f"{self._root}/v2/", authorization=_basic(credential))
            )
            return LoggedIn()
        return Inconclusive("it requires another kind of login than a token or password")

    def _with_token(
        self,
        challenge: Mapping[str, str],
        credential: DockerCredential,
        trusted: frozenset[str],
    ) -> LoginOutcome:
        realm = challenge.get("realm", "")
        problem = why_unsafe(realm, self._host, self._root, trusted)
        if problem:
            return Inconclusive(problem)
        parameters = {"service": challenge.get("service", ""), "account": credential.username}
        token = self._token(realm, parameters, credential)
        self._check_accepted(self._ask("GET", f"{self._root}/v2/", authorization=token))
        if self._host != DOCKER_HUB:
            return LoggedIn()
        parameters["scope"] = f"repository:{_PREVIEW}:pull"
        return self._limit(self._token(realm, parameters, credential))

    def _token(
        self, realm: str, parameters: Mapping[str, str], credential: DockerCredential
    ) -> Secret:
        answer = self._ask("GET", realm, params=dict(parameters), authorization=_basic(credential))
        self._check_accepted(answer)
        try:
            body: Any = answer.json()
        except ValueError:
            body = None
        token = (body.get("token") or body.get("access_token")) if isinstance(body, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise _FinalAnswer(Inconclusive("its token service returned no token"))
        remember(token)
        return Secret(f"Bearer {token}")

    def _limit(self, token: Secret) -> LoginOutcome:
        answer = self._ask(
            "HEAD", f"{self._root}/v2/{_PREVIEW}/manifests/latest", authorization=token
        )
        if answer.status_code == 429:
            return LimitReached()
        limit = _LIMIT.match(answer.headers.get("ratelimit-limit", ""))
        remaining = _LIMIT.match(answer.headers.get("ratelimit-remaining", ""))
        if limit is None:
            return LoggedIn()
        return LoggedIn(
            PullLimit(
                int(limit[1]), int(limit[2] or 0), None if remaining is None else int(remaining[1])
            )
        )

    def _check_accepted(self, answer: requests.Response) -> None:
        if answer.status_code in (401, 403):
            raise _FinalAnswer(CredentialRejected())
        if answer.status_code == 429:
            raise _FinalAnswer(Inconclusive("too many logins; try again later"))
        if answer.status_code != 200:
            raise _FinalAnswer(Inconclusive(f"unexpected answer (HTTP {answer.status_code})"))

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
            raise _FinalAnswer(
                Inconclusive(f"{host} redirects to another host, where no password is sent")
            )
        return answer


def why_unsafe(realm: str, host: str, root: str, trusted: Collection[str]) -> str:
    """Why the password must not be sent to the token service ``realm``; empty if it may.

    ``root`` is the address of the registry ``host``; ``trusted`` are hosts that the user named.
    """
    parts = urlsplit(realm)
    address = redact(realm)
    if parts.username or parts.password or not parts.hostname:
        return f"the address of its token service is invalid ({address})"
    is_local = is_loopback(realm) and is_loopback(root)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        return f"its token service {address} is not https: others could read the password"
    allowed = {urlsplit(root).hostname, *_REALMS.get(host, ()), *trusted}
    if is_local or parts.hostname in allowed:
        return ""
    return (
        f"its token service is at another host, {parts.hostname}; if you trust that host, use "
        f"--token-host {parts.hostname}"
    )


def _basic(credential: DockerCredential) -> Secret:
    """HTTP Basic, of UTF-8 (https://www.rfc-editor.org/rfc/rfc7617#section-2.1)."""
    pair = f"{credential.username}:{credential.password}".encode("utf-8", "surrogateescape")
    return remember(f"Basic {base64.b64encode(pair).decode()}")


def _challenges(header: str) -> Mapping[str, Mapping[str, str]]:
    """The kinds of login that a ``WWW-Authenticate`` header offers, with their parameters."""
    schemes = list(_SCHEME.finditer(header))
    ends = [scheme.start() for scheme in schemes[1:]] + [len(header)]
    return {
        scheme[1].lower(): {
            name.lower(): value for name, value in _PARAMETER.findall(header[scheme.end() : end])
        }
        for scheme, end in zip(schemes, ends, strict=True)
    }
