"""The spine: from the bytes of CircleCI files to proven changes.

Everything here is pure. The command line, the prompts and the batch all call `process`, each with
its own `Decisions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cci_migrate.findings import APPLY_ALL, Decisions
from cci_migrate.outcomes import Outcome
from cci_migrate.policy import Policy

#: Gives the bytes of a file of the repository by its path from the root, None if there is none.
RepositoryReader = Callable[[str], bytes | None]


def nothing_else(path: str) -> bytes | None:
    """The reader for a file that comes without its repository (standard input)."""
    del path
    return None


def group_files(paths: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Which of a repository's ``paths`` make up one config together, told by their names.

    A packed source tree is one group; any other file is a group of its own. Sorted.
    """
    raise NotImplementedError


def process(
    files: Mapping[str, bytes],
    policy: Policy,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = nothing_else,
) -> Outcome:
    """What becomes of the config that ``files`` (one group: path from the root to bytes) make up.

    Nothing is written and nothing is raised for bad input: the outcome says it.
    """
    raise NotImplementedError


def process_repository(
    files: Mapping[str, bytes],
    policy: Policy,
    decisions: Decisions = APPLY_ALL,
    read: RepositoryReader = nothing_else,
) -> tuple[Outcome, ...]:
    """`process` for each group of ``files``."""
    return tuple(
        process({path: files[path] for path in group}, policy, decisions, read)
        for group in group_files(files)
    )
