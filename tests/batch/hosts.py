"""Stand-ins for hosts while a test runs, and campaigns whose pull requests are open on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.batch.gitea_stand_in import GiteaStandIn
from tests.batch.github_stand_in import GitHubStandIn, Repository
from tests.batch.host_stand_in import HostStandIn
from tests.batch.repositories import (
    BRANCH,
    FIXED,
    PLAIN,
    QUICK,
    Batch,
    branches,
    content,
    git,
)
from tests.batch.rest_stand_ins import BitbucketStandIn, GitLabStandIn, Hosted, RestStandIn

StandIn = GitHubStandIn | RestStandIn
HOSTS: Mapping[str, type[StandIn]] = {
    "github": GitHubStandIn,
    "gitlab": GitLabStandIn,
    "bitbucket": BitbucketStandIn,
    "gitea": GiteaStandIn,
}
#: For what GitLab, Bitbucket and Gitea do in common (`RestHost`): GitHub, and one of them.
ONE_OF_EACH: tuple[type[StandIn], ...] = (GitHubStandIn, GitLabStandIn)
on_one_of_each = pytest.mark.parametrize("forge", ONE_OF_EACH, indirect=True)
_Host = TypeVar("_Host", bound=HostStandIn[Any])


@contextmanager
def served(kind: type[_Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Host]:
    """A host without repositories, which must not have been asked anything undocumented."""
    root = tmp_path / kind.__name__
    root.mkdir()
    with kind.serving(root) as server:
        for variable in ("GITHUB_API_URL", "CI_API_V4_URL", "BITBUCKET_API_URL", "GITEA_API_URL"):
            monkeypatch.setenv(variable, server.api)
        for variable in ("GH_TOKEN", "GITLAB_TOKEN", "BITBUCKET_TOKEN", "GITEA_TOKEN"):
            monkeypatch.setenv(variable, server.token)
        yield server
    assert server.faults == []


def delivered(github: GitHubStandIn, batch: Batch, *names: str) -> None:
    """Open a pull request in each of some repositories of GitHub."""
    github.planned(batch, *names)
    batch("apply", *QUICK, "--canary", 0)
    github.operations.clear()


def is_delivered(repository: Repository | Hosted) -> bool:
    """Whether a repository has exactly one branch, one commit and one pull request of ours."""
    folder = repository.folder
    return (
        branches(folder) == [BRANCH, "main"]
        and content(folder, BRANCH) == FIXED
        and content(folder, "main") == PLAIN
        and git(folder, "rev-list", "--count", f"main..{BRANCH}") == "1"
        and repository.pull_states == ["open"]
    )


def opened(host: RestStandIn, batch: Batch, *names: str) -> dict[str, Hosted]:
    """Open a pull request in each of some repositories, whose CI passes."""
    made = host.planned(batch, *names)
    batch("apply", *QUICK, "--canary", 0)
    host.operations.clear()
    for repository in made:
        repository.otherwise = host.verdicts.passed
    return dict(zip(names, made, strict=True))
