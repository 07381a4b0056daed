"""Real repositories, a real git server and the real commands, for every test of the batch."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
import stamina
from msgspec.structs import replace

from cci_migrate.campaign import repository_plan
from cci_migrate.cli import batch_sessions
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.outcomes import Outcome
from cci_migrate.findings import APPLY_ALL, Decisions
from cci_migrate.policy.settings import Policy
from cci_migrate.transport.http import READ_ATTEMPTS
from tests.batch.clocks import QuickClock
from tests.batch.git_server import GitServer
from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.hosts import StandIn, served
from tests.batch.repositories import Batch
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, RestStandIn

#: The variables that say where to work, and as whom.
PREFIXES = ("GIT_", "GITHUB_", "GH_", "GITLAB_", "BITBUCKET_", "GITEA_", "FORGEJO_", "CIRCLE")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person or the CI that runs the tests reaches them, nor a file of theirs."""
    monkeypatch.chdir(tmp_path)
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


@pytest.fixture(autouse=True)
def _equal_campaigns_have_equal_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first campaign of each test has the same id: equal commits are made and read once."""
    drawn = Random(0)  # noqa: S311 - keeps no secret
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=drawn.getrandbits(128), version=4))


@pytest.fixture(autouse=True)
def _equal_configs_are_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of repositories have one of a few configs: what becomes of it is worked out once.

    Not of one for which the repository's other files are read: the host is asked for these.
    """
    monkeypatch.setattr(repository_plan, "_outcome", _planned)


_outcome = repository_plan._outcome
_outcomes: dict[tuple[object, ...], Outcome] = {}


def _planned(
    config: ConfigFiles, policy: Policy, decisions: Decisions, is_void: Callable[[], bool]
) -> Outcome | None:
    key = (*config.files.items(), config.related, config.compiled, policy)
    if key in _outcomes and decisions == APPLY_ALL and not is_void():
        return _outcomes[key]
    read: list[str] = []

    def reading(path: str) -> bytes | None:
        read.append(path)
        return config.read(path)

    outcome = _outcome(replace(config, read=reading), policy, decisions, is_void)
    if outcome is not None and decisions == APPLY_ALL and not read:
        _outcomes[key] = outcome
    return outcome


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """The commands, on a campaign of this test's own."""
    return Batch(tmp_path / "campaign")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> QuickClock:
    """The commands' clock: waits take no time, and are counted."""
    quick_clock = QuickClock()
    monkeypatch.setattr(batch_sessions, "SystemClock", lambda: quick_clock)
    return quick_clock


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
    with served(GitHubStandIn, tmp_path, monkeypatch) as server:
        yield server


@pytest.fixture
def gitlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLabStandIn]:
    """A GitLab without repositories."""
    with served(GitLabStandIn, tmp_path, monkeypatch) as server:
        yield server


@pytest.fixture
def bitbucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BitbucketStandIn]:
    """A Bitbucket without repositories."""
    with served(BitbucketStandIn, tmp_path, monkeypatch) as server:
        yield server


@pytest.fixture
def gitea(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GiteaStandIn]:
    """A Gitea without repositories, where its own CI names it."""
    with served(GiteaStandIn, tmp_path, monkeypatch) as server:
        monkeypatch.delenv("GITEA_API_URL")
        monkeypatch.setenv("GITEA_SERVER_URL", server.url(""))
        yield server


@pytest.fixture(params=[GitHubStandIn, GitLabStandIn, BitbucketStandIn, GiteaStandIn])
def forge(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StandIn]:
    """Each kind of host with pull requests, without repositories."""
    with served(request.param, tmp_path, monkeypatch) as server:
        yield server


@pytest.fixture(
    params=[GitLabStandIn, BitbucketStandIn, GiteaStandIn], ids=["gitlab", "bitbucket", "gitea"]
)
def host(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RestStandIn]:
    """Each kind of host but GitHub, without repositories."""
    with served(request.param, tmp_path, monkeypatch) as server:
        yield server
