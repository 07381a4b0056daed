"""What the name of a source means, and what is said of one that means nothing."""

from __future__ import annotations

import pytest

from cci_migrate.campaign.source_names import SourceError, read_git_url, read_hosted


@pytest.mark.parametrize(
    ("text", "address", "name"),
    [
        ("github:acme", "https://api.github.com", "acme"),
        ("https://github.com/acme/api.git", "https://api.github.com", "acme/api"),
        ("github+https://git.acme.example:8443/a", "https://git.acme.example:8443/api/v3", "a"),
        ("github+https://acme.ghe.com/a", "https://api.acme.ghe.com", "a"),
        ("gitlab:acme/platform/", "https://gitlab.com/api/v4", "acme/platform"),
        ("gitlab+https://git.acme.example/a/b/c", "https://git.acme.example/api/v4", "a/b/c"),
        ("bitbucket:Acme/API", "https://api.bitbucket.org/2.0", "acme/api"),
        ("https://bitbucket.org/Acme/API", "https://api.bitbucket.org/2.0", "acme/api"),
        ("gitea:acme", "https://gitea.com/api/v1", "acme"),
        ("forgejo:acme/api", "https://codeberg.org/api/v1", "acme/api"),
        ("https://codeberg.org/acme", "https://codeberg.org/api/v1", "acme"),
        ("gitea+https://git.acme.example:3000/a/b", "https://git.acme.example:3000/api/v1", "a/b"),
        ("forgejo+https://git.acme.example/a/", "https://git.acme.example/api/v1", "a"),
    ],
)
def test_the_root_of_the_api_that_a_name_means(text: str, address: str, name: str) -> None:
    ref = read_hosted(text)
    assert ref is not None
    assert (ref.address, ref.name) == (address, name)


@pytest.mark.parametrize(
    ("variable", "value", "address"),
    [
        ("GITEA_API_URL", "https://git.acme.example/gitea/api/v1/", "gitea/api/v1"),
        ("GITEA_SERVER_URL", "https://git.acme.example/gitea/", "gitea/api/v1"),
    ],
)
def test_the_environment_names_another_server(
    variable: str, value: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    for text in ("gitea:acme", "forgejo:acme"):
        ref = read_hosted(text)
        assert ref is not None
        assert (ref.host, ref.address) == (
            "git.acme.example",
            f"https://git.acme.example/{address}",
        )


@pytest.mark.parametrize(
    "text",
    [
        "https://git.acme.example/team/api.git",
        "https://git.acme.example/api.git",
        "https://git.acme.example/team/api",
        "https://dev.azure.com/acme/platform/_git/api",
        "git@ssh.dev.azure.com:v3/acme/platform/api",
        "ssh://git@git.acme.example/api",
        "git+https://git.acme.example/api",
    ],
)
def test_a_url_of_a_repository(text: str) -> None:
    assert read_hosted(text) is None
    assert read_git_url(text) == text.removeprefix("git+")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("azure:acme", "azure is not a supported kind of host"),
        ("codecommit:acme/api", "codecommit is not a supported kind of host"),
        ("gerrit+https://git.acme.example/api", "gerrit is not a supported kind of host"),
        ("https://dev.azure.com/acme", "not the URL of a repository"),
        ("https://dev.azure.com/acme/platform", "not the URL of a repository"),
        ("https://gitee.com/acme", "not the URL of a repository"),
        ("https://git.acme.example/", "not the URL of a repository"),
        ("bitbucket+https://git.acme.example/a", "only Bitbucket Cloud is supported"),
        ("github+http://git.acme.example/a", "write github:OWNER"),
        ("github:ac me", "write github:OWNER"),
        ("nowhere", "is not a source"),
        ("C:\\checkouts", "is not a source"),
    ],
)
def test_what_is_no_source_is_said_before_anything_is_sent(text: str, problem: str) -> None:
    assert read_hosted(text) is None
    with pytest.raises(SourceError, match=problem):
        read_git_url(text)


@pytest.mark.parametrize(
    ("variable", "root", "text", "problem"),
    [
        (
            "BITBUCKET_API_URL",
            "https://git.acme.example/rest/api/1.0",
            "bitbucket:acme",
            "names a Bitbucket Data Center",
        ),
        ("GITHUB_API_URL", "https://git.acme.example/api/v1", "github:acme", "a Gitea or Forgejo"),
    ],
)
def test_a_variable_with_another_kind_of_server(
    variable: str, root: str, text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, root)
    with pytest.raises(SourceError, match=problem):
        read_hosted(text)
