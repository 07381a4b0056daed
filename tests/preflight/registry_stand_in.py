"""Registries to log in to: the real program where it is installed, and a stand-in everywhere."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct, field

from tests.loopback_server import answering

USER, PASSWORD = "ada", "correct-horse-1"
#: ``htpasswd -Bbn -C 4 ada correct-horse-1``; the program takes only bcrypt.
HTPASSWD = "ada:$2y$04$jHJZtjDYomHsGOcwMuvbEeo0pqffu..N9uU247WUFEVl.DOvn7BFq"
PREVIEW = "/v2/ratelimitpreview/test/manifests/latest"


class Registry(Protocol):
    """A registry that runs."""

    url: str


class StandIn(Struct):
    """A registry, and its token service if ``realm`` is set (empty: HTTP Basic).

    ``limit`` is what Docker Hub would say of pulls, ``redirects`` sends a path elsewhere. ``seen``
    lists path and Authorization of each request.
    """

    url: str = ""
    realm: str = ""
    is_open: bool = False
    limit: tuple[str, str] | None = None
    limit_status: int = 200
    token_status: int = 200
    redirects: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def authorizations(self) -> set[str]:
        """The kinds of credentials that came in."""
        return {found.partition(" ")[0] for _, found in self.seen if found}


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandIn

    def do_GET(self) -> None:
        """Answer as https://distribution.github.io/distribution/spec/auth/token/ has it."""
        stand_in, path = self.stand_in, urlsplit(self.path).path
        given = self.headers.get("Authorization", "")
        stand_in.seen.append((self.path, given))
        if path in stand_in.redirects:
            self._reply(307, {"Location": stand_in.redirects[path]})
        elif path == "/token":
            self._token(given)
        elif path in ("/v2/", PREVIEW):
            self._registry(path, given)
        else:
            self._reply(404)

    do_HEAD = do_GET

    def _token(self, given: str) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if given != basic():
            self._reply(401)
        elif self.stand_in.token_status != 200:
            self._reply(self.stand_in.token_status)
        else:
            assert query["service"] == ["stand-in"]
            assert query["account"] == [USER]
            scope = query.get("scope", ["none"])[0]
            self._reply(200, {}, {"token": f"signed-for-{scope}"})

    def _registry(self, path: str, given: str) -> None:
        stand_in = self.stand_in
        scope = "repository:ratelimitpreview/test:pull" if path == PREVIEW else "none"
        wanted = f"Bearer signed-for-{scope}" if stand_in.realm else basic()
        if given != wanted and not stand_in.is_open:
            challenge = (
                f'Bearer realm="{stand_in.realm}",service="stand-in"'
                if stand_in.realm
                else 'Basic realm="stand-in"'
            )
            self._reply(401, {"WWW-Authenticate": challenge})
        elif path == PREVIEW:
            limit, left = stand_in.limit or ("", "")
            told = {"ratelimit-limit": limit, "ratelimit-remaining": left}
            self._reply(stand_in.limit_status, told if stand_in.limit else {})
        else:
            self._reply(200)

    def _reply(self, status: int, headers: dict[str, str] | None = None, body: Any = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Tell nothing."""


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """The Authorization of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@contextmanager
def standing_in(*, with_tokens: bool = False) -> Iterator[StandIn]:
    """A stand-in that answers."""
    stand_in = StandIn()
    with answering(type("Handler", (_Handler,), {"stand_in": stand_in})) as url:
        stand_in.url = url
        stand_in.realm = f"{url}/token" if with_tokens else ""
        yield stand_in


def program() -> str | None:
    """The registry of Distribution, as Debian (``docker-registry``) or others call it."""
    return shutil.which("docker-registry") or shutil.which("registry")


class Running(Struct):
    """The real program."""

    url: str


@contextmanager
def running(folder: Path, auth: str) -> Iterator[Running]:
    """The real program with ``auth`` in its configuration; at the end it is gone."""
    found = program()
    assert found is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{inmemory: {{}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\nauth:\n{auth}"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([found, "serve", str(config)], stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, process, folder / "registry.log")
            yield Running(url)
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def running_with_passwords(folder: Path) -> Iterator[Running]:
    """The real program with an htpasswd file."""
    (folder / "htpasswd").write_text(f"{HTPASSWD}\n")
    with running(folder, f"  htpasswd: {{realm: r, path: {folder / 'htpasswd'}}}\n") as registry:
        yield registry


@contextmanager
def running_with_tokens(folder: Path) -> Iterator[Running]:
    """The real program, and a token service that signs with a key that it trusts."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=issuer"),
            *("-days", "2", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )

    class Issuer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            if self.headers.get("Authorization") != basic():
                self.send_error(401)
                return
            data = json.dumps({"token": _signed(query["service"][0], key, certificate)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Tell nothing."""

    with answering(Issuer) as url:
        auth = (
            f"  token: {{realm: '{url}/token', service: here, issuer: issuer, "
            f"rootcertbundle: {certificate}}}\n"
        )
        with running(folder, auth) as registry:
            yield registry


def _signed(service: str, key: Path, certificate: Path) -> str:
    """A token as https://distribution.github.io/distribution/spec/auth/jwt/ has it."""
    lines = certificate.read_text().splitlines()
    header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(lines[1:-1])]}
    now = int(time.time())
    names = {"iss": "issuer", "sub": USER, "aud": service, "access": [], "jti": "1"}
    claims = {**names, "exp": now + 300, "nbf": now - 60, "iat": now}
    text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(key)],
        input=text.encode(),
        check=True,
        capture_output=True,
    ).stdout
    return f"{text}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{url}/v2/", timeout=5).close()  # noqa: S310 - http, here
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"the registry does not answer: {log.read_text()}")
