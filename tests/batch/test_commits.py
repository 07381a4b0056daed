"""Commits that git makes: whose they are, what they say, and what becomes of a refused push."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cci_migrate.campaign.commit_trailers import with_trailers
from tests.batch.git_server import GitServer
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    Batch,
    bare,
    checkout,
    content,
    git,
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Log in", "Log in\n\nA: 1\nB: 2\n"),
        ("Ticket: log in\n", "Ticket: log in\n\nA: 1\nB: 2\n"),
        ("Log in\n\nWhy:\nso.", "Log in\n\nWhy:\nso.\n\nA: 1\nB: 2\n"),
        ("Log in\n\nWhy.\n\nTicket: 7\n", "Log in\n\nWhy.\n\nTicket: 7\nA: 1\nB: 2\n"),
        ("Log in\n\nA: 1\n  more\n", "Log in\n\nA: 1\n  more\nB: 2\n"),
        ("Log in\n\nA: 1\nB: 2\n", "Log in\n\nA: 1\nB: 2\n"),
    ],
)
def test_trailers_join_those_that_are_there(message: str, expected: str) -> None:
    assert with_trailers(message, ["A: 1", "B: 2"]) == expected


def test_a_commit_is_signed_off_among_its_trailers(tmp_path: Path, batch: Batch) -> None:
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN})
    batch("plan", folder, code=1)
    message = "Log in\n\nAs agreed.\n\nTicket: OPS-7"
    batch("apply", "--local", "branch", "--message", message, "--signoff")
    written = git(folder, "log", "-1", "--format=%B", BRANCH)
    trailers = git(folder, "interpret-trailers", "--parse", stdin=written.encode()).splitlines()
    assert trailers[:2] == ["Ticket: OPS-7", "Signed-off-by: Ada <ada@example.com>"]
    assert [line.partition(":")[0] for line in trailers[2:]] == [
        "Cci-Migrate-Change",
        "Cci-Migrate-Campaign",
    ]


def test_without_an_identity_there_is_one_error_at_the_start(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch, git_server: GitServer
) -> None:
    checkouts = [checkout(tmp_path / "all" / name, {CONFIG: PLAIN}) for name in ("one", "two")]
    origin = bare(git_server.root / "api.git", {CONFIG: PLAIN})
    batch("plan", tmp_path / "all", git_server.url("api.git"), code=1)
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n\tuseConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    for mode in ("branch", "in-place"):
        result = batch("apply", "--local", mode, "--seconds-between", 0, code=2)
        assert "git does not know who you are" in result.stderr
        assert result.stderr.count("\n") == 1
    batch("apply", "--signoff", code=2)
    assert set(batch.states().values()) == {"planned"}
    for folder in (*checkouts, origin):
        assert git(folder, "branch", "--list", BRANCH) == ""
    # Files that are rewritten need no identity.
    batch("apply", "*/one", "*/two", code=1)
    assert batch.states() == {"one": "changed", "two": "changed", "api": "planned"}


def test_where_the_users_key_signs_nothing_it_is_said_before(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch, github: GitHubStandIn
) -> None:
    github.planned(batch, "api")
    settings = tmp_path / "gitconfig"
    settings.write_text("[commit]\n\tgpgSign = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    warning = "are not signed with your key"
    assert warning in batch("apply", "--seconds-between", 0).stderr.splitlines()[0]


SIGNER = """\
#!/bin/sh
cat > /dev/null
echo "$*" >> "$0.log"
echo '[GNUPG:] SIG_CREATED ' >&2
printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nsigned\\n-----END PGP SIGNATURE-----\\n'
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the signer is a shell script")
def test_a_checkout_that_signs_its_commits_gets_signed_ones(
    tmp_path: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the user's program, with the checkout's key; a program of the checkout is not run."""
    signer = tmp_path / "signer"
    signer.write_text(SIGNER)
    signer.chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[gpg]\n\tprogram = "{signer}"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    folder = checkout(tmp_path / "one", {CONFIG: PLAIN})
    git(folder, "config", "commit.gpgSign", "true")
    git(folder, "config", "user.signingKey", "0123ABCD")
    git(folder, "config", "gpg.program", str(tmp_path / "planted"))
    batch("plan", folder, code=1)
    batch("apply", "--local", "branch")
    assert "signed" in git(folder, "cat-file", "commit", BRANCH)
    assert "0123abcd" in (tmp_path / "signer.log").read_text().lower()


HOOK = "#!/bin/sh\necho 'Commits must name a ticket.' >&2\necho >&2\nexit 1\n"


@pytest.mark.parametrize("is_local", [True, False], ids=["checkout", "url"])
def test_a_hooks_refusal_is_shown_and_not_repeated(
    is_local: bool, tmp_path: Path, batch: Batch, git_server: GitServer
) -> None:
    origin = bare(git_server.root / "api.git", {CONFIG: PLAIN})
    hook = origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)
    git(tmp_path, "clone", "--quiet", git_server.url("api.git"), str(tmp_path / "api"))
    pushes: list[str] = []
    git_server.watch_push = pushes.append
    batch("plan", tmp_path / "api" if is_local else git_server.url("api.git"), code=1)
    batch("apply", "--local", "push", "--seconds-between", 0, code=3)
    (record,) = batch.results().values()
    assert record["state"] == "failed"
    assert record["cause"].endswith(
        f"{BRANCH} (pre-receive hook declined); remote: Commits must name a ticket."
    )
    assert pushes.count("before") == 1
    hook.unlink()
    batch("apply", "--local", "push", "--seconds-between", 0)
    assert content(origin, BRANCH) == FIXED


def test_a_head_without_a_commit_is_named(
    tmp_path: Path, batch: Batch, git_server: GitServer, github: GitHubStandIn
) -> None:
    here = checkout(tmp_path / "here", {CONFIG: PLAIN})
    remote = bare(git_server.root / "remote.git", {CONFIG: PLAIN})
    hosted = github.add("acme/hosted", {CONFIG: PLAIN})
    batch("plan", here, code=1)
    for folder in (here, remote):
        git(folder, "symbolic-ref", "HEAD", "refs/heads/trunk")
    git(hosted.folder, "branch", "--move", "main", "dev")
    batch("plan", git_server.url("remote.git"), "github:acme", code=3)
    batch("apply", "here", "--local", "branch", code=3)
    causes = {name: record["cause"] for name, record in batch.results().items()}
    assert causes["here"].endswith(
        "HEAD is on the branch trunk, which has no commit; switch to one that has"
    )
    missing = "the default branch does not exist; set it to one that does"
    assert causes["remote"] == f"{missing} (main)"
    assert causes["hosted"] == missing
    assert set(batch.states().values()) == {"failed"}
