"""The common base of the reviews on GitLab, Bitbucket and Gitea: pull requests, one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from cci_migrate.forges.pull_request_reviews import MergeMethod, OwnPull, PullRequestReview
from cci_migrate.forges.repository import Checks, Snapshot, Unreadable
from cci_migrate.forges.rest_hosts import RestHost
from cci_migrate.transport.http import Response
from cci_migrate.transport.write_kinds import WriteKind

_Answer = TypeVar("_Answer")


class RestReviews(ABC, Generic[_Answer]):
    """The pull requests of ``host``; see `Reviews`. ``answer`` is what it answers about one."""

    merge_methods = frozenset(MergeMethod)
    answer: type[_Answer]

    def __init__(self, host: RestHost) -> None:
        self.host = host
        self.api = host.api

    def read(self, pulls: Sequence[OwnPull]) -> Iterator[PullRequestReview | Unreadable]:
        """The state of each of ``pulls``."""
        return self.api.threads.in_order(
            lambda pull: self.host.observation(pull.ref, partial(self.review_of, pull)), pulls
        )

    def wait_for_turn(self, kind: WriteKind) -> None:
        """Wait until a write of ``kind`` is allowed."""
        self.api.wait_for_turn(kind)

    def path(self, pull: OwnPull) -> str:
        """Where the API has ``pull``."""
        return self.host.pull_path(Snapshot(pull.ref), pull.pull.number)

    def request(self, pull: OwnPull) -> _Answer:
        """The host's answer about ``pull``."""
        return self.api.read("GET", self.path(pull)).body(self.answer)

    def branch(self, pull: OwnPull, name: str) -> Response:
        """The host's answer about a branch of the repository of ``pull``."""
        return self.api.read("GET", self.host.branch_path(Snapshot(pull.ref), name))

    def checks(self, pull: OwnPull, commit: str) -> Checks:
        """The result of CI for a commit of the repository of ``pull``."""
        return self.host.commit_checks(Snapshot(pull.ref), commit)

    @abstractmethod
    def review_of(self, pull: OwnPull) -> PullRequestReview:
        """The state of ``pull``."""
