"""The engine for configs that nobody vouches for: each ends, whatever is in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cci_migrate.engine.outcomes import Failed, Outcome
from cci_migrate.engine.processing import NO_NEIGHBOURS, Neighbours, RepositoryReader, process
from cci_migrate.findings import Decisions
from cci_migrate.policy.model import Policy
from cci_migrate.workers.work_limits import WorkLimits, within


def process_within(
    limits: WorkLimits,
    files: Mapping[str, bytes],
    policy: Policy,
    decisions: Decisions,
    read: RepositoryReader,
    *,
    explain: bool = False,
    only_find: bool = False,
    beside: Neighbours = NO_NEIGHBOURS,
) -> Outcome:
    """`engine.process` within ``limits``. Raises nothing: a mistake of ours is an outcome too."""
    paths = tuple(files)
    try:
        return within(
            limits,
            paths,
            lambda: process(
                files,
                policy,
                decisions,
                read,
                explain=explain,
                only_find=only_find,
                beside=beside,
            ),
        )
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not stop the other files
        return Failed(paths, f"internal error: {place_of(error)}", "please report it")


def place_of(error: BaseException) -> str:
    """The kind of ``error`` and where it was raised: not its text, which may quote the config."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f" at {Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else ""
    return f"{type(error).__name__}{place}"
