"""Whether ``--revert`` brings a config back to the byte after a fix, and if not, why.

Only the fixes that ``--revert`` takes back are made: see ``docs/revert.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from enum import Enum

from cci_migrate.engine.outcomes import Examined
from cci_migrate.findings import FindingState
from cci_migrate.policy.settings import Policy, Revert
from cci_migrate.rule_ids import MISSING_CONTEXT, PULL_BEFORE_LOGIN, UNAUTHENTICATED_IMAGE
from tests.processing import process

_FIXING = Policy(select=frozenset({UNAUTHENTICATED_IMAGE, PULL_BEFORE_LOGIN, MISSING_CONTEXT}))
_REVERTING = Policy(revert=Revert.ALL)


class Reversal(Enum):
    """What a config is after a fix and a reversal."""

    SAME = "to the byte"
    OWN_NAMES = "the file's own names: what it had of them is like what was added"
    ONE_CONTEXT = "one context: a list or a text, by the file's habits"
    MERGE = "`<<: *x` or `*x`, by the file's habits"
    SPLIT = "an anchored entry that was split stays so, and means the same"
    LEFT = "left, with the reason in the report"
    OTHER = "another difference"


def reversal(path: str, before: bytes, files: Mapping[str, bytes]) -> Reversal | None:
    """What the config at ``path`` of the repository with ``files`` comes back as.

    None if no fix changes it.
    """
    fixed = process({path: before}, _FIXING, read=files.get)
    if not isinstance(fixed, Examined) or fixed.change is None:
        return None
    after = fixed.change.files[0].after
    reverted = process({path: after}, _REVERTING, read={**files, path: after}.get)
    if not isinstance(reverted, Examined):
        return Reversal.OTHER
    again = after if reverted.change is None else reverted.change.files[0].after
    if again == before:
        return Reversal.SAME
    names = [
        resolution.finding.names
        for resolution in fixed.resolutions
        if resolution.state is FindingState.FIXED
    ]
    if any(reason is not None and reason.path is not None for reason in names):
        return Reversal.OWN_NAMES
    return _difference(before, again, reverted)


def _difference(before: bytes, again: bytes, reverted: Examined) -> Reversal:
    diff = unified_diff(before.decode().splitlines(), again.decode().splitlines(), n=0, lineterm="")
    lines = [line[1:].strip() for line in diff if not line.startswith(("---", "+++", "@@"))]
    if any(resolution.state is FindingState.LEFT for resolution in reverted.resolutions):
        return Reversal.LEFT
    if any(line.startswith("<<: &") for line in lines):
        return Reversal.SPLIT
    if all(line.startswith(("context:", "- ")) and "image:" not in line for line in lines):
        return Reversal.ONE_CONTEXT if any("context:" in line for line in lines) else Reversal.MERGE
    if all("*" in line or line.endswith(":") for line in lines):
        return Reversal.MERGE
    return Reversal.OTHER
