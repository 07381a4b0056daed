"""The spine: from the bytes of a repository's CircleCI files to proven changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cci_migrate.findings import APPLY_ALL, Decisions
from cci_migrate.outcomes import Outcome
from cci_migrate.policy import Policy

#: Gives the bytes of a file of the repository by its path from the root, None if there is none.
RepositoryReader = Callable[[str], bytes | None]


def process_repository(
    files: Mapping[str, bytes],
    policy: Policy,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = lambda path: None,
) -> tuple[Outcome, ...]:
    """What becomes of each config among ``files`` (path from the root to bytes).

    Pure: nothing is written. Several files that make up one packed config give one outcome.
    """
    raise NotImplementedError
