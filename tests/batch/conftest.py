"""Real repositories, a real git server and the real commands, for every test of the batch."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from cci_migrate.cli import batch_sessions
from cci_migrate.transport.http import READ_ATTEMPTS
from tests.batch.clocks import QuickClock
from tests.batch.git_server import GitServer
from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import Batch
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn

#: The variables that say where to work, and as whom.
PREFIXES = ("GIT_", "GITHUB_", "GH_", "GITLAB_", "BITBUCKET_", "GITEA_", "FORGEJO_", "CIRCLE")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person or the CI that runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    # Every server is on this machine. To look for a proxy costs more than a request.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.fixture(autouse=True)
def _no_wait_between_attempts() -> Iterator[None]:
    """A read that failed is repeated as often as it is, but at once."""
    stamina.set_testing(True, attempts=READ_ATTEMPTS)
    yield
    stamina.set_testing(False)


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """The commands, on a campaign of this test's own."""
    return Batch(tmp_path / "campaign")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> QuickClock:
    """The commands' clock: waits take no time, and are counted."""
    made = QuickClock()
    monkeypatch.setattr(batch_sessions, "SystemClock", lambda: made)
    return made


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    """Bare repositories behind smart HTTP."""
    root = tmp_path / "served"
    root.mkdir()
    exec_path = subprocess.run(
        ["git", "--exec-path"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not (Path(exec_path) / "git-http-backend").exists():
        pytest.skip("this git comes without http-backend")
    with GitServer.serving(root) as server:
        yield server


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubStandIn]:
    """A GitHub without repositories."""
    root = tmp_path / "github"
    root.mkdir()
    with GitHubStandIn.serving(root) as server:
        monkeypatch.setenv("GITHUB_API_URL", server.api)
        monkeypatch.setenv("GH_TOKEN", server.token)
        yield server


@pytest.fixture(params=[GitHubStandIn, GitLabStandIn, BitbucketStandIn, GiteaStandIn])
def forge(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GitHubStandIn | RestStandIn]:
    """Each kind of host with pull requests, without repositories."""
    root = tmp_path / "served"
    root.mkdir()
    with request.param.serving(root) as server:
        for variable in ("GITHUB_API_URL", "CI_API_V4_URL", "BITBUCKET_API_URL", "GITEA_API_URL"):
            monkeypatch.setenv(variable, server.api)
        for variable in ("GH_TOKEN", "GITLAB_TOKEN", "BITBUCKET_TOKEN", "GITEA_TOKEN"):
            monkeypatch.setenv(variable, server.token)
        yield server
    assert getattr(server, "faults", []) == []
