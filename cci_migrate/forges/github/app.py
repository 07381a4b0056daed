"""A GitHub App as an identity: tokens for its installations, made from its private key.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app: the key signs
a JSON Web Token (JWT), which only serves to get the token of an installation: one for each owner
that installed the App, valid for an hour.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import quote

from msgspec import Struct

from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.tokens import AppKey
from cci_migrate.transport.host_errors import (
    HostError,
    OverloadedError,
    RefusedError,
    TokenError,
    UnauthorizedError,
)
from cci_migrate.transport.http import Api, MissingError
from cci_migrate.transport.known_secrets import Secret, remember
from cci_migrate.transport.pace import Clock

#: Seconds that a JWT is valid; GitHub takes ten minutes at most, and clocks differ.
_JWT_LIFE = 540
_CLOCK_DRIFT = 60
#: A token that is valid for fewer seconds is replaced before the next request.
_MARGIN = 300
#: No key of an App has more bytes.
_LONGEST_KEY = 20_000
#: What a delivery writes, by GitHub's name of the permission and the one on its pages.
_NEEDED = {"contents": "Contents", "pull_requests": "Pull requests"}


class _Installation(Struct, frozen=True):
    id: int
    suspended_at: str | None = None


class _Token(Struct, frozen=True):
    token: str
    expires_at: datetime
    permissions: Mapping[str, str] = {}


class AppIdentity:
    """Signs as the App. Raises TokenError where that is not possible; the message says why."""

    def __init__(self, key: AppKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._signed: Secret | None = None
        self._signed_until = 0.0

    def jwt(self, is_renewal: bool) -> Secret:
        """A signed token, the same for some minutes.

        https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
        """
        with self._lock:
            now = self._clock.now()
            if self._signed is None or is_renewal or now >= self._signed_until:
                claims = {
                    "iat": int(now) - _CLOCK_DRIFT,
                    "exp": int(now) + _JWT_LIFE,
                    "iss": self._key.app_id,
                }
                self._signed = remember(_sign(claims, self._pem()))
                self._signed_until = now + _JWT_LIFE - _CLOCK_DRIFT
            return self._signed

    def _pem(self) -> bytes:
        try:
            with self._key.file.open("rb") as file:
                pem = file.read(_LONGEST_KEY)
        except OSError as error:
            raise TokenError(f"{self._key.file}: can't be read: {error.strerror}") from None
        remember(pem.decode("latin-1").strip())
        return pem


class InstallationToken:
    """The token of the installation for ``owner``, replaced before it expires.

    ``api`` sends requests as the App. Safe to use from several threads.
    """

    def __init__(self, api: Api, owner: str, clock: Clock) -> None:
        self._api = api
        self._owner = owner
        self._clock = clock
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def __call__(self, is_renewal: bool) -> str:
        """The token. Raises TokenError, HostUnavailable."""
        return self._current(is_renewal=is_renewal).token

    @property
    def problem(self) -> str:
        """What the installation lacks for any write; empty if nothing."""
        granted = self._current().permissions
        lacking = [name for key, name in _NEEDED.items() if granted.get(key) != "write"]
        if not lacking:
            return ""
        return (
            f"the App's installation for {self._owner} lacks write access to "
            f"{' and '.join(lacking)}; grant it in the App's settings, and have the owner accept it"
        )

    @property
    def access(self) -> TokenAccess:
        """What the token may do in each repository that it sees.

        GitHub shows no ``viewerPermission`` to Apps
        (https://docs.github.com/en/graphql/reference/objects#repository).
        """
        problem = self.problem
        return TokenAccess(not problem, not problem, (problem,) if problem else ())

    def close(self) -> None:
        """Close the App's connections."""
        self._api.close()

    def _current(self, *, is_renewal: bool = False) -> _Token:
        with self._lock:
            token = self._token
            is_old = token is None or token.expires_at.timestamp() - self._clock.now() < _MARGIN
            if token is None or is_old or is_renewal:
                self._token = token = self._new_token()
                remember(token.token)
            return token

    def _new_token(self) -> _Token:
        """https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app"""
        try:
            installation = self._installation()
            path = f"/app/installations/{installation.id}/access_tokens"
            # Not a write in the repositories: made twice, it does no harm.
            return self._api.read("POST", path).body(_Token)
        except UnauthorizedError as error:
            raise TokenError(
                f"GitHub does not accept the App's id with this key ({error}); check both"
            ) from None
        except (HostError, RefusedError, OverloadedError) as error:
            raise TokenError(f"the App got no token for {self._owner}: {error}") from None

    def _installation(self) -> _Installation:
        """https://docs.github.com/en/rest/apps/apps#get-an-organization-installation-for-the-authenticated-app"""
        name = quote(self._owner, safe="")
        for path in (f"/orgs/{name}/installation", f"/users/{name}/installation"):
            with suppress(MissingError):
                installation = self._api.read("GET", path).body(_Installation)
                if installation.suspended_at is not None:
                    raise TokenError(f"the App's installation for {self._owner} is suspended")
                return installation
        raise TokenError(
            f"the App is not installed for {self._owner}; install it there, with write access to "
            "Contents and Pull requests"
        )


def _sign(claims: Mapping[str, object], pem: bytes) -> str:
    try:
        import jwt
        from jwt.exceptions import PyJWTError
    except ModuleNotFoundError:
        raise TokenError("a GitHub App's key requires PyJWT; install cci-migrate[app]") from None
    try:
        return jwt.encode(dict(claims), pem, algorithm="RS256")
    except (PyJWTError, ValueError, TypeError):
        raise TokenError("the App's key file has no RSA private key in PEM") from None
