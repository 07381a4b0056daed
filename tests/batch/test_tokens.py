"""Which server gets which token, and that it goes nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from cci_migrate.forges.repository import Kind
from cci_migrate.forges.tokens import Tokens
from cci_migrate.transport.host_errors import HostError
from cci_migrate.transport.http import Api
from cci_migrate.transport.pace import Lane, PaceLimits, SystemClock
from cci_migrate.transport.progress import Lines
from cci_migrate.transport.write_record import WriteRecord
from tests.loopback_server import answering

TOKEN = "a-token-of-one-host-only"
SERVERS = (
    *("GITHUB_API_URL", "CI_API_V4_URL", "GITLAB_HOST", "BITBUCKET_API_URL"),
    *("GITEA_API_URL", "GITEA_SERVER_URL"),
)
VARIABLES = (
    *("GH_TOKEN", "GITHUB_TOKEN", "GITLAB_TOKEN", "BITBUCKET_TOKEN", "GITLAB_ACCESS_TOKEN"),
    "GITEA_TOKEN",
)


@pytest.mark.parametrize(
    ("kind", "host", "server", "is_found"),
    [
        (Kind.GITHUB, "github.com", "", True),
        (Kind.GITHUB, "acme.ghe.com", "", True),
        (Kind.GITHUB, "git.acme.example", "", False),
        (Kind.GITHUB, "git.acme.example", "GITHUB_API_URL=https://git.acme.example/api/v3", True),
        (Kind.GITHUB, "git.acme.example", "GITHUB_API_URL=https://api.github.com", False),
        (Kind.GITHUB, "github.com.evil.example", "", False),
        (Kind.GITHUB, "evil-ghe.com", "", False),
        (Kind.GITLAB, "gitlab.com", "", True),
        (Kind.GITLAB, "git.acme.example", "", False),
        (Kind.GITLAB, "git.acme.example", "CI_API_V4_URL=https://git.acme.example/api/v4", True),
        (Kind.GITLAB, "git.acme.example", "GITLAB_HOST=git.acme.example", True),
        (Kind.GITLAB, "git.acme.example", "GITLAB_HOST=https://git.acme.example", True),
        (Kind.GITLAB, "git.acme.example:8443", "GITLAB_HOST=git.acme.example", False),
        (Kind.BITBUCKET, "bitbucket.org", "", True),
        (Kind.BITBUCKET, "git.acme.example", "", False),
        (Kind.GITEA, "gitea.com", "", True),
        (Kind.GITEA, "codeberg.org", "", False),
        (Kind.GITEA, "codeberg.org", "GITEA_SERVER_URL=https://codeberg.org", False),
        (Kind.GITEA, "git.acme.example", "", False),
        (Kind.GITEA, "git.acme.example", "GITEA_API_URL=https://git.acme.example/api/v1", True),
        (Kind.GITEA, "git.acme.example", "GITEA_SERVER_URL=https://git.acme.example", True),
    ],
)
def test_a_token_of_one_server_is_not_for_another(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, host: str, server: str, is_found: bool
) -> None:
    monkeypatch.setenv("PATH", "")
    for name in (*SERVERS, "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in VARIABLES:
        monkeypatch.setenv(name, TOKEN)
    if server:
        monkeypatch.setenv(*server.split("=", 1))
    assert (Tokens().find(kind, host) == TOKEN) is is_found


@contextmanager
def listening(location: str = "") -> Iterator[tuple[str, list[str]]]:
    """A server (its address, and the authorizations that it got) that redirects to ``location``."""
    authorizations: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            authorizations.append(self.headers.get("Authorization", ""))
            self.send_response(302 if location else 200)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with answering(Handler) as url:
        yield url, authorizations


@contextmanager
def api_at(root: str) -> Iterator[Api]:
    record = WriteRecord.in_memory()
    clock = SystemClock()
    limits = PaceLimits(per_hour=1000, apart=0.0)
    lane = Lane("test", record, limits, clock, clock.now() + 10, Lines(sys.stderr))
    api = Api(root, lambda _: TOKEN, lane, clock)
    try:
        yield api
    finally:
        api.close()
        lane.end()
        record.close()


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:PORT/page/2",
        "http://127.0.0.1:1/page/2",
        "https://127.0.0.1.evil.example/page/2",
        "http://127.0.0.1@evil.example/page/2",
        "http://127.0.0.1:99999999/page/2",
        "ftp://127.0.0.1/page/2",
    ],
)
def test_a_link_to_another_address_is_not_opened(link: str) -> None:
    with listening() as (root, own), listening() as (other, authorizations), api_at(root) as api:
        assert api.read("GET", f"{root}/page/1").status == 200
        with pytest.raises(HostError, match="not opened"):
            api.read("GET", link.replace("http://127.0.0.1:PORT", other))
    assert own == [f"Bearer {TOKEN}"]
    assert authorizations == []


def test_a_link_of_an_encrypted_api_is_not_opened_unencrypted() -> None:
    with api_at("https://git.acme.example") as api, pytest.raises(HostError, match="not opened"):
        api.read("GET", "http://git.acme.example/page/2")


def test_a_redirect_does_not_carry_the_token_to_another_host() -> None:
    with listening() as (other, authorizations):
        location = other.replace("127.0.0.1", "localhost")
        with listening(location) as (root, own), api_at(root) as api:
            api.read("GET", "/page/1")
    assert (own, authorizations) == ([f"Bearer {TOKEN}"], [""])
