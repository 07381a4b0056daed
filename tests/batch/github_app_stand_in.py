"""A GitHub App on a stand-in of GitHub: what its JWT gets, and what its tokens open.

https://docs.github.com/en/rest/apps/apps
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from msgspec import Struct, field

from tests.batch.watching import Canned

APP_ID = "123456"
HOUR = 3600


class App(Struct):
    """An App with a key. ``now`` is the time in seconds since 1970."""

    key: rsa.RSAPrivateKey
    now: Callable[[], float]
    #: The installations by their owners.
    installations: dict[str, int] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    permissions: dict[str, str] = field(
        default_factory=lambda: {"contents": "write", "pull_requests": "write", "metadata": "read"}
    )
    #: The end of each token that was given out, and its owner.
    tokens: dict[str, tuple[float, str]] = field(default_factory=dict)
    #: The JWTs that were seen.
    signed: list[str] = field(default_factory=list)
    #: How often a request came with a token that had expired.
    expired: int = 0

    def write_key(self, file: Path) -> Path:
        """The private key as GitHub gives it out."""
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        file.write_bytes(pem)
        file.chmod(0o600)
        return file

    def accepts(self, authorization: str) -> bool:
        """Whether a header has a valid installation token."""
        until, _ = self.tokens.get(authorization.removeprefix("Bearer "), (0.0, ""))
        self.expired += 0 < until <= self.now()
        return until > self.now()

    def answer(self, method: str, path: str, authorization: str) -> Canned | None:
        """The answer to a request as the App; None if it is none."""
        looked_up = re.fullmatch(r"/api/v3/(orgs|users)/([^/]+)/installation", path)
        created = re.fullmatch(r"/api/v3/app/installations/(\d+)/access_tokens", path)
        if looked_up is None and created is None:
            return None
        if not self._is_signed(authorization.removeprefix("Bearer ")):
            return Canned(401, {"message": "A JSON web token could not be decoded"})
        if looked_up is not None:
            kind, owner = looked_up[1], looked_up[2]
            if owner not in self.installations or (kind == "users") != (owner in self.people):
                return Canned(404, {"message": "Not Found"})
            since = "2026-01-01T00:00:00Z" if owner in self.suspended else None
            return Canned(200, {"id": self.installations[owner], "suspended_at": since})
        assert created is not None
        assert method == "POST"
        owner = next(o for o, number in self.installations.items() if str(number) == created[1])
        token = f"ghs_{owner}{len(self.tokens):016}"
        until = self.now() + HOUR
        self.tokens[token] = (until, owner)
        shown = datetime.fromtimestamp(until, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"token": token, "expires_at": shown, "permissions": self.permissions}
        return Canned(201, body)

    def _is_signed(self, token: str) -> bool:
        """As GitHub checks it: at most ten minutes, and not issued in the future."""
        self.signed.append(token)
        public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        claims = jwt.decode(
            token,
            public,
            algorithms=["RS256"],
            # By the clock of the test, not by that of the machine.
            options={"verify_exp": False, "verify_iat": False},
        )
        now = self.now()
        return bool(claims["iss"] == APP_ID and claims["iat"] <= now < claims["exp"] <= now + 600)


@cache
def _key() -> rsa.RSAPrivateKey:
    """A key; it takes longer to make than a campaign."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def new_app(now: Callable[[], float], **installations: int) -> App:
    """An App that has given out no token."""
    return App(_key(), now, installations)
