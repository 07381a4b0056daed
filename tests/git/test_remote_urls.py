"""Remotes are servers, reached by git itself, and credentials are no part of their URLs."""

from __future__ import annotations

import pytest

from cci_migrate.transport.git.remote_urls import read_remote_url


@pytest.mark.parametrize(
    ("text", "url", "protocol"),
    [
        ("https://example.com/a/b.git", "https://example.com/a/b.git", "https"),
        ("http://example.com:8080/a", "http://example.com:8080/a", "http"),
        ("git@example.com:a/b", "git@example.com:a/b", "ssh"),
        ("example.com:a", "example.com:a", "ssh"),
        ("ssh://git@example.com:22/a", "ssh://git@example.com:22/a", "ssh"),
        ("ssh://ada:pw@example.com/a", "ssh://ada@example.com/a", "ssh"),
        ("git+ssh://git@example.com/a", "git+ssh://git@example.com/a", "ssh"),
        ("git://example.com/a", "git://example.com/a", "git"),
        ("file:///srv/a.git", "file:///srv/a.git", "file"),
        ("../a:b", "../a:b", "file"),
        ("C:\\a", "C:\\a", "file"),
        ("https://ada@example.com/a", "https://example.com/a", "https"),
        ("https://ada:pw@example.com/a", "https://example.com/a", "https"),
    ],
)
def test_the_address_and_the_protocol(text: str, url: str, protocol: str) -> None:
    remote = read_remote_url(text)
    assert (remote.url, remote.protocol) == (url, protocol)


@pytest.mark.parametrize(
    "text", ["ext::sh -c id", "fd::7", "::x", "-oProxyCommand=id", "svn://a/b", "https://a\n/b", ""]
)
def test_what_is_no_server_is_not_opened(text: str) -> None:
    with pytest.raises(ValueError, match="git is"):
        read_remote_url(text)


def test_the_login_goes_to_its_own_host_and_is_not_shown() -> None:
    remote = read_remote_url("https://ada:p%40ss@example.com:8443/a.git")
    assert remote.login == {
        "http.https://example.com:8443/.extraHeader": "Authorization: Basic YWRhOnBAc3M="
    }
    assert "YWRhOnBAc3M" not in repr(remote)
    named = read_remote_url("https://ghp_0123456789@example.com/a.git")
    assert named.login == {"credential.https://example.com.username": "ghp_0123456789"}
    assert "ghp_" not in repr(named)
