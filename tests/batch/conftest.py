"""Real repositories, a real git server and the real commands, for every test of the batch."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
import stamina

from cci_migrate.campaign import planner, repository_plan
from cci_migrate.campaign.repository_plan import RepositoryPlan
from cci_migrate.cli import batch_sessions
from cci_migrate.forges.committer import user_signs_commits
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
        # Equal commits are the same one, and read once.
        monkeypatch.setenv(f"GIT_{role}_DATE", "1700000000 +0000")
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
def _equal_repositories_are_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of repositories have one of a few configs: what becomes of it is worked out once."""
    monkeypatch.setattr(planner, "plan_repository", _planned)


_plans: dict[tuple[object, ...], RepositoryPlan] = {}


def _planned(
    files: Mapping[str, bytes],
    policy: Policy,
    others: Mapping[str, bytes | None],
    *limits: Any,
    **options: Any,
) -> RepositoryPlan:
    known = (*files.items(), None, *others.items(), None, *limits, *options.items())
    key = (policy, *known)
    if key not in _plans:
        plan = repository_plan.plan_repository(files, policy, others, *limits, **options)
        if not plan.is_repeatable:
            return plan
        _plans[key] = plan
    return _plans[key]


@pytest.fixture(autouse=True)
def _nobody_signs_without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git is asked whether the user signs commits only where the user has settings."""
    monkeypatch.setattr(
        batch_sessions,
        "user_signs_commits",
        lambda: os.environ["GIT_CONFIG_GLOBAL"] != os.devnull and user_signs_commits(),
    )


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """The commands, on a campaign of this test's own."""
    return Batch(tmp_path / "campaign")


@pytest.fixture(autouse=True)
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
