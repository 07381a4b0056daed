"""Campaigns whose pull requests are open, on stand-ins for each kind of host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import CONFIG, PLAIN, Batch
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, Hosted, RestStandIn

StandIn = GitHubStandIn | RestStandIn

BRANCH = "cci-migrate/registry-auth"
QUICK = ("--seconds-between", 0)


def delivered(github: GitHubStandIn, batch: Batch, *names: str) -> None:
    """Open a pull request in each of some repositories of GitHub."""
    for name in names:
        github.add(f"acme/{name}", {CONFIG: PLAIN})
    batch("plan", "github:acme", code=1)
    batch("apply", *QUICK, "--canary", 0)
    github.operations.clear()


class Verdicts(Struct, frozen=True):
    """What a host calls the results of CI."""

    passed: str
    failed: str
    running: str


VERDICTS = {
    GitLabStandIn: Verdicts("success", "failed", "running"),
    # The last is on another page of the list.
    BitbucketStandIn: Verdicts(
        "SUCCESSFUL " * 11, f"{'SUCCESSFUL ' * 10}FAILED", "SUCCESSFUL INPROGRESS"
    ),
    GiteaStandIn: Verdicts("success", "success failure", "pending"),
}


def verdicts(host: RestStandIn) -> Verdicts:
    """What ``host`` calls the results of CI."""
    return VERDICTS[type(host)]


@pytest.fixture(
    params=[GitLabStandIn, BitbucketStandIn, GiteaStandIn], ids=["gitlab", "bitbucket", "gitea"]
)
def host(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RestStandIn]:
    """Each host but GitHub, which must not have been asked anything undocumented."""
    root = tmp_path / "served"
    root.mkdir()
    with request.param.serving(root) as server:
        monkeypatch.setenv("CI_API_V4_URL", server.api)
        monkeypatch.setenv("BITBUCKET_API_URL", server.api)
        monkeypatch.setenv("GITEA_API_URL", server.api)
        monkeypatch.setenv(request.param.variable, server.token)
        yield server
        server.silence.set()
    assert server.faults == []


def opened(host: RestStandIn, batch: Batch, *names: str) -> dict[str, Hosted]:
    """Open a pull request in each of some repositories, whose CI passes."""
    for name in names:
        host.add(f"acme/{name}", {CONFIG: PLAIN})
    batch("plan", host.source, code=1)
    batch("apply", *QUICK, "--canary", 0)
    host.operations.clear()
    for repository in host.repositories.values():
        repository.otherwise = verdicts(host).passed
    return {name: host.repositories[f"acme/{name}"] for name in names}
