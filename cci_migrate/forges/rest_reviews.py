"""The common base of the reviews on GitLab, Bitbucket and Gitea: pull requests, one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cci_migrate.forges.pull_request_reviews import MergeMethod, OwnPull, PullRequestReview
from cci_migrate.forges.repository import Checks, RepositoryRef, Unreadable
from cci_migrate.transport.http import Api
from cci_migrate.transport.write_kinds import WriteKind

#: Reads one pull request of a repository, with its errors turned into Unreadable.
ReadOne = Callable[
    [RepositoryRef, Callable[[], PullRequestReview]],
    PullRequestReview | Unreadable,
]
#: The result of CI for a commit or branch of a repository.
ChecksOf = Callable[[RepositoryRef, str], Checks]


class RestReviews(ABC):
    """The pull requests of a host with a REST API; see `Reviews`."""

    merge_methods = frozenset(MergeMethod)

    def __init__(self, api: Api, read_one: ReadOne, checks_of: ChecksOf) -> None:
        self._api = api
        self._read_one = read_one
        self._checks_of = checks_of

    def read(self, pulls: Sequence[OwnPull]) -> Iterator[PullRequestReview | Unreadable]:
        """The state of each of ``pulls``."""
        return self._api.threads.in_order(
            lambda pull: self._read_one(pull.ref, partial(self.review_of, pull)), pulls
        )

    def wait_for_turn(self, kind: WriteKind) -> None:
        """Wait until a write of ``kind`` is allowed."""
        self._api.wait_for_turn(kind)

    @abstractmethod
    def review_of(self, pull: OwnPull) -> PullRequestReview:
        """The state of ``pull``."""
