"""A campaign as a GitHub App: its JWT, the tokens of its installations, and what goes wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cci_migrate.cli.main_command import main_command
from cci_migrate.forges.repository import Kind
from cci_migrate.forges.tokens import AppKey, Tokens
from tests.batch.clocks import QuickClock
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import AT_ONCE, CONFIG, FIXED, PLAIN, Batch

pytest.importorskip("jwt", reason="the extra cci-migrate[app] is not installed")

from tests.batch.github_app_stand_in import APP_ID, App, new_app


@pytest.fixture
def app(
    github: GitHubStandIn, clock: QuickClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> App:
    """An App that acme and ada have installed; there is no other login."""
    app = new_app(clock.now, acme=1, ada=2)
    app.people = ("ada",)
    github.app, github.token = app, ""
    monkeypatch.delenv("GH_TOKEN")
    monkeypatch.setenv("GITHUB_APP_ID", APP_ID)
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY_FILE", str(app.write_key(tmp_path / "key.pem")))
    return app


def test_each_owner_has_a_token_of_its_own_and_none_is_shown(
    app: App, github: GitHubStandIn, batch: Batch
) -> None:
    for name in ("acme/api", "acme/web", "ada/cli"):
        github.add(name, {CONFIG: PLAIN})
    output = batch("plan", "github:acme", "github:ada/cli", "-v", code=1).output
    output += batch("apply", *AT_ONCE, "-v", "--log-format", "json").output
    assert set(batch.states().values()) == {"pull-request-open"}
    assert {owner for _, owner in app.tokens.values()} == {"acme", "ada"}
    written = [path.read_bytes() for path in batch.folder.rglob("*") if path.is_file()]
    for secret in (*app.tokens, *app.signed):
        assert secret not in output
        assert not any(secret.encode() in data for data in written)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_key_that_others_can_read_is_noted(
    github: GitHubStandIn, batch: Batch, tmp_path: Path, log_format: str
) -> None:
    github.add("acme/api", {CONFIG: PLAIN})
    arguments = ("github:acme", "--log-format", log_format)
    note = "other users of this machine can read the App's key; chmod 600 it"
    assert note not in batch("plan", *arguments, code=1).stderr
    (tmp_path / "key.pem").chmod(0o640)
    first = batch("plan", *arguments, code=1).stderr.splitlines()[0]
    assert note in (json.loads(first)["text"] if log_format == "json" else first)


def test_doctor_reads_the_campaigns_repositories_as_the_app(
    app: App, github: GitHubStandIn, batch: Batch, tmp_path: Path
) -> None:
    github.add("acme/api", {CONFIG: FIXED})
    batch("plan", "github:acme")
    before = len(app.tokens)
    (tmp_path / "key.pem").chmod(0o640)
    words = ["doctor", "--campaign", str(batch.folder), "--only", "registries"]
    environment = {"DOCKER_CONFIG": str(tmp_path), "DOCKERHUB_PASSWORD": None}
    done = CliRunner().invoke(main_command, words, env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "registry Docker Hub\n  unknown    can't check the login" in done.stdout
    assert "other users of this machine can read the App's key" in done.stderr
    assert len(app.tokens) == before + 1


def test_a_token_is_replaced_before_it_expires(
    app: App, github: GitHubStandIn, batch: Batch
) -> None:
    names = [f"r{number}" for number in range(4)]
    github.planned(batch, *names)
    first = len(app.tokens)
    batch("apply", "--per-hour", 1, "--canary", 0)  # takes three hours
    assert set(batch.states().values()) == {"pull-request-open"}
    assert len(app.tokens) - first == 4
    assert app.expired == 0


def test_a_token_that_was_revoked_is_replaced(
    app: App, github: GitHubStandIn, batch: Batch
) -> None:
    github.add("acme/api", {CONFIG: PLAIN})

    def watch(request: object) -> None:
        if getattr(request, "operation", "") == "CreatePullRequest" and len(app.tokens) == 2:
            app.tokens.update(dict.fromkeys(app.tokens, (0.0, "acme")))

    batch("plan", "github:acme", code=1)
    github.watch = watch
    batch("apply", *AT_ONCE)
    assert batch.states() == {"api": "pull-request-open"}
    assert len(app.tokens) == 3


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ("not installed", "the App is not installed for nobody"),
        ("suspended", "the App's installation for acme is suspended"),
        ("no key", "has no RSA private key in PEM"),
        ("another App", "GitHub does not accept the App's id with this key"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    case: str,
    problem: str,
    app: App,
    github: GitHubStandIn,
    batch: Batch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    github.add("acme/api", {CONFIG: PLAIN})
    source = "github:nobody" if case == "not installed" else "github:acme"
    if case == "suspended":
        app.suspended = ("acme",)
    if case == "no key":
        (tmp_path / "key.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\nhush\n")
    if case == "another App":
        monkeypatch.setenv("GITHUB_APP_ID", "654321")
    result = batch("plan", source, code=None)
    assert result.exit_code in (2, 3)
    assert problem in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "hush" not in result.output


def test_without_the_extra_it_says_what_to_install(
    app: App, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    assert "install cci-migrate[app]" in batch("plan", "github:acme", code=2).stderr
    assert app.signed == []


def test_an_id_without_a_key_is_an_error(
    app: App, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the environment, the id alone may be for another program."""
    monkeypatch.delenv("GITHUB_APP_PRIVATE_KEY_FILE")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert "give --app-id and --app-key" in batch("plan", "github:acme", code=2).stderr
    alone = ("--app-id", APP_ID)
    assert "require each other" in batch("plan", "github:acme", *alone, code=2).stderr
    assert app.signed == []


def test_what_the_installation_may_not_do_is_said(
    app: App, github: GitHubStandIn, batch: Batch
) -> None:
    app.permissions["pull_requests"] = "read"
    github.add("acme/api", {CONFIG: PLAIN})
    output = batch("plan", "github:acme", code=None).output
    output += batch("apply", "--check-access", code=None).output
    assert "lacks write access to Pull requests" in output
    app.permissions["pull_requests"] = "write"
    batch("apply", *AT_ONCE)


@pytest.mark.parametrize(
    ("kind", "host", "is_used"),
    [
        (Kind.GITHUB, "github.com", True),
        (Kind.GITHUB, "acme.ghe.com", True),
        (Kind.GITHUB, "git.acme.example", False),
        (Kind.GITLAB, "gitlab.com", False),
    ],
)
def test_an_app_is_used_where_it_is_from(kind: Kind, host: str, is_used: bool) -> None:
    key = AppKey(APP_ID, Path("key.pem"))
    assert (Tokens(app=key).app_for(kind, host) is key) is is_used
    assert Tokens("a-command", key).app_for(kind, host) is None
